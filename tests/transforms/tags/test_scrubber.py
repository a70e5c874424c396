import io
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.model.records import Action, InstanceUids, PixelResult, TagFinding
from transforms.tags.elements import tags
from transforms.tags.scrubber import Scrubber
from transforms.tags.uids import strip

FILES = [
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "US1_J2KR.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "693_J2KI.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "eCT_Supplemental.dcm",
    "image_dfl.dcm",
    "test-SR.dcm",
    "rtplan.dcm",
    "rtstruct.dcm",
    "waveform_ecg.dcm",
    "JPEG2000_UNC.dcm",
    "liver_1frame.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "gdcm-US-ALOKA-16_big.dcm",
    "RG1_J2KR.dcm",
    "examples_palette.dcm",
    "OBXXXX1A_rle_2frame.dcm",
    "color3d_jpeg_baseline.dcm",
]
PLANS = [ActionPlan(profile, False, ALL_TEXT) for profile in Profile if profile is not Profile.KEEP_LIST]


def content_of(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def by_tag(findings) -> dict[str, TagFinding]:
    return {finding.tag: finding for finding in findings if not finding.path}


@pytest.fixture
def jane() -> Dataset:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.IssuerOfPatientID = "Doe^Jane", "123 ", "H"
    dataset.AccessionNumber, dataset.InstitutionName, dataset.SeriesDate = "A1", "Clinic\\North", "20200131"
    dataset.RescaleSlope = "1.500"
    return dataset


def as_written(dataset: Dataset, tag: int) -> tuple:
    """VR, length and value of an element; the bytes where pydicom has not converted it itself."""
    element = dataset.get_item(tag, keep_deferred=True)
    return element.VR, getattr(element, "length", None), element.value or b""


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.profile[:5])
@pytest.mark.parametrize("name", FILES)
def test_of_real_files_what_no_finding_names_is_written_byte_for_byte(real_file, opened, secret, name, plan):
    content = real_file(name).read_bytes()
    source, instance = pydicom.dcmread(io.BytesIO(content), force=True), opened(content)
    scrubbed = Scrubber(plan, secret).scrub(instance)
    new = pydicom.dcmread(io.BytesIO(scrubbed.content))
    changed = {finding.tag for finding in scrubbed.findings if not finding.path}
    kept = [tag for tag in tags(source) if f"{tag:08X}" not in changed and not isinstance(as_written(source, tag)[2], Sequence)]
    assert len(kept) >= 5
    for tag in kept:
        assert as_written(new, tag) == as_written(source, tag), tag
    assert new.file_meta.TransferSyntaxUID == source.file_meta.get("TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
    assert instance.dataset == source, "the source has been changed"
    again = Scrubber(plan, secret).scrub(opened(content))
    assert (again.content, again.findings) == (scrubbed.content, scrubbed.findings)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "test-SR.dcm", "eCT_Supplemental.dcm"])
def test_keep_all_changes_the_uids_of_instances_and_little_else(real_file, scrub, name):
    scrubbed, _ = scrub(real_file(name).read_bytes(), Profile.KEEP_ALL)
    regenerated = {finding.tag for finding in scrubbed.findings if finding.action is Action.REGENERATED_UID}
    assert {"00080018", "0020000D", "0020000E"} <= regenerated <= {"00020003", "00080018", "0020000D", "0020000E", "00081155"}
    others = {finding.tag for finding in scrubbed.findings if finding.action not in (Action.REGENERATED_UID, Action.RECURSED)}
    assert all(tag.startswith("0002") or tag.endswith("0000") or tag in ("FFFCFFFC", "00280301", "00880200") for tag in others)


def test_findings_say_what_was_and_what_is(scrub, file_bytes, jane):
    scrubbed, new = scrub(file_bytes(jane))
    found = by_tag(scrubbed.findings)
    assert (found["00100010"].action, found["00100010"].original) == (Action.RESET, "Doe^Jane")
    assert found["00100010"].replaced == str(new.PatientName) == new.PatientID
    assert (found["00080050"].action, found["00080050"].original, found["00080050"].replaced) == (Action.REMOVED, "A1", None)
    assert (found["00080080"].action, found["00080080"].original) == (Action.DELETED, "Clinic\\North")
    assert (found["0020000D"].original, found["0020000D"].replaced) == ("1.2.3.4.2", new.StudyInstanceUID)
    assert "InstitutionName" not in new
    assert new["AccessionNumber"].is_empty
    assert "00281053" not in found
    assert new.RescaleSlope.original_string == "1.500"


def test_findings_of_the_pixels_come_first(scrub, file_bytes, jane):
    finding = TagFinding("7FE00010", Action.CLEANED, "Matched Expression: JPEG COM segment")
    assert scrub(file_bytes(jane), pixels=PixelResult(findings=(finding,)))[0].findings[0] == finding


