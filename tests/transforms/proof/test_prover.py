import io
import struct

import pydicom
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom.data import get_charset_files
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transforms.model.errors import InstanceProblem
from transforms.model.keys import Secret
from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult, ScrubbedInstance, SecondLook
from transforms.proof.prover import Prover
from transforms.proof.tokens import TokenKind, tokens_of
from transforms.tags.scrubber import Scrubber

from .conftest import BASIC, NOON, SOURCE_UIDS, part10

LEFT = "the source's own tokens are left in the output: "


def test_a_faultless_output_is_not_held(prove, output):
    assert prove(output) == ()


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [
        ("ImageComments", "seen with KOWALSKI today", "a person's name"),
        ("ImageComments", "JanKowalski.dcm", "a person's name"),
        ("StudyDescription", "ref. by Dr. Mueller", "a person's name"),
        ("ReviewerName", "muller", "a person's name"),
        ("ImageComments", "id 482913", "an identifier"),
        ("SeriesDescription", "mrn00482913", "an identifier"),
        ("FillerOrderNumberImagingServiceRequest", "a7731", "an identifier"),
        ("ImageComments", "born 4 MAR 1967", "the birth date"),
        ("AcquisitionDateTime", "19670304080000", "the birth date"),
        ("FrameOfReferenceUID", "1.2.276.5551.2", "a UID"),
        ("ImageComments", "uid=1.2.276.5551.3.", "a UID"),
    ],
)
def test_a_token_left_in_any_text_holds_the_instance_and_the_hold_says_where_but_not_what(prove, output, keyword, value, kind):
    setattr(output, keyword, value)
    (hold,) = prove(output)
    assert (hold.stage, hold.code) == ("proof", "RESIDUAL_TOKEN")
    assert hold.sentence == f"{LEFT}{kind} in {pydicom.datadict.tag_for_keyword(keyword):08X}"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Manufacturer", "Janus"),  # Jan is another word
        ("FrameOfReferenceUID", "1.2.276.5551.20"),  # a longer UID
        ("FrameOfReferenceUID", "1.1.2.276.5551.2"),
        ("ImageComments", "A77310"),
        ("SoftwareVersions", "4829130"),
    ],
)
def test_a_part_of_another_word_is_no_token(prove, output, keyword, value):
    setattr(output, keyword, value)
    assert prove(output) == ()


def test_an_id_among_the_decimals_of_a_number_is_chance_and_before_them_is_not(prove, source, output):
    source.PatientID = "48291"
    contour = Dataset()
    contour.ContourData = ["-12.48291", "100.5", "0.4829"] * 30
    output.ContourSequence, output.RescaleSlope, output.ImagePositionPatient = [contour], "0.48291", ["1.048291", "-7.48291", "1"]
    assert prove(output, of=source) == ()
    for value in ("48291", "48291.5"):
        output.RescaleSlope = value
        assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}an identifier in 00281053"]
    output.RescaleSlope = "1"
    output.ImageComments = "case 7.48291"
    assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}an identifier in 00204000"]
    del output.ImageComments
    contour.ContourData = ["48291", "1", "2"] * 30
    assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}an identifier in the bytes of the file"]


@pytest.mark.parametrize("text", ["Li Wu", "seen: WU, LI!", "li^wu"])
def test_a_name_of_two_short_words_is_found_together_and_not_apart(prove, source, output, text):
    source.PatientName = "Li^Wu"
    output.ImageComments = "Li or Wu"
    assert prove(output, of=source) == ()
    output.ImageComments = text
    assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}a person's name in 00204000"]


def test_a_name_at_depth_three_is_found_with_its_path(prove, output):
    third, second, first = Dataset(), Dataset(), Dataset()
    third.CodeMeaning = "Kowalski"
    second.PurposeOfReferenceCodeSequence = [Dataset(), third]
    first.ReferencedSeriesSequence = [second]
    output.ReferencedStudySequence = [first]
    (hold,) = prove(output)
    assert hold.sentence == f"{LEFT}a person's name in 00081110[0].00081115[0].0040A170[1].00080104"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "shift_jis", "euc_jp", "iso2022_jp"])
