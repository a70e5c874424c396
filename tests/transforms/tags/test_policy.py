"""The object policy: a family for every class, and an outcome for what is not de-identified."""

import importlib.util
import json
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID_dictionary

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.tags import attributes
from transforms.tags.documents import placeholders
from transforms.tags.policy import admit, family, hold

CT = "1.2.840.10008.5.1.4.1.1.2"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
EXPLICIT = "1.2.840.10008.1.2.1"
COMMITMENT = {"1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"}
STORAGE = sorted(
    uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "Storage" in name and uid not in COMMITMENT
)
TYPED = sorted(json.loads((Path(attributes.__file__).parent / "data" / "attributes.json").read_text())["classes"])


def instance(sop_class: str | None = CT, syntax: str = EXPLICIT, media: str | None = None, **values) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    if media or sop_class:
        meta.MediaStorageSOPClassUID = media or sop_class
    dataset = Dataset()
    if sop_class is not None:
        dataset.SOPClassUID = sop_class
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return FileDataset("", dataset, file_meta=meta)


def refusal(dataset: FileDataset) -> tuple[str, str, OutcomeKind]:
    with pytest.raises(InstanceProblem) as caught:
        admit(dataset)
    return caught.value.stage, caught.value.code, caught.value.kind


@pytest.mark.parametrize("sop_class", sorted({*STORAGE, *TYPED}), ids=lambda uid: pydicom.uid.UID(uid).keyword or uid)
def test_every_storage_class_has_a_family(sop_class):
    found = family(sop_class)
    assert found.name not in ("unknown", "private")
    assert found.treatment in ("process", "replace", "hold", "refuse", "skip")
    assert bool(found.code and found.sentence) == (found.treatment not in ("process", "replace"))
    assert (found.treatment == "replace") == (sop_class in placeholders())


@pytest.mark.parametrize(
    ("keyword", "name", "treatment"),
    [
        ("CTImageStorage", "image", "process"),
        ("EnhancedMRImageStorage", "image", "process"),
        ("UltrasoundMultiFrameImageStorage", "image", "process"),
        ("SecondaryCaptureImageStorage", "secondary_capture", "process"),
        ("SegmentationStorage", "segmentation", "process"),
        ("RTPlanStorage", "radiotherapy", "process"),
        ("RTDoseStorage", "radiotherapy", "process"),
        ("ComprehensiveSRStorage", "structured_report", "process"),
        ("KeyObjectSelectionDocumentStorage", "key_object", "process"),
        ("GrayscaleSoftcopyPresentationStateStorage", "presentation_state", "process"),
        ("TwelveLeadECGWaveformStorage", "waveform", "process"),
        ("GeneralAudioWaveformStorage", "audio", "refuse"),
        ("EncapsulatedCDAStorage", "encapsulated_document", "replace"),
        ("RawDataStorage", "raw_data", "hold"),
        ("DICOSCTImageStorage", "not_medical", "hold"),
        ("MediaStorageDirectoryStorage", "directory", "skip"),
    ],
)
def test_classes_are_treated_as_their_family(keyword, name, treatment):
    found = family(getattr(pydicom.uid, keyword))
    assert (found.name, found.treatment) == (name, treatment)


@pytest.mark.parametrize(
    ("dataset", "code", "kind"),
    [
        (instance("1.2.840.10008.5.1.4.1.1.9.4.1"), "AUDIO", OutcomeKind.FAILED),
        (instance("1.2.840.10008.5.1.4.1.1.88.2"), "AUDIO", OutcomeKind.FAILED),
        (instance("1.2.840.10008.5.1.4.1.1.201.1"), "INVENTORY", OutcomeKind.FAILED),
        (instance(syntax="1.2.840.10008.1.2.4.100"), "VIDEO", OutcomeKind.FAILED),
        (instance(syntax="1.2.840.10008.1.2.4.106.1"), "VIDEO", OutcomeKind.FAILED),
        (instance(syntax="1.2.840.10008.1.2.4.107"), "VIDEO", OutcomeKind.FAILED),
        (instance(syntax="1.2.840.10008.1.2.4.94"), "REFERENCED_PIXELS", OutcomeKind.FAILED),
        (instance(SLIDE, ImageType=["ORIGINAL", "PRIMARY", "LABEL", "NONE"]), "LABEL", OutcomeKind.FAILED),
        (instance(SLIDE, ImageType=["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"], SpecimenLabelInImage="YES"), "LABEL", OutcomeKind.FAILED),
        (instance(None), "NO_SOP_CLASS", OutcomeKind.FAILED),
        (instance(""), "NO_SOP_CLASS", OutcomeKind.FAILED),
        (instance(None, media="1.2.840.10008.1.3.10"), "DICOMDIR", OutcomeKind.SKIPPED),
        (instance(None, DirectoryRecordSequence=[]), "DICOMDIR", OutcomeKind.SKIPPED),
    ],
)
def test_what_cannot_be_de_identified_is_refused(dataset, code, kind):
    assert refusal(dataset) == ("read", code, kind)


@pytest.mark.parametrize(
    "dataset",
    [
        instance(),
        instance(syntax="1.2.840.10008.1.2.4.90"),
        instance(SLIDE, ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], SpecimenLabelInImage="NO"),
        instance(CT, ImageType=["DERIVED", "PRIMARY", "LABEL"]),
    ],
)
def test_everything_else_is_admitted_and_not_held(dataset):
    admit(dataset)
    assert hold(dataset) is None


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        ("1.2.840.10008.5.1.4.1.1.66", "RAW_DATA"),
        ("1.2.840.10008.5.1.4.1.1.9", "RETIRED_CLASS"),
        ("1.2.840.10008.5.1.4.1.1.601.1", "NOT_MEDICAL"),
        ("1.2.840.10008.5.1.4.1.1.999", "UNKNOWN_SOP_CLASS"),
        ("1.2.840.10008.1.20.1", "UNKNOWN_SOP_CLASS"),
        ("1.2.840.113619.4.27", "PRIVATE_SOP_CLASS"),
        ("1.2.840.100081", "PRIVATE_SOP_CLASS"),
    ],
)
def test_a_doubtful_class_is_admitted_and_held(sop_class, code):
    admit(instance(sop_class))
    held = hold(instance(sop_class))
    assert (held.stage, held.code) == ("tags", code)


@pytest.mark.parametrize("dataset", [instance(SLIDE), instance(SLIDE, ImageType="ORIGINAL")])
def test_a_slide_that_does_not_say_what_it_shows_is_held(dataset):
    admit(dataset)
    assert hold(dataset).code == "LABEL"


def test_sentences_and_codes_name_no_value():
    with pytest.raises(InstanceProblem) as caught:
        admit(instance(SLIDE, ImageType=["ORIGINAL", "PRIMARY", "LABEL"], BarcodeValue="S-17 Miller"))
    assert "Miller" not in str(caught.value)
    assert SLIDE not in str(caught.value)


def test_the_files_that_pydicom_ships_go_through():
    """All but directories and fragments of data sets are of classes that are published."""
    folders = [Path(pydicom.__file__).parent / "data" / "test_files", Path(importlib.util.find_spec("data_store").origin).parent / "data"]
    outcomes: dict[str, int] = {}
    for file in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
        except Exception:  # noqa: BLE001 - broken files are the reader's business
            continue
        try:
            admit(dataset)
            code = "held" if hold(dataset) else "published"
        except InstanceProblem as problem:
            code = problem.code
        outcomes[code] = outcomes.get(code, 0) + 1
    assert outcomes.keys() == {"published", "DICOMDIR", "NO_SOP_CLASS"}
    assert outcomes["published"] > 200