@pytest.mark.parametrize("profile", [Profile.BASIC, Profile.MINIMAL])
def test_a_patient_has_one_pseudonym_in_all_instances(scrub, file_bytes, jane, profile):
    first = scrub(file_bytes(jane), profile)[1]
    jane.SOPInstanceUID, jane.StudyInstanceUID, jane.PatientName, jane.PatientID = "1.9.1", "1.9.2", "DOE", "123"
    second = scrub(file_bytes(jane), profile)[1]
    jane.IssuerOfPatientID = "other"
    third = scrub(file_bytes(jane), profile)[1]
    assert first.PatientID == str(first.PatientName) == second.PatientID == str(second.PatientName) != third.PatientID
    assert len(first.PatientID) <= 16


def test_a_patient_named_in_a_sequence_has_a_pseudonym_of_its_own(scrub, file_bytes, jane):
    own, other, nameless = Dataset(), Dataset(), Dataset()
    own.PatientID, other.PatientID, nameless.PatientName = "123", "456", "Doe^Jane"
    jane.ReferencedSeriesSequence = [own, other, nameless]
    new = scrub(file_bytes(jane))[1]
    first, second, third = new.ReferencedSeriesSequence
    assert first.PatientID == new.PatientID == str(third.PatientName)
    assert second.PatientID not in (new.PatientID, "456")


def test_references_between_instances_resolve_under_every_profile(scrub, file_bytes):
    referenced, referring = Dataset(), Dataset()
    referenced.SOPInstanceUID, referenced.StudyInstanceUID, referenced.SeriesInstanceUID = "1.7.1", "1.7.2", "1.7.3"
    item, series = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.7.1"
    series.SeriesInstanceUID, series.ReferencedImageSequence = "1.7.3", [item]
    referring.ReferencedSeriesSequence, referring.SourceImageSequence = [series], [item]
    for profile in (Profile.BASIC, Profile.KEEP_ALL):
        target = scrub(file_bytes(referenced), profile)[0].target
        scrubbed, new = scrub(file_bytes(referring), profile)
        there = new.ReferencedSeriesSequence[0]
        assert there.SeriesInstanceUID == target.series
        assert there.ReferencedImageSequence[0].ReferencedSOPInstanceUID == target.instance
        assert there.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        paths = {(finding.path, finding.tag, finding.action) for finding in scrubbed.findings}
        assert ("00081115[0].00081140[0]", "00081155", Action.REGENERATED_UID) in paths
        assert ("00081115[0]", "00081140", Action.RECURSED) in paths
        assert ("", "00081115", Action.RECURSED) in paths
        assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == target.instance


def test_several_uids_in_one_value_are_each_mapped(scrub, file_bytes):
    dataset = Dataset()
    dataset.FailedSOPInstanceUIDList = ["1.7.1", "1.2.840.10008.1.1", "1.7.2"]
    new = scrub(file_bytes(dataset))[1].FailedSOPInstanceUIDList
    assert new[1] == "1.2.840.10008.1.1"
    assert len({*new}) == 3
    assert {"1.7.1", "1.7.2"}.isdisjoint(new)


def test_kept_uids_stay_in_references_too(scrub, file_bytes):
    item, dataset = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID = "1.7.1"
    dataset.SourceImageSequence, dataset.FrameOfReferenceUID = [item], "1.7.9"
    scrubbed, new = scrub(file_bytes(dataset), keep_uids=True)
    assert scrubbed.target == InstanceUids("1.2.3.4.2", "1.2.3.4.3", "1.2.3.4.1")
    assert new.SOPInstanceUID == "1.2.3.4.1"
    assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.7.1"
    assert new.FrameOfReferenceUID != "1.7.9"


@pytest.mark.parametrize("keep_uids", [True, False])
def test_instances_told_apart_get_sop_instance_uids_of_their_own(scrub, file_bytes, jane, keep_uids):
    content = file_bytes(jane)
    targets = [scrub(content, keep_uids=keep_uids, distinct=distinct)[0].target for distinct in ("", "aa", "bb")]
    assert len({target.instance for target in targets}) == 3
    assert len({(target.study, target.series) for target in targets}) == 1


def test_uids_that_the_header_lacks_are_written(opened, secret, file_bytes, jane):
    instance = opened(file_bytes(jane))
    del instance.dataset["StudyInstanceUID"]
    scrubbed = Scrubber(PLANS[1], secret).scrub(instance)
    assert pydicom.dcmread(io.BytesIO(scrubbed.content)).StudyInstanceUID == scrubbed.target.study


