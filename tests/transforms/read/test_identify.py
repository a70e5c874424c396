"""The cheap look agrees with the whole reading, and stays cheap."""

import io

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from transforms.model.keys import Purpose
from transforms.model.records import InstanceUids
from transforms.read.identify import HEAD_BYTES, instance_uids, sop_instance
from transforms.read.open import source_uids
from transforms.read.structure import check


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "rtstruct.dcm", "OT-PAL-8-face.dcm", "US1_J2KR.dcm", "test-SR.dcm"],
)
def test_the_uid_is_the_one_that_reading_finds(real_file, secret, name):
    content = real_file(name).read_bytes()
    expected = source_uids(check(content), content, secret.purpose(Purpose.UID))
    assert sop_instance(str(real_file(name)), len(content)) == expected.instance
    assert instance_uids(str(real_file(name)), len(content)) == expected


def test_a_uid_far_into_the_file_is_found(tmp_path, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
    dataset.file_meta.PrivateInformation = b"x" * 2 * HEAD_BYTES
    path = tmp_path / "far.dcm"
    dataset.save_as(path)
    assert sop_instance(str(path), path.stat().st_size) == dataset.SOPInstanceUID


def test_what_a_file_does_not_say_or_is_cut_off_before_is_empty(tmp_path, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    del dataset.SeriesInstanceUID
    dataset.save_as(tmp_path / "nameless.dcm")
    found = instance_uids(str(tmp_path / "nameless.dcm"), (tmp_path / "nameless.dcm").stat().st_size)
    assert found == InstanceUids(dataset.StudyInstanceUID, "", dataset.SOPInstanceUID)
    (tmp_path / "cut.dcm").write_bytes(real_file("CT_small.dcm").read_bytes()[:700])
    assert instance_uids(str(tmp_path / "cut.dcm"), 700) == InstanceUids("", "", dataset.SOPInstanceUID)


def test_only_the_first_bytes_of_a_large_file_are_needed(tmp_path, real_file):
    path = tmp_path / "large.dcm"
    path.write_bytes(real_file("CT_small.dcm").read_bytes()[:HEAD_BYTES])
    assert sop_instance(str(path), 8 << 30) == pydicom.dcmread(real_file("CT_small.dcm")).SOPInstanceUID


def test_a_large_deflated_file_is_identified(tmp_path, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(range(256)) * 1024
    out = io.BytesIO()
    dataset.save_as(out)
    path = tmp_path / "deflated.dcm"
    path.write_bytes(out.getvalue()[:1500])
    assert sop_instance(str(path), 1500) == dataset.SOPInstanceUID


@pytest.mark.parametrize("content", [b"", b"text" * 100, b"\0" * 128 + b"DICM", b"\x08\x00\x18\x00UI\x00\x00"])
def test_no_uid_is_none(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sop_instance(str(path), len(content)) is None


def test_a_large_file_that_is_not_dicom_is_not_read(tmp_path):
    with (tmp_path / "video").open("wb") as file:
        file.truncate(8 << 30)  # sparse: reading it whole would take the memory of the machine
    assert sop_instance(str(tmp_path / "video"), 8 << 30) is None


def test_a_file_that_is_not_there_is_none(tmp_path):
    assert sop_instance(str(tmp_path / "gone"), 10) is None
