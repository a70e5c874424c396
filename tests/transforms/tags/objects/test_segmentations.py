"""Segmentations, parametric maps, surfaces, tracts and bulk annotations: what was found stays, who it was found in goes."""

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import UID_dictionary

from transforms.model.plan import Option
from transforms.tags import policy
from transforms.tags.attributes import required

CLASSES = sorted(uid for uid in UID_dictionary if policy.family(uid).name in ("segmentation", "surface") and required(uid))
NEW = {
    "series_instance_uid": "1.2.276.2.1",
    "series_number": 1,
    "sop_instance_uid": "1.2.276.2.2",
    "instance_number": 1,
    "manufacturer": "ACME",
    "manufacturer_model_name": "Model",
    "software_versions": "1",
    "device_serial_number": "SN-77331",
}


@pytest.fixture
def image(real_file, patient):
    """A CT image of our patient."""
    return patient(pydicom.dcmread(real_file("CT_small.dcm")))


@pytest.fixture
def segmentation(image):
    """One segment of it, with a remark that names the patient."""
    mask = np.zeros((image.Rows, image.Columns), dtype=np.uint8)
    mask[20:40, 30:50] = 1
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Liver",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type="MANUAL",
        tracking_uid="1.2.276.2.9",
        tracking_id="T1",
    )
    return hd.seg.Segmentation(
        [image], mask, "BINARY", [segment], content_description="for Kowalski", content_creator_name="Nowak^Ewa", **NEW
    )


def test_a_segment_keeps_its_samples_and_what_it_is(segmentation, image, deidentify, uid_of):
    done = deidentify(segmentation)
    assert done.new.PixelData == segmentation.PixelData
    (segment,) = done.new.SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning) == ("Liver", "Liver")
    assert segment.TrackingUID == uid_of("1.2.276.2.9")
    (series,) = done.new.ReferencedSeriesSequence
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == uid_of(image.SOPInstanceUID)
    assert not any(trace in done.scrubbed.content for trace in (b"Kowalski", b"Nowak", b"SN-77331"))
    assert done.holds == ()


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), (Option.DESCRIPTORS, Option.DEVICE)], ids=["basic", "options"])
def test_a_segmentation_is_sound(segmentation, deidentify, sound, options):
    sound(deidentify(segmentation, *options))


@pytest.mark.servers
def test_a_real_segmentation_is_sound(real_file, patient, deidentify, sound):
    source = patient(pydicom.dcmread(real_file("liver_1frame.dcm")))
    done = deidentify(source)
    assert done.new.PixelData == source.PixelData
    sound(done)


@pytest.fixture
def parametric_map(image):
    """A map of values of it."""
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="1", lut_explanation="values", unit=codes.UCUM.NoUnits, value_range=[0, 255], intercept=0, slope=1
    )
    return hd.pm.ParametricMap(
        [image],
        pixel_array=image.pixel_array.astype(np.uint16),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=100,
        window_width=200,
        **NEW,
    )


def test_a_map_keeps_its_values(parametric_map, deidentify):
    new = deidentify(parametric_map).new
    assert new.PixelData == parametric_map.PixelData
    groups = new.SharedFunctionalGroupsSequence[0]
    assert groups.RealWorldValueMappingSequence[0].RealWorldValueSlope == 1


@pytest.mark.servers
def test_a_map_is_sound(parametric_map, deidentify, sound):
    sound(deidentify(parametric_map))


@pytest.mark.servers
@pytest.mark.parametrize("sop_class", CLASSES, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_every_class_is_sound(sound_class, sop_class):
    sound_class(sop_class)
