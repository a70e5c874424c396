"""Presentation states: references remapped, display kept; texts become dummies, or are cleaned with Clean Graphics."""

import numpy as np
import pydicom
import pytest
from highdicom.pr import GraphicAnnotation, GraphicLayer, GrayscaleSoftcopyPresentationState, TextObject

from transforms.model.plan import Option
from transforms.tags import policy

STATES = sorted(uid for uid in pydicom.uid.UID_dictionary if policy.family(uid).name == "presentation_state")


@pytest.fixture
def state(real_file, patient):
    """A grayscale state of an image, with an arrow's text that names the patient."""
    image = patient(pydicom.dcmread(real_file("CT_small.dcm")))
    layer = GraphicLayer(layer_name="LAYER1", order=1, description="of Kowalski")
    text = TextObject(text_value="Kowalski 3 mm", units="PIXEL", anchor_point=(10.0, 10.0))
    return GrayscaleSoftcopyPresentationState(
        referenced_images=[image],
        series_instance_uid="1.2.276.2.1",
        series_number=1,
        sop_instance_uid="1.2.276.2.2",
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="Model",
        software_versions="1",
        device_serial_number="SN-77331",
        content_label="ARROWS",
        content_description="Drawn for Kowalski",
        graphic_layers=[layer],
        graphic_annotations=[GraphicAnnotation(referenced_images=[image], graphic_layer=layer, text_objects=[text])],
        institution_name="St. Mary Hospital",
        concept_name=None,
    ), image.SOPInstanceUID


def test_references_are_remapped_and_texts_are_dummies(deidentify, state, uid_of):
    source, image = state
    done = deidentify(source)
    (referenced,) = done.new.ReferencedSeriesSequence[0].ReferencedImageSequence
    assert referenced.ReferencedSOPInstanceUID == uid_of(image)
    assert done.new.DisplayedAreaSelectionSequence == source.DisplayedAreaSelectionSequence
    assert done.new.GraphicLayerSequence[0].GraphicLayer == source.GraphicLayerSequence[0].GraphicLayer
    assert np.array_equal(done.new.PresentationLUTShape, source.PresentationLUTShape)
    assert b"Kowalski" not in done.scrubbed.content
    assert b"3 mm" not in done.scrubbed.content


def test_clean_graphics_keeps_measures(deidentify, state, uid_of):
    source, image = state
    done = deidentify(source, Option.GRAPHICS, Option.DESCRIPTORS)
    (annotation,) = done.new.GraphicAnnotationSequence
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == uid_of(image)
    assert annotation.TextObjectSequence[0].UnformattedTextValue.endswith("3 mm")
    assert b"Kowalski" not in done.scrubbed.content


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), (Option.GRAPHICS, Option.DESCRIPTORS)], ids=["basic", "cleaned"])
def test_the_output_is_sound(deidentify, state, sound, options):
    sound(deidentify(state[0], *options))


@pytest.mark.servers
@pytest.mark.parametrize("sop_class", STATES, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_every_kind_of_state_is_sound(sound_class, sop_class):
    sound_class(sop_class)
