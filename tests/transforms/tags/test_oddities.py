"""What is odd about a file is handled or fails by name: nothing passes unseen, from the bytes to the bytes."""

import datetime as dt
import io
import json
import struct

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.config import parse_config
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose
from transforms.model.records import Action, InstanceRef
from transforms.model.resolve import resolve
from transforms.read.open import open_instance
from transforms.tags.scrubber import Scrubber

BASIC = {"dicomTagConfig": {}}
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
KEEP_ALL = {"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}}
MINIMAL = {"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}
PROFILES = [BASIC, MINIMAL, CONTENTS, KEEP_ALL]
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
SECRET_TEXT = "for Dr. John Smithers"


@pytest.fixture
def run(secret):
    """A function from a config and the bytes of a file to (ScrubbedInstance, the new file parsed), through the reader's checks."""

    def run(config, content):
        opened = open_instance(InstanceRef("00" * 8, "/x.dcm", len(content)), content, secret.purpose(Purpose.UID), NOON)
        scrubbed = Scrubber(resolve(parse_config(json.dumps(config))), secret).scrub(opened)
        return scrubbed, pydicom.dcmread(io.BytesIO(scrubbed.content))

    return run


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (struct.pack("<HL", 0, length) if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT") else struct.pack("<H", length)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(body: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(body)) + body


def gone(scrubbed) -> set[str]:
    return {finding.tag for finding in scrubbed.findings if finding.action is Action.DELETED and not finding.path}


COMMENT = implicit(0x00104000, SECRET_TEXT.encode() + b" ")
ROWS = implicit(0x00280010, b"\x00\x02")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    "value", [item(COMMENT + ROWS), item(explicit(0x00104000, b"LT", SECRET_TEXT.encode() + b" "))], ids=["implicit", "explicit"]
)
def test_a_private_sequence_without_a_vr_is_walked(run, file_bytes, syntax, value):
    dataset = Dataset()
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "UN", value)
    content = file_bytes(dataset, syntax)
    scrubbed, _ = run(CONTENTS, content)
    assert b"Smithers" not in scrubbed.content
    assert ("00291001[0]", "00104000") in {(finding.path, finding.tag) for finding in scrubbed.findings}
    assert b"Smithers" not in run(BASIC, content)[0].content
    kept = pydicom.dcmread(io.BytesIO(run(KEEP_ALL, content)[0].content))[0x00291001]
    assert kept.value == value


def test_what_only_begins_like_a_sequence_is_searched_as_bytes(run, file_bytes):
    dataset = Dataset()
    value = item(ROWS) + b"\x00\x07" + SECRET_TEXT.encode() + b"\x00"
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "UN", value)
    scrubbed, new = run(CONTENTS, file_bytes(dataset))
    assert new[0x00291001].value == value.replace(b"John Smithers", b"*" * 13)
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00291001"]
    assert (finding.action, finding.original, finding.info_type) == (Action.CLEANED, "John Smithers", "PERSON_NAME")
    assert value[finding.byte_start : finding.byte_end] == b"John Smithers"


def test_words_in_a_sequence_hidden_in_un_are_turned_for_a_big_endian_file(run, file_bytes):
    table = struct.pack("<4H", 1, 2, 3, 500)
    hidden = item(implicit(0x00283002, struct.pack("<3H", 4, 0, 16)) + implicit(0x00283006, table))
    modules = b"\0\x28\x30\0UN\0\0" + struct.pack(">L", len(hidden)) + hidden
    content = file_bytes(Dataset(), ExplicitVRBigEndian) + modules
    for config in PROFILES:
        (read,) = run(config, content)[1].ModalityLUTSequence
        assert list(read.LUTDescriptor) == [4, 0, 16]
        words = read.LUTData if isinstance(read.LUTData, list | pydicom.multival.MultiValue) else struct.unpack(">4H", read.LUTData)
        assert list(words) == [1, 2, 3, 500]


@pytest.mark.parametrize("config", PROFILES)
def test_what_stands_behind_the_samples_goes_or_is_treated_like_the_rest(run, file_bytes, config):
    behind = explicit(0xFFFAFFFA, b"SQ", item(explicit(0x00104000, b"LT", b"Smithers"))) + explicit(0xFFFCFFFC, b"OB", b"Smithers")
    dataset = Dataset()
    dataset.Rows = dataset.Columns = dataset.SamplesPerPixel = 1
    dataset.add_new(0x7FE00010, "OB", b"\1\2")
    scrubbed, new = run(config, file_bytes(dataset) + behind)
    assert b"Smithers" not in scrubbed.content
    assert {"FFFAFFFA", "FFFCFFFC"} <= gone(scrubbed)
    assert new.PixelData == b"\1\2"
    private = explicit(0x7FE10010, b"LO", b"ACME") + explicit(0x7FE11001, b"LO", b"Dr. John Smithers ")
    left = b"Smithers" in run(config, file_bytes(dataset) + private)[0].content
    assert left is (config is KEEP_ALL)


