"""Whole slide images: volumes are de-identified, a picture of a label is never published."""

import pydicom
import pytest

from transforms.model.errors import InstanceProblem

SLIDE = pydicom.uid.VLWholeSlideMicroscopyImageStorage


@pytest.fixture
def slide(made):
    """A function from values 3 and on of Image Type to a slide image with its specimen and barcode."""

    def make(*flavor):
        dataset = made(SLIDE, ImageType=["ORIGINAL", "PRIMARY", *flavor], BarcodeValue="S17-4711", LabelText="Kowalski S17-4711")
        dataset.ContainerIdentifier = "S17-4711"
        specimen = pydicom.Dataset()
        specimen.SpecimenIdentifier, specimen.SpecimenUID = "S17-4711-A", "1.2.276.2.9"
        specimen.SpecimenShortDescription = "Skin of Kowalski"
        dataset.SpecimenDescriptionSequence = [specimen]
        return dataset

    return make


def test_a_volume_loses_its_specimens_names(slide, deidentify, uid_of):
    done = deidentify(slide("VOLUME", "NONE"))
    assert done.new.SpecimenDescriptionSequence[0].SpecimenUID == uid_of("1.2.276.2.9")
    assert not any(trace in done.scrubbed.content for trace in (b"Kowalski", b"S17-4711"))
    assert done.holds == ()


@pytest.mark.parametrize("values", [{"flavor": "LABEL"}, {"flavor": "label "}, {"SpecimenLabelInImage": "YES"}])
def test_a_label_is_refused(slide, deidentify, values):
    dataset = slide(values.get("flavor", "OVERVIEW"), "NONE")
    dataset.SpecimenLabelInImage = values.get("SpecimenLabelInImage", "NO")
    with pytest.raises(InstanceProblem) as refused:
        deidentify(dataset)
    assert refused.value.code == "LABEL"


@pytest.mark.servers
def test_the_output_is_sound(slide, deidentify, sound):
    sound(deidentify(slide("VOLUME", "NONE")))
