import io

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transforms.model.plan import Profile
from transforms.tags import elements

RAW = {"value_tell": 0, "is_implicit_VR": True, "is_little_endian": True}


def raw(tag: int, vr: str | None, value: bytes | None, length: int | None = None) -> RawDataElement:
    return RawDataElement(Tag(tag), vr, len(value or b"") if length is None else length, value, **RAW)


def explicit(charset: str = "iso8859") -> Dataset:
    dataset = Dataset()
    dataset.set_original_encoding(False, True, charset)
    return dataset


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (raw(0x00100010, None, b"Doe^Jane "), "Doe^Jane"),
        (raw(0x00100010, "UN", b"Doe^Jane"), "Doe^Jane"),
        (raw(0x00080018, "UI", b"1.2.3\0"), "1.2.3"),
        (raw(0x00181030, "LO", b"a\\b "), "a\\b"),
        (raw(0x00100030, "DA", b""), ""),
        (raw(0x00280010, "US", b"\1\0"), None),
        (raw(0x00091001, "UN", b"Doe"), None),
        (raw(0x00081115, "SQ", b""), None),
        (elements.written(0x00181030, "LO", ["a", "b"]), "a\\b"),
        (elements.written(0x00100010, "PN", "Doe^Jane"), "Doe^Jane"),
        (elements.written(0x00281053, "DS", "1.500"), "1.500"),
        (elements.written(0x00100010, "PN", None), ""),
    ],
)
def test_text_is_decoded_for_text_only(element, expected):
    assert elements.text(element, explicit()) == expected


def test_text_is_decoded_in_the_character_set_in_which_the_item_was_read():
    assert elements.text(raw(0x00100010, "PN", "Люкceмбypг".encode("iso8859_5")), explicit("iso8859_5")) == "Люкceмбypг"


def test_reading_leaves_a_data_set_raw():
    dataset = Dataset({Tag(0x00100020): raw(0x00100020, "LO", b"123 ")})
    assert elements.text_at(dataset, 0x00100020) == "123"
    assert elements.text_at(dataset, 0x00100021) == ""
    assert isinstance(dataset.get_item(0x00100020), RawDataElement)


@pytest.mark.parametrize("value", [b"Doe^Jane", b"\xfe\xff\x00\xe0\x08\0\0", b"\xfe"])
def test_what_is_no_row_of_items_is_no_sequence(value):
    assert elements.sequence(raw(0x00081115, "SQ", value), explicit()) is None


def test_an_element_read_without_a_vr_gets_one_where_vrs_are_explicit():
    assert elements.kept(raw(0x00280010, None, b"\1\0"), explicit()).VR == "US"
    assert elements.kept(raw(0x7FE00010, "OB or OW", b"", elements.UNDEFINED), explicit()).VR == "OB"


@pytest.mark.parametrize("converted", [False, True])
def test_the_tags_an_element_points_at(file_bytes, converted):
    for syntax in (pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ExplicitVRBigEndian):
        source = Dataset()
        source.FrameIncrementPointer = [0x00540010, 0x00181063]
        dataset = pydicom.dcmread(io.BytesIO(file_bytes(source, syntax)))
        if converted:
            assert dataset.FrameIncrementPointer
        assert elements.tags_in(dataset, 0x00280009) == {0x00540010, 0x00181063}
    assert elements.tags_in(dataset, 0x00280008) == frozenset()


@pytest.mark.parametrize("undefined", [True, False])
def test_the_form_of_lengths_stays(file_bytes, scrub, undefined):
    item, dataset = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID = "1.7.1"
    item.is_undefined_length_sequence_item = undefined
    dataset.ReferencedImageSequence = [item]
    dataset["ReferencedImageSequence"].is_undefined_length = undefined
    new = scrub(file_bytes(dataset), Profile.KEEP_ALL)[1]
    assert new["ReferencedImageSequence"].is_undefined_length is undefined
    assert new.ReferencedImageSequence[0].is_undefined_length_sequence_item is undefined