def test_a_name_in_another_character_set_inside_a_private_value_is_found(prove, output, encoding):
    output.SpecificCharacterSet = "ISO_IR 192"
    block = output.private_block(0x0011, "VENDOR", create=True)
    block.add_new(0x01, "OB", b"\x01\x02\x00" + "山田太郎".encode(encoding) + b"\x00\xff\x00")
    found = prove(output)
    if encoding in {"shift_jis", "euc_jp"}:
        # The source declares ISO 2022 IR 87 only; an encoding that neither it nor Unicode explains is not searched.
        assert found == ()
    else:
        assert [hold.sentence for hold in found] == [f"{LEFT}a person's name in 00111001"]


def test_a_short_name_is_found_in_a_binary_value_that_is_text(prove, output):
    block = output.private_block(0x0011, "VENDOR", create=True)
    block.add_new(0x02, "OB", b"operator: jan\x00")
    assert [hold.sentence for hold in prove(output)] == [f"{LEFT}a person's name in 00111002"]


def test_a_name_outside_all_elements_is_found(prove, output):
    assert [hold.sentence for hold in prove(part10(output, preamble=b"kowalski jan".ljust(128, b"\0")))] == [
        f"{LEFT}a person's name in the bytes of the file"
    ]


def test_a_name_in_the_file_meta_is_found(prove, output):
    content = part10(output)
    dataset = pydicom.dcmread(io.BytesIO(content))
    dataset.file_meta.SourceApplicationEntityTitle = "KOWALSKI"
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert [hold.sentence for hold in prove(buffer.getvalue())] == [f"{LEFT}a person's name in 00020016"]


def test_a_deflated_output_is_searched_inflated(prove, output):
    syntax = pydicom.uid.DeflatedExplicitVRLittleEndian
    assert prove(part10(output, syntax)) == ()
    block = output.private_block(0x0011, "VENDOR", create=True)
    block.add_new(0x01, "OW", b"\x00\x01kowalski\x00\xff")
    assert len(prove(part10(output, syntax))) == 1


def with_pixels(output: Dataset, value: bytes, syntax: str) -> bytes:
    output.Rows = output.Columns = output.SamplesPerPixel = 1
    output.BitsAllocated = output.BitsStored = 8
    output.HighBit, output.PixelRepresentation, output.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    output.PixelData = value
    output["PixelData"].VR = "OB"
    output["PixelData"].is_undefined_length = syntax != pydicom.uid.ExplicitVRLittleEndian
    return part10(output, syntax)


def test_letters_in_native_samples_are_pixels_and_in_a_coded_stream_are_not(prove, output):
    samples = bytes(200) + b"kowalski" + bytes(200)
    assert prove(with_pixels(output, samples, pydicom.uid.ExplicitVRLittleEndian)) == ()
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(samples)) + samples
    content = with_pixels(output, struct.pack("<HHI", 0xFFFE, 0xE000, 0) + item, pydicom.uid.JPEGBaseline8Bit)
    assert [hold.sentence for hold in prove(content)] == [f"{LEFT}a person's name in the coded stream of 7FE00010"]


def test_a_patient_named_after_what_was_imaged_is_not_held_for_it(prove, source, output):
    source.PatientName = "PANCREAS_0001"
    output.BodyPartExamined = "PANCREAS"
    assert prove(output, of=source) == ()
    output.StudyDescription = "pancreas_0001"
    assert len(prove(output, of=source)) == 1


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Modality", "KOWALSKI"), ("ImageType", ["DERIVED", "KOWALSKI"]), ("BodyPartExamined", "KOWALSKI"), ("ValueType", "KOWALSKI")],
)
def test_a_name_that_is_no_defined_term_is_not_excused_as_a_code(prove, output, keyword, value):
    setattr(output, keyword, value)
    assert [hold.sentence[:-9] for hold in prove(output)] == [f"{LEFT}a person's name in"]


