"""Elements as they were read: raw ones stay raw, so that a value nobody changes is written byte for byte as it was."""

from __future__ import annotations

import warnings
from array import array
from typing import Literal

from pydicom.charset import decode_bytes
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_sequence
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, DEFAULT_CHARSET_VR

from transforms.tags.actions import standard_vr

Element = DataElement | RawDataElement

UNDEFINED = 0xFFFFFFFF
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""(FFFE,E000), little and big endian; pydicom takes any tag for an item's."""
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, ord("^"), ord("=")}
_WORDS = {"OW": "H", "OL": "I", "OF": "I", "OD": "Q", "OV": "Q"}
"""VRs that pydicom writes as bytes, though they have a byte order (PS3.5 7.3), and words of their size."""
_TEXT = {str(vr) for vr in CUSTOMIZABLE_CHARSET_VR | DEFAULT_CHARSET_VR}


def tags(dataset: Dataset) -> list[int]:
    """The tags of a data set or item, in order."""
    return sorted(int(tag) for tag in dataset.keys())  # noqa: SIM118 - iterating a Dataset converts its elements in place


def at(dataset: Dataset, tag: int) -> Element:
    """The element as it was read; the data set stays so too (`dataset[tag]` would convert it in place). Raises KeyError."""
    element = dataset.get_item(tag, keep_deferred=True)
    if not isinstance(element, DataElement | RawDataElement):
        raise KeyError(tag)
    return element


def value_vr(element: Element) -> str:
    """The VR by which the value is to be read: as in the file, else as in PS3.6 (implicit VR, UN); UN if neither says.

    A private creator is LO wherever it stands (PS3.5 7.8.1).
    """
    stated = element.VR
    if stated and stated != "UN" and len(stated) == 2:
        return stated
    return "LO" if is_creator(element.tag) else standard_vr(element.tag) or "UN"


