"""From bytes to an open instance: the same UIDs each time, nothing but InstanceProblem raised."""

import contextlib
import datetime as dt
import io

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.keys import Purpose
from transforms.model.pictures import has_pixels, is_searched
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.read.open import open_instance, read_content

STARTED = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
REF = InstanceRef("0" * 16, "/nowhere", 0)


@pytest.fixture
def opened(secret):
    key = secret.purpose(Purpose.UID)

    def open_(content: bytes) -> OpenInstance:
        return open_instance(REF, content, key, STARTED)

    return open_


def saved(dataset: pydicom.Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_the_header_s_uids_are_the_source_s(opened, real_file):
    instance = opened(real_file("CT_small.dcm").read_bytes())
    assert instance.source == InstanceUids(
        study="1.3.6.1.4.1.5962.1.2.1.20040119072730.12322",
        series="1.3.6.1.4.1.5962.1.3.1.1.20040119072730.12322",
        instance="1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
    )
    assert (instance.started, instance.ref) == (STARTED, REF)
    assert instance.dataset.pixel_array.shape == (128, 128)


def test_missing_and_empty_uids_come_from_the_content_and_no_others(opened, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    del dataset.SOPInstanceUID
    dataset.StudyInstanceUID = ""
    content = saved(dataset)
    first, again, other = opened(content), opened(content), opened(content + b"\0\0")
    assert first.source == again.source
    assert first.source.series == dataset.SeriesInstanceUID
    made = {first.source.study, first.source.instance}
    assert len(made) == 2
    assert all(uid.startswith("2.25.") and len(uid) <= 64 and uid[5:].isdigit() for uid in made)
    assert other.source.instance != first.source.instance


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("ExplVR_BigEndNoMeta.dcm", ExplicitVRBigEndian),
        ("ExplVR_LitEndNoMeta.dcm", ExplicitVRLittleEndian),
        ("rtstruct.dcm", ImplicitVRLittleEndian),
        ("OT-PAL-8-face.dcm", ImplicitVRLittleEndian),
        ("meta_missing_tsyntax.dcm", ImplicitVRLittleEndian),
    ],
)
def test_the_file_meta_always_states_the_transfer_syntax(opened, real_file, name, syntax):
    assert opened(real_file(name).read_bytes()).dataset.file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize(
    ("name", "answer"),
    [("CT_small.dcm", True), ("MR_small_RLE.dcm", True), ("rtplan.dcm", False), ("test-SR.dcm", False)],
)
def test_which_instances_have_pixels(opened, real_file, name, answer):
    assert has_pixels(opened(real_file(name).read_bytes()).dataset) is answer


def test_floating_point_pixels_are_pixels(opened, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    del dataset.PixelData
    dataset.FloatPixelData = b"\0" * 4 * 128 * 128
    assert has_pixels(opened(saved(dataset)).dataset)


def test_empty_pixels_are_no_pixels(opened, real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.PixelData = b""
    assert not has_pixels(opened(saved(dataset)).dataset)


@pytest.mark.parametrize(
    ("tag", "vr", "value", "answer"),
    [
        (0x60003000, "OW", b"\1\0", True),
        (0x601E3000, "OB", b"\1\0", True),
        (0x60003000, "UN", b"\1\0", True),
        (0x60003000, "OW", b"", False),
        (0x60003000, "LT", "text", False),
        (0x60203000, "OW", b"\1\0", False),
    ],
)
def test_an_overlay_is_a_picture_where_overlays_are_searched(opened, real_file, tag, vr, value, answer):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    del dataset.PixelData
    dataset.add_new(tag, "LT" if vr == "LT" else "OW", value)
    dataset[tag].VR = vr
    found = opened(saved(dataset)).dataset
    assert (is_searched(found, True), is_searched(found, False)) == (answer, False)


def test_zero_padding_leaves_no_element(opened, real_file):
    content = real_file("CT_small.dcm").read_bytes()
    assert opened(content + b"\0" * 512).dataset.keys() == opened(content).dataset.keys()


def test_an_encapsulated_value_with_a_delimiter_inside_is_read_whole(opened, real_file):
    dataset = pydicom.dcmread(real_file("SC_rgb_jpeg_dcmtk.dcm"))
    fragment = b"\xff\xd8\xfe\xff\xdd\xe0\0\0\0\0\xff\xd9"
    dataset.PixelData = pydicom.encaps.encapsulate([fragment])
    assert fragment in opened(saved(dataset)).dataset.PixelData


@pytest.mark.filterwarnings("ignore:Expected implicit VR")
def test_a_file_that_the_parser_reads_otherwise_is_refused(opened, real_file):
    # implicit, but the first value is so long that its length looks like a VR: pydicom takes the file for explicit
    first = b"\x08\x00\x05\x00" + (0x4141).to_bytes(4, "little") + b"x" * 0x4141
    rest = b"\x08\x00\x16\x00\x08\x00\x00\x001.2.840\0"
    syntax = b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\0"
    with pytest.raises(InstanceProblem) as refused:
        opened(b"\0" * 128 + b"DICM" + syntax + first + rest)
    assert refused.value.code == "UNPARSABLE"


@pytest.mark.parametrize("size", [0, 8 << 30])
def test_what_is_large_and_not_dicom_is_told_by_its_first_bytes(tmp_path, size):
    path = tmp_path / "notes.txt"
    with path.open("wb") as file:
        file.truncate(8 << 30)  # sparse: reading it whole would take the memory of the machine
    with pytest.raises(InstanceProblem) as refused:
        read_content(str(path), size)
    assert (refused.value.code, refused.value.kind) == ("NOT_DICOM", OutcomeKind.SKIPPED)


def test_a_folder_in_place_of_a_file_is_unreadable(tmp_path):
    with pytest.raises(InstanceProblem) as refused:
        read_content(str(tmp_path))
    assert refused.value.code == "UNREADABLE"
    assert str(tmp_path) not in str(refused.value)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(["CT_small.dcm", "rtplan.dcm", "ExplVR_BigEnd.dcm", "nested_priv_SQ.dcm", "MR_small_RLE.dcm", "UN_sequence.dcm"]),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damage_raises_nothing_but_instance_problems(opened, real_file, name, edits):
    content = bytearray(real_file(name).read_bytes())
    head = min(len(content), 3000)  # where the headers are
    for where, byte in edits:
        content[int(where * head)] = byte
    with contextlib.suppress(InstanceProblem):
        opened(bytes(content))
