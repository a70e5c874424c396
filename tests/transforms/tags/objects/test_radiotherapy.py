"""RT objects: geometry and doses are kept to the number, references resolve, labels and names go."""

import pydicom
import pytest
from pydicom.uid import UID_dictionary

from transforms.tags import policy
from transforms.tags.attributes import required

CLASSES = sorted(uid for uid in UID_dictionary if policy.family(uid).name == "radiotherapy" and required(uid))
FILES = ("rtstruct.dcm", "rtplan.dcm", "rtdose_1frame.dcm")


@pytest.fixture
def real(real_file, patient):
    """A function from a file's name to its data set, as that of our patient."""
    return lambda name: patient(pydicom.dcmread(real_file(name), force=True))


def test_contours_stay_and_regions_lose_their_names_text(real, deidentify, uid_of):
    source = real("rtstruct.dcm")
    source.StructureSetROISequence[0].ROIDescription = "drawn for Kowalski"
    new = deidentify(source).new
    contours = [[list(c.ContourData) for c in roi.ContourSequence] for roi in source.ROIContourSequence]
    assert [[list(c.ContourData) for c in roi.ContourSequence] for roi in new.ROIContourSequence] == contours
    assert [roi.ROINumber for roi in new.StructureSetROISequence] == [roi.ROINumber for roi in source.StructureSetROISequence]
    frame = source.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    assert new.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID == uid_of(frame)
    assert new.StructureSetROISequence[0].ReferencedFrameOfReferenceUID == uid_of(frame)
    assert "Kowalski" not in str(new)


def test_a_plan_keeps_its_beams_and_its_references(real, deidentify, uid_of):
    source = real("rtplan.dcm")
    new = deidentify(source).new
    for beam, same in zip(source.BeamSequence, new.BeamSequence, strict=True):
        assert [p.get("GantryAngle") for p in same.ControlPointSequence] == [p.get("GantryAngle") for p in beam.ControlPointSequence]
    fractions = [group.NumberOfFractionsPlanned for group in source.FractionGroupSequence]
    assert [group.NumberOfFractionsPlanned for group in new.FractionGroupSequence] == fractions
    (structures,) = source.ReferencedStructureSetSequence
    assert new.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == uid_of(structures.ReferencedSOPInstanceUID)
    assert new.RTPlanLabel != source.RTPlanLabel


def test_a_dose_keeps_its_grid(real, deidentify, uid_of):
    source = real("rtdose_1frame.dcm")
    source.DoseComment = "for Kowalski"
    new = deidentify(source).new
    assert new.PixelData == source.PixelData
    assert (new.DoseGridScaling, new.GridFrameOffsetVector) == (source.DoseGridScaling, source.GridFrameOffsetVector)
    (plan,) = source.ReferencedRTPlanSequence
    assert new.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == uid_of(plan.ReferencedSOPInstanceUID)
    assert "DoseComment" not in new


@pytest.mark.servers
@pytest.mark.parametrize("name", FILES)
def test_real_objects_are_sound(real, deidentify, sound, name):
    sound(deidentify(real(name)))


@pytest.mark.servers
@pytest.mark.parametrize("sop_class", CLASSES, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_every_class_is_sound(sound_class, sop_class):
    sound_class(sop_class)