def test_a_name_written_as_bytes_is_a_name(prove, source, output):
    source.add_new(0x00100010, "OB", b"Smithers^Jan")
    output.StudyDescription = "SMITHERS"
    assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}a person's name in 00081030"]


def test_a_long_number_under_the_root_of_dicom_is_nobodys_class(prove, source, output):
    source.FrameOfReferenceUID = output.FrameOfReferenceUID = "1.2.840.10008.482913001"
    assert prove(output, of=source)
    source.FrameOfReferenceUID = output.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    assert prove(output, of=source) == ()


def test_uids_that_the_plan_keeps_are_no_residue_nor_is_what_is_inside_them(prove, source, output):
    source.StudyInstanceUID = "1.2.276.482913.1"
    for keyword in SOURCE_UIDS:
        setattr(output, keyword, source[keyword].value)
    assert len(prove(output, of=source)) == 1
    assert prove(output, ActionPlan(Profile.BASIC, True, ALL_TEXT), of=source) == ()


def test_keep_all_keeps_names_and_is_held_only_for_the_uids_it_regenerates(prove, source, output):
    keep_all = ActionPlan(Profile.KEEP_ALL, False, ALL_TEXT)
    output.PatientName = source.PatientName
    output.FrameOfReferenceUID = "1.2.276.5551.1"
    assert prove(output, keep_all) == ()
    output.SeriesInstanceUID = "1.2.276.5551.2"
    assert [hold.sentence for hold in prove(output, keep_all)] == [f"{LEFT}a UID in 0020000E"]
    assert prove(output, ActionPlan(Profile.KEEP_ALL, True, ALL_TEXT)) == ()


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", bytes(128) + b"DICM" + b"\xff" * 40])
def test_an_output_that_cannot_be_parsed_fails(prove, content):
    with pytest.raises(InstanceProblem) as caught:
        prove(content)
    assert (caught.value.stage, caught.value.code) == ("proof", "UNREADABLE_OUTPUT")


NAMES = st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), min_size=4, max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, depth=st.integers(0, 4), vr=st.sampled_from(["LO", "LT", "PN", "SH", "UT", "UN", "OB"]), data=st.data())
def test_no_planted_name_is_missed(prove, name, depth, vr, data):
    source = Dataset()
    source.SpecificCharacterSet, source.SOPClassUID = "ISO_IR 192", "1.2.840.10008.5.1.4.1.1.7"
    for keyword, uid in SOURCE_UIDS.items():
        setattr(source, keyword, uid)
    source.PatientName = name
    spelled = data.draw(st.sampled_from([name, name.upper(), name.lower()]))
    assume({token.kind for token in tokens_of(source)} == {TokenKind.UID, TokenKind.NAME} and spelled.casefold() == name.casefold())
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    value = f"by {spelled}."
    dataset.add_new(0x00111001, vr, value.encode() if vr in {"UN", "OB"} else value)
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [dataset]
        dataset = outer
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.1"
    (hold,) = prove(dataset, of=source)
    assert "a person's name in" in hold.sentence


REAL = [
    "CT_small.dcm", "MR_small_bigendian.dcm", "US1_J2KR.dcm", "examples_palette.dcm", "test-SR.dcm", "rtplan.dcm", "image_dfl.dcm",
    "eCT_Supplemental.dcm", "explicit_VR-UN.dcm", "reportsi.dcm", "emri_small_RLE.dcm",
]  # fmt: skip