def is_creator(tag: int) -> bool:
    """Whether the tag is that of a private creator (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def is_empty(element: Element) -> bool:
    """Whether the element has no value, or a sequence no item."""
    if isinstance(element, RawDataElement):
        return not element.value
    return element.is_empty


def sequence(element: Element, dataset: Dataset) -> Sequence | None:
    """The items of a sequence by the file, by PS3.6, or by all its bytes; None if it is none or cannot be read as one."""
    if value_vr(element) == "UN":
        return _hidden(element, dataset)
    if value_vr(element) != "SQ":
        return None
    if isinstance(element, DataElement):
        return element.value if isinstance(element.value, Sequence) else None
    if not element.value:
        return Sequence()
    if element.value[:4] not in _ITEM_TAGS:
        return None
    if element.VR == "UN":  # implicit little endian inside, whatever the file's syntax (PS3.5 6.2.2, note 2)
        element = element._replace(is_implicit_VR=True, is_little_endian=True)
    return _items(element, dataset)


def _hidden(element: Element, dataset: Dataset) -> Sequence | None:
    """The items of a private sequence in a file that states no VR for it, or UN: if they are all of the value, byte for byte.

    Implicit little endian, as it has to be (PS3.5 6.2.2, note 2), or explicit, as some writers have it.
    """
    if not isinstance(element, RawDataElement) or (element.value or b"")[:4] != _ITEM_TAGS[0]:
        return None
    for implicit in (True, False):
        form = element._replace(is_implicit_VR=implicit, is_little_endian=True)
        items = _items(form, dataset)
        if items is not None and _encoded(items, implicit, dataset) == element.value:
            return _items(form, dataset)
    return None


def _items(element: RawDataElement, dataset: Dataset) -> Sequence | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = convert_raw_data_element(element._replace(VR="SQ"), encoding=encodings(dataset)).value
    except Exception:  # noqa: BLE001 - pydicom raises whatever the bytes make it raise; the caller decides without them
        return None
    return value if isinstance(value, Sequence) else None


def _encoded(items: Sequence, implicit: bool, dataset: Dataset) -> bytes | None:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = implicit, True
    try:
        write_sequence(file, written(0, "SQ", items), encodings(dataset))
    except Exception:  # noqa: BLE001 - as above
        return None
    return file.getvalue()


def text(element: Element, dataset: Dataset) -> str | None:
    """The decoded text, values joined by a backslash, without padding at the end; None for sequences and binary values."""
    if value_vr(element) not in _TEXT:
        return None
    if isinstance(element, RawDataElement):
        in_set = value_vr(element) in CUSTOMIZABLE_CHARSET_VR
        return decode_bytes(element.value or b"", encodings(dataset) if in_set else ["iso8859"], _DELIMITERS).rstrip(" \0")
    value = element.value
    if value is None or isinstance(value, bytes):
        return (value or b"").decode("iso8859").rstrip(" \0")
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    return "\\".join(str(part) for part in values)


def text_at(dataset: Dataset, tag: int) -> str:
    """The text of an element of the data set; empty if it is not there or has none. The data set stays as it was read."""
    return (text(at(dataset, tag), dataset) or "") if tag in dataset else ""


def tags_in(dataset: Dataset, tag: int) -> frozenset[int]:
    """The tags that an AT element points at."""
    if tag not in dataset:
        return frozenset()
    element = at(dataset, tag)
    if isinstance(element, RawDataElement):
        order: Literal["little", "big"] = "little" if element.is_little_endian else "big"
        numbers = [int.from_bytes((element.value or b"")[i : i + 2], order) for i in range(0, len(element.value or b""), 2)]
        return frozenset(group << 16 | number for group, number in zip(numbers[::2], numbers[1::2], strict=False))
    found = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    return frozenset(int(pointed) for pointed in found if pointed is not None)


def encodings(dataset: Dataset) -> list[str]:
    """The character encodings in which the data set was read, as Python names them."""
    found = dataset.original_character_set
    return [found] if isinstance(found, str) else list(found or ["iso8859"])


def kept(element: Element, dataset: Dataset) -> Element:
    """The element as it is; but one that was read without a VR where VRs are explicit gets one, or it could not be written."""
    stated = element.VR is not None and len(element.VR) == 2
    if stated or isinstance(element, DataElement) or dataset.original_encoding[0]:
        return element
    if element.length == UNDEFINED:
        return element._replace(VR="OB")
    return convert_raw_data_element(element, encoding=encodings(dataset))


def written(tag: int, vr: str, value: object) -> DataElement:
    """A new element with this value."""
    return DataElement(Tag(tag), vr, value, validation_mode=IGNORE)


def with_value(element: Element, value: bytes, dataset: Dataset) -> Element:
    """The element with this encoded value, to be written as it is."""
    if isinstance(element, RawDataElement):
        return kept(element._replace(value=value, length=len(value)), dataset)
    implicit, little = dataset.original_encoding
    return RawDataElement(element.tag, element.VR, len(value), value, 0, bool(implicit), bool(little))


def empty(tag: int, vr: str) -> DataElement:
    """A new element without a value."""
    return written(tag, vr, Sequence() if vr == "SQ" else empty_value_for_VR(vr))


def emptied(element: Element) -> DataElement:
    """The element without its value."""
    return empty(element.tag, standard_vr(element.tag) or value_vr(element))


def raw_bytes(element: Element) -> bytes:
    """The value of an element of bytes; empty for any other that has been converted."""
    return (element.value or b"") if isinstance(element.value, bytes | None) else b""


def raw_text(element: Element) -> str:
    """The characters of the value, whatever its VR; for UIDs, which are ASCII."""
    if isinstance(element, RawDataElement):
        return (element.value or b"").decode("iso8859")
    value = element.value
    if isinstance(value, bytes):
        return value.decode("iso8859")
    return "\\".join(str(part) for part in (value if isinstance(value, MultiValue | list | tuple) else [value or ""]))


def rebuilt(element: Element, items: list[Dataset], like: Sequence) -> DataElement:
    """A sequence element with new items, of undefined length if it was so before."""
    new = written(element.tag, "SQ", Sequence(items))
    length = element.length if isinstance(element, RawDataElement) else 0
    new.is_undefined_length = length == UNDEFINED or bool(getattr(like, "is_undefined_length", False))
    return new


def data_set(elements: dict[int, Element], like: Dataset) -> Dataset:
    """A data set or item of these elements, to be encoded as `like` was."""
    new = Dataset({Tag(tag): elements[tag] for tag in sorted(elements)}, parent_encoding=like.original_character_set)
    implicit, little = like.original_encoding
    new.set_original_encoding(implicit, little, like.original_character_set)
    new.is_undefined_length_sequence_item = like.is_undefined_length_sequence_item
    return new


def turned(item: Dataset, around: Dataset) -> Dataset:
    """A little endian item as it has to be to stand in a big endian file: `around` is the data set of the file.

    pydicom turns numbers that have a VR; words in bytes, and numbers whose VR depends on another element, it would leave as they are.
    """
    correct_ambiguous_vr(item, True, [item, around])
    for tag in tags(item):
        element = item[tag]
        if element.VR in _WORDS and isinstance(element.value, bytes):
            words = array(_WORDS[element.VR], element.value)
            words.byteswap()
            element.value = words.tobytes()
    return item