@pytest.mark.parametrize("config", PROFILES)
def test_signatures_go(run, file_bytes, config):
    dataset, mac = Dataset(), Dataset()
    mac.MACIDNumber, mac.MACAlgorithm = 1, "SHA256"
    dataset.add_new(0x4FFE0001, "SQ", [mac])
    scrubbed, new = run(config, file_bytes(dataset))
    assert 0x4FFE0001 not in new
    assert "4FFE0001" in gone(scrubbed)


@pytest.mark.parametrize("config", [BASIC, MINIMAL])
def test_curves_and_overlays_go_at_every_depth_and_in_every_group(run, file_bytes, config):
    dataset, inner = Dataset(), Dataset()
    for place in (dataset, inner):
        for tag, vr, value in ((0x501E0022, "LO", "Smithers"), (0x60101500, "LO", "Smithers"), (0x601E3000, "OB", b"Smithers")):
            place.add_new(tag, vr, value)
    dataset.ReferencedSeriesSequence = [inner]
    scrubbed, _ = run(config, file_bytes(dataset))
    assert b"Smithers" not in scrubbed.content


@pytest.mark.parametrize("config", PROFILES)
def test_elements_out_of_order_are_treated_like_the_rest_and_come_out_in_order(run, file_bytes, config):
    late = explicit(0x00101010, b"AS", b"042Y") + explicit(0x00100010, b"PN", b"Smithers^Jane ") + explicit(0x00080060, b"CS", b"OT")
    scrubbed, new = run(config, file_bytes(Dataset()) + late)
    assert (b"Smithers" in scrubbed.content) is (config is KEEP_ALL)
    assert new.Modality == "OT"
    tags = [int(element.tag) for element in new]
    assert tags == sorted(tags)


def test_an_element_given_twice_counts_once_if_both_are_equal_and_fails_by_name_if_not(run, file_bytes):
    name = explicit(0x00100010, b"PN", b"Smithers")
    scrubbed, _ = run(BASIC, file_bytes(Dataset()) + name + name)
    assert b"Smithers" not in scrubbed.content
    assert [finding.tag for finding in scrubbed.findings].count("00100010") == 1
    with pytest.raises(InstanceProblem) as caught:
        run(BASIC, file_bytes(Dataset()) + name + explicit(0x00100010, b"PN", b"Kowalski"))
    assert caught.value.code == "DUPLICATE_ELEMENT"


@pytest.mark.parametrize(
    ("element", "code"),
    [
        (explicit(0x00100010, b"PN", b"Smithers", length=400), "TRUNCATED"),
        (explicit(0x00081115, b"SQ", item(b"")[:-4] + struct.pack("<L", 64) + b"Smithers"), "TRUNCATED"),
        (
            explicit(0x00081115, b"SQ", item(explicit(0x00100010, b"PN", b"Smithers"))[:-2]) + explicit(0x00100020, b"LO", b"12"),
            "BAD_LENGTH",
        ),
        (explicit(0x00100010, b"P^", b"Smithers"), "BAD_VR"),
        (explicit(0x00020010, b"UI", b"1.2\0"), "MISPLACED_ELEMENT"),
    ],
)
def test_a_wrong_length_fails_by_name(run, file_bytes, element, code):
    with pytest.raises(InstanceProblem) as caught:
        run(KEEP_ALL, file_bytes(Dataset()) + element)
    assert caught.value.code == code
    assert "Smithers" not in str(caught.value)


@pytest.mark.parametrize("config", [BASIC, MINIMAL, CONTENTS])
def test_a_value_of_odd_length_is_still_cleaned(run, file_bytes, config):
    scrubbed, _ = run(config, file_bytes(Dataset()) + explicit(0x00104000, b"LT", b"Dr. John Smithers"))
    assert b"Smithers" not in scrubbed.content


@pytest.mark.parametrize("config", PROFILES)
def test_a_thumbnail_goes_where_text_is_redacted(run, file_bytes, config):
    icon = explicit(0x00880200, b"SQ", item(explicit(0x7FE00010, b"OW", b"Smithers")))
    image = {"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}
    scrubbed, _ = run(config | image, file_bytes(Dataset()) + icon)
    assert b"Smithers" not in scrubbed.content
    assert "00880200" in gone(scrubbed)
