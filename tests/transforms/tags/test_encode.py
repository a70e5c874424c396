import io
import zlib

import pydicom
import pytest
from pydicom.dataset import Dataset

from transforms.model.errors import InstanceProblem
from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.tags.encode import IMPLEMENTATION_CLASS_UID, transfer_syntax
from transforms.tags.scrubber import Scrubber

SYNTAXES = [
    pydicom.uid.ImplicitVRLittleEndian,
    pydicom.uid.ExplicitVRLittleEndian,
    pydicom.uid.ExplicitVRBigEndian,
    pydicom.uid.DeflatedExplicitVRLittleEndian,
]


def small() -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.PatientName, dataset.RescaleSlope = 258, "Doe^Jane", "1.50"
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_file_comes_out_in_its_own_syntax_with_a_meta_of_its_own(scrub, file_bytes, syntax):
    scrubbed, new = scrub(file_bytes(small(), syntax))
    assert scrubbed.content[:132] == bytes(128) + b"DICM"
    assert new.file_meta.TransferSyntaxUID == syntax
    assert [f"{element.tag.element:04X}" for element in new.file_meta] == ["0000", "0001", "0002", "0003", "0010", "0012", "0013"]
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID == scrubbed.target.instance
    assert new.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert new.Rows == 258


def test_what_is_deflated_is_padded_and_whole(scrub, file_bytes):
    content = scrub(file_bytes(small(), pydicom.uid.DeflatedExplicitVRLittleEndian))[0].content
    assert len(content) % 2 == 0
    start = 132 + 12 + pydicom.dcmread(io.BytesIO(content)).file_meta.FileMetaInformationGroupLength
    inflated = zlib.decompress(content[start:], wbits=-zlib.MAX_WBITS)
    assert b"Doe" not in inflated
    assert b"1.50" in inflated


def test_a_preamble_and_the_sources_meta_do_not_pass(scrub, file_bytes):
    dataset = pydicom.dcmread(io.BytesIO(file_bytes(small())))
    dataset.preamble = b"Doe, Jane".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "DOE_CLINIC"
    dataset.file_meta.PrivateInformationCreatorUID, dataset.file_meta.PrivateInformation = "1.2.3", b"Doe!"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    scrubbed, _ = scrub(buffer.getvalue(), Profile.KEEP_ALL)
    assert b"Doe, Jane" not in scrubbed.content
    assert b"DOE_CLINIC" not in scrubbed.content
    assert b"Doe!" not in scrubbed.content
    found = {finding.tag: finding for finding in scrubbed.findings}
    assert found["00020000"].reason == "Matched Expression: file preamble"
    assert (found["00020016"].action, found["00020016"].original) == ("DELETED", "DOE_CLINIC")
    assert found["00020003"].replaced == scrubbed.target.instance


def test_a_stated_syntax_that_is_not_the_real_one_gives_way_to_the_real_one(opened, file_bytes):
    source = opened(file_bytes(small(), pydicom.uid.ImplicitVRLittleEndian)).dataset
    source.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    assert transfer_syntax(source) == pydicom.uid.ImplicitVRLittleEndian
    source.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    with pytest.raises(InstanceProblem, match="SYNTAX_MISMATCH"):
        transfer_syntax(source)


def test_a_value_that_cannot_be_written_fails_the_instance_without_being_quoted(file_bytes, opened, secret):
    source = opened(file_bytes(small()))
    source.dataset["Rows"].value = "Doe"
    with pytest.raises(InstanceProblem, match="CANNOT_ENCODE") as caught:
        Scrubber(ActionPlan(Profile.BASIC, False, ALL_TEXT), secret).scrub(source)
    assert "Doe" not in str(caught.value)