def test_private_elements_go_at_every_depth_each_with_its_finding(scrub, file_bytes):
    inner, dataset = Dataset(), Dataset()
    for place in (inner, dataset):
        place.private_block(0x0009, "Doe Devices", create=True).add_new(1, "LO", "Doe^Jane")
    private_item = Dataset()
    private_item.PatientComments = "Doe"
    dataset.private_block(0x0009, "Doe Devices").add_new(2, "SQ", [private_item])
    dataset.ReferencedSeriesSequence = [inner]
    scrubbed, new = scrub(file_bytes(dataset))
    assert b"Doe" not in scrubbed.content
    assert not [element for element in new.iterall() if element.tag.is_private]
    gone = {(finding.path, finding.tag) for finding in scrubbed.findings if finding.action is Action.DELETED}
    assert {("", "00090010"), ("", "00091001"), ("", "00091002"), ("00081115[0]", "00090010"), ("00081115[0]", "00091001")} <= gone
    assert b"Doe" in scrub(file_bytes(dataset), Profile.KEEP_ALL)[0].content


def test_a_sequence_hidden_in_un_is_walked(scrub, file_bytes):
    content = file_bytes(Dataset())
    name = b"\x10\x00\x10\x00\x08\x00\x00\x00Doe^Jane"
    item = b"\xfe\xff\x00\xe0" + len(name).to_bytes(4, "little") + name
    hidden = b"\x08\x00\x15\x11UN\0\0" + len(item).to_bytes(4, "little") + item
    at = content.index(b"\x20\x00\x0d\x00UI")
    scrubbed, new = scrub(content[:at] + hidden + content[at:])
    assert b"Doe" not in scrubbed.content
    assert new["ReferencedSeriesSequence"].VR == "SQ"
    assert [finding.path for finding in scrubbed.findings if finding.original == "Doe^Jane"] == ["00081115[0]"]


@pytest.mark.parametrize("profile", [profile for profile in Profile if profile is not Profile.KEEP_LIST])
def test_a_sequence_hidden_in_un_is_little_endian_in_a_big_endian_file_too(scrub, file_bytes, profile):
    content = file_bytes(Dataset(), pydicom.uid.ExplicitVRBigEndian)
    uid = b"\x08\x00\x55\x11\x08\x00\x00\x001.7.1.12"
    number = b"\x20\x00\x13\x00\x02\x00\x00\x007 "
    rows = b"\x28\x00\x10\x00\x02\x00\x00\x00\x00\x02"
    item = uid + number + rows
    hidden = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    modules = b"\0\x28\x30\0UN\0\0" + len(hidden).to_bytes(4, "big") + hidden
    scrubbed, new = scrub(content + modules, profile)
    (read,) = new.ModalityLUTSequence
    assert (read.Rows, read.InstanceNumber) == (512, 7)
    assert read.ReferencedSOPInstanceUID.startswith("2.25.")
    assert [finding.original for finding in scrubbed.findings if finding.path == "00283000[0]"] == ["1.7.1.12"]


@pytest.mark.parametrize("keyword", ["RelatedGeneralSOPClassUID", "CodingSchemeUID", "ReferencedSOPClassUID"])
def test_what_is_no_uid_does_not_stay_as_the_uid_of_a_kind(scrub, file_bytes, keyword):
    inner, dataset = Dataset(), Dataset()
    for place in (inner, dataset):
        place.add_new(keyword, "UI", "Doe^Jane")
        place.SOPClassesSupported = ["1.2.840.113619.4.26", "1.2.840.10008.5.1.4.1.1.7"]
    dataset.ReferencedSeriesSequence = [inner]
    scrubbed, new = scrub(file_bytes(dataset))
    assert b"Doe" not in scrubbed.content
    assert {finding.path for finding in scrubbed.findings if finding.original == "Doe^Jane"} == {"", "00081115[0]"}
    assert new.SOPClassesSupported == dataset.SOPClassesSupported


def test_a_thumbnail_is_not_published_where_text_is_redacted(scrub, file_bytes):
    icon, holder, dataset = Dataset(), Dataset(), Dataset()
    icon.Rows = icon.Columns = 1
    icon.add_new(0x7FE00010, "OB", b"\1\2")
    holder.ConceptNameCodeSequence = [icon]
    dataset.IconImageSequence, dataset.ReferencedSeriesSequence = [icon], [holder]
    for profile in Profile:
        new = scrub(file_bytes(dataset), profile)[1]
        assert not [element for element in new.iterall() if element.tag == 0x7FE00010]
    new = scrub(file_bytes(dataset), Profile.KEEP_ALL, redact=False)[1]
    assert len([element for element in new.iterall() if element.tag == 0x7FE00010]) == 2