@pytest.mark.parametrize("name", ["chrArab", "chrGreek", "chrH31", "chrHbrw", "chrI2", "chrRuss", "chrX1", "chrX2"])
def test_a_name_of_any_script_is_found_under_its_own_character_set(prove, output, name):
    source = pydicom.dcmread(get_charset_files(f"{name}.dcm")[0])
    assert prove(output, of=source) == ()
    output.SpecificCharacterSet = source.SpecificCharacterSet
    output.private_block(0x0011, "VENDOR", create=True).add_new(0x01, "OB", b"\0\1" + source.get_item("PatientName").value + b"\0\xff")
    assert [hold.sentence for hold in prove(output, of=source)] == [f"{LEFT}a person's name in 00111001"]


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_held_as_they_are_and_released_once_scrubbed(real_file, name):
    content = real_file(name).read_bytes()
    dataset = pydicom.dcmread(io.BytesIO(content))
    uids = InstanceUids(*(str(dataset[keyword].value) for keyword in SOURCE_UIDS))
    opened = OpenInstance(InstanceRef("00" * 8, "/x.dcm", len(content)), uids, dataset, NOON)
    scrubbed = Scrubber(BASIC, Secret(b"k" * 32)).scrub(opened)
    assert not [hold for hold in Prover(BASIC).prove(scrubbed).holds if hold.stage == "proof"]
    untouched = type(scrubbed)(opened, uids, content, ())
    assert [hold.code for hold in Prover(BASIC).prove(untouched).holds] == ["RESIDUAL_TOKEN"]


def test_text_that_is_left_in_pixels_holds_too(source, output):
    dataset, content = pydicom.dcmread(io.BytesIO(part10(source))), part10(output)
    uids = InstanceUids(*(str(dataset[keyword].value) for keyword in SOURCE_UIDS))
    for look, codes in ((SecondLook.CLEAN, []), (SecondLook.NONE, []), (SecondLook.RESIDUAL, ["RESIDUAL_TEXT"])):
        opened = OpenInstance(InstanceRef("00" * 8, "/x.dcm", 0), uids, dataset, NOON, PixelResult(second_look=look))
        assert [hold.code for hold in Prover(BASIC).prove(ScrubbedInstance(opened, uids, content, ())).holds] == codes


@pytest.mark.parametrize(
    "syntax", [pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.RLELossless, pydicom.uid.DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("place", ["before", "in", "behind", "nowhere"])
def test_large_samples_are_passed_over_and_what_stands_around_them_is_not(prove, source, output, syntax, place):
    samples = b"KOWALSKIJAN" if place == "in" else b""
    fragment = bytes(2_000_000) + samples + bytes(len(samples) % 2)
    output.Rows, output.Columns, output.BitsAllocated, output.PixelRepresentation = 1000, 1000, 16, 0
    output.PixelData = pydicom.encaps.encapsulate([fragment]) if syntax.is_compressed and not syntax.is_deflated else fragment
    output["PixelData"].VR = "OB"
    output.TextValue = "word " * 300_000 + ("Kowalski" if place == "before" else "")
    output.DataSetTrailingPadding = b"Kowalski^Jan" if place == "behind" else b"12"
    holds = prove(part10(output, syntax), of=source)
    found = place in ("before", "behind") or (place == "in" and syntax == pydicom.uid.RLELossless)
    assert [hold.code for hold in holds] == (["RESIDUAL_TOKEN"] if found else [])


@pytest.mark.parametrize(
    ("vr", "value"), [("CS", "1.2.3.4.2"), ("SH", "V(1.2.3.4.2)"), ("DS", "1.2.3.4.2"), ("IS", "1.2.3.4.2"), ("LO", "of 1.2.3.4.2 now")]
)
def test_a_short_uid_is_found_in_texts_and_numbers_alike(prove, source, output, vr, value):
    source.StudyInstanceUID = "1.2.3.4.2"
    raw = value.encode() + b" " * (len(value) % 2)
    output[0x00181181] = RawDataElement(Tag(0x00181181), vr, len(raw), raw, 0, False, True)
    assert [hold.code for hold in prove(output, of=source)] == ["RESIDUAL_TOKEN"]
