"""Where UIDs are kept, valid ones are; what is none (PS3.5 9.1) becomes the UID that it becomes everywhere else."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from transforms.model.keys import Purpose
from transforms.tags.uids import UidMapper

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

RETAINED = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "ps315Options": {"retainUids": True}}}
KEPT = {"dicom": {"filterProfile": "KEEP_ALL_PROFILE", "skipIdRedaction": True}}
VALID = "1.2.840.113619.2.55.3.4"
MALFORMED = ["DOE^JANE", "dccc9599087131742838cc1162a630fe", "1.2.840.0113619.1", "1.2..3", "4711.1", "12345678", "1." + "2" * 63]


def instance(uid: str) -> Dataset:
    """An instance that names itself and its frame of reference by one UID, and another instance by a valid one."""
    dataset, itself, other = Dataset(), Dataset(), Dataset()
    itself.ReferencedSOPInstanceUID, other.ReferencedSOPInstanceUID = uid, VALID
    dataset.SOPInstanceUID = dataset.FrameOfReferenceUID = uid
    dataset.StudyInstanceUID = VALID
    dataset.ReferencedImageSequence = Sequence([itself, other])
    return dataset


@pytest.mark.parametrize("uid", MALFORMED)
@pytest.mark.parametrize("config", [RETAINED, KEPT], ids=["retainUids", "skipIdRedaction"])
def test_what_is_no_uid_is_mapped_wherever_it_names_the_instance(deidentify, secret, config, uid):
    scrubbed, new, _ = deidentify(config, instance(uid))
    expected = UidMapper(secret.purpose(Purpose.UID)).new(uid)
    assert UID(expected).is_valid
    assert (new.SOPInstanceUID, new.file_meta.MediaStorageSOPInstanceUID, scrubbed.target.instance) == (expected,) * 3
    assert [item.ReferencedSOPInstanceUID for item in new.ReferencedImageSequence] == [expected, VALID]
    assert new.StudyInstanceUID == scrubbed.target.study == VALID


@pytest.mark.parametrize("uid", MALFORMED)
def test_no_other_uid_that_is_none_is_retained_either(deidentify, uid):
    new = deidentify(RETAINED, instance(uid))[1]
    assert new.FrameOfReferenceUID == new.SOPInstanceUID != uid


@pytest.mark.parametrize("config", [RETAINED, KEPT], ids=["retainUids", "skipIdRedaction"])
def test_valid_ones_stay_as_they_are(deidentify, config):
    scrubbed, new, _ = deidentify(config, instance("2.25.0"))
    assert {new.SOPInstanceUID, new.FrameOfReferenceUID, new.file_meta.MediaStorageSOPInstanceUID, scrubbed.target.instance} == {"2.25.0"}
    assert [finding.tag for finding in scrubbed.findings if finding.action == "REGENERATED UID"] == []


def test_the_change_is_told_with_its_reason(deidentify):
    found = {finding.tag: finding for finding in deidentify(RETAINED, instance("1.2.03"))[0].findings}
    assert (found["00080018"].original, found["00080018"].action) == ("1.2.03", "REGENERATED UID")
    assert found["00080018"].reason == "Matched ID: 00080018 (no valid UID, PS3.5 9.1)"


def test_a_real_file_with_a_malformed_uid_is_published_under_a_valid_one(real_file, scrub):
    content = real_file("bad_sequence.dcm").read_bytes()
    old, (scrubbed, new) = pydicom.dcmread(real_file("bad_sequence.dcm")), scrub(content, keep_uids=True)
    assert not UID(old.SOPInstanceUID).is_valid
    assert all(UID(uid).is_valid for uid in (new.SOPInstanceUID, new.SeriesInstanceUID, scrubbed.target.study))