def test_overlays_and_curves_go_whole(scrub, file_bytes):
    dataset = Dataset()
    for tag, vr, value in [(0x60020010, "US", 1), (0x60020011, "US", 8), (0x60023000, "OB", b"\1\0"), (0x50000005, "US", 1)]:
        dataset.add_new(tag, vr, value)
    scrubbed, new = scrub(file_bytes(dataset))
    assert not [tag for tag in tags(new) if tag >> 24 in (0x50, 0x60)]
    assert {"60020010", "60020011", "60023000", "50000005"} <= by_tag(scrubbed.findings).keys()


def test_new_pixel_data_takes_the_place_of_the_old(real_file, scrub):
    content = real_file("MR_small_RLE.dcm").read_bytes()
    items = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x04\0\0\0ABCD"
    delimited = items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    for value in (items, delimited):
        scrubbed, new = scrub(content, pixels=PixelResult(pixel_data=value))
        assert new.PixelData == items
        assert scrubbed.content.count(b"\xfe\xff\xdd\xe0\0\0\0\0") == 1
    native = real_file("MR_small_bigendian.dcm").read_bytes()
    assert scrub(native, pixels=PixelResult(pixel_data=b"\1\2\3\4"))[1].PixelData == b"\1\2\3\4"


def test_new_extended_offsets_take_the_place_of_the_old(real_file, scrub):
    source = pydicom.dcmread(real_file("MR_small_RLE.dcm"))
    source.ExtendedOffsetTable, source.ExtendedOffsetTableLengths = bytes(8), b"\x05" + bytes(7)
    content = content_of(source)
    assert scrub(content)[1].ExtendedOffsetTableLengths == b"\x05" + bytes(7)
    new = scrub(content, pixels=PixelResult(extended_offsets=(b"\1" * 8, b"\2" * 8)))[1]
    assert (new.ExtendedOffsetTable, new.ExtendedOffsetTableLengths) == (b"\1" * 8, b"\2" * 8)


@pytest.mark.parametrize("name", ["chrH32.dcm", "chrKoreanMulti.dcm", "chrGreek.dcm", "chrGerm.dcm"])
def test_text_in_any_character_set_is_decoded_for_the_finding_and_gone_from_the_file(scrub, name):
    content = file_with_class(Path(get_charset_files(name)[0]).read_bytes())
    source = pydicom.dcmread(io.BytesIO(content))
    scrubbed, new = scrub(content)
    assert by_tag(scrubbed.findings)["00100010"].original == str(source.PatientName)
    assert new.SpecificCharacterSet == source.SpecificCharacterSet


def file_with_class(content: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    if "SOPClassUID" not in dataset:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        content = content_of(dataset)
    return content


def test_the_minimal_profile_adds_what_the_class_needs(scrub, file_bytes):
    dataset = Dataset()
    dataset.PatientComments, dataset.StationName = "Doe", "Doe"
    scrubbed, new = scrub(file_bytes(dataset), Profile.MINIMAL)
    assert new["PatientBirthDate"].is_empty
    assert new["ReferringPhysicianName"].is_empty
    assert new.ConversionType
    assert new.Modality
    assert "PixelData" not in new
    assert "Rows" not in new
    assert "PatientComments" not in new
    assert "00100030" not in by_tag(scrubbed.findings)


def test_the_minimal_profile_keeps_what_the_frame_pointer_points_at(scrub, file_bytes):
    dataset = Dataset()
    dataset.FrameIncrementPointer, dataset.EnergyWindowVector, dataset.DetectorVector = [0x00540010], [1, 1], [1, 1]
    for syntax in (pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ExplicitVRBigEndian):
        new = scrub(file_bytes(dataset, syntax), Profile.MINIMAL)[1]
        assert list(new.EnergyWindowVector) == [1, 1]
        assert "DetectorVector" not in new


def test_doubts_become_holds(scrub, file_bytes):
    unknown = Dataset()
    unknown.SOPClassUID = "1.2.3.4.5"
    assert [hold.code for hold in scrub(file_bytes(unknown), hold="UID_COLLISION")[0].holds] == ["UID_COLLISION", "PRIVATE_SOP_CLASS"]
    assert scrub(file_bytes(Dataset()))[0].holds == ()


def test_an_unreadable_sequence_goes(scrub, file_bytes):
    content = file_bytes(Dataset())
    broken = b"\x08\x00\x15\x11SQ\0\0\x08\0\0\0Doe^Jane"
    at = content.index(b"\x20\x00\x0d\x00UI")
    scrubbed, new = scrub(content[:at] + broken + content[at:])
    assert b"Doe" not in scrubbed.content
    assert strip(new.SOPInstanceUID) == scrubbed.target.instance


def test_no_value_is_in_a_reason(real_file, scrub):
    for name in ("CT_small.dcm", "test-SR.dcm"):
        scrubbed, _ = scrub(real_file(name).read_bytes())
        for finding in scrubbed.findings:
            if finding.original and len(finding.original) > 4:
                assert finding.original not in finding.reason
