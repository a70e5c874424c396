"""Enhanced CT, MR and US, ophthalmic images and measurements, registrations, protocols: functional groups and samples stay."""

import pydicom
import pytest
from pydicom.uid import UID_dictionary

from transforms.tags import policy
from transforms.tags.attributes import required

FAMILIES = ("image", "secondary_capture", "measurement", "spatial", "spectroscopy", "protocol", "template", "lookup_table")
CLASSES = sorted(uid for uid in UID_dictionary if policy.family(uid).name in FAMILIES and required(uid))


def test_functional_groups_keep_their_numbers(real_file, patient, deidentify, uid_of):
    source = patient(pydicom.dcmread(real_file("eCT_Supplemental.dcm")))
    new = deidentify(source).new
    assert new.PixelData == source.PixelData
    frames = zip(source.PerFrameFunctionalGroupsSequence, new.PerFrameFunctionalGroupsSequence, strict=True)
    for frame, same in frames:
        for group, number in (("PlanePositionSequence", "ImagePositionPatient"), ("FrameContentSequence", "DimensionIndexValues")):
            assert same[group][0][number].value == frame[group][0][number].value
    organization = source.DimensionOrganizationSequence[0].DimensionOrganizationUID
    assert new.DimensionOrganizationSequence[0].DimensionOrganizationUID == uid_of(organization)


@pytest.mark.servers
@pytest.mark.parametrize("sop_class", CLASSES, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_every_class_is_sound(sound_class, sop_class):
    sound_class(sop_class)
