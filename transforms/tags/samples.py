"""The samples of an instance in its data set: passed through as they are, or replaced by what the pixel stage made (DESIGN 6)."""

from __future__ import annotations

from typing import cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from transforms.model.errors import InstanceProblem
from transforms.model.large import View
from transforms.model.records import PixelResult, TagFinding
from transforms.tags.actions import EXTENDED_OFFSETS, PIXELS
from transforms.tags.elements import UNDEFINED, Element

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def present(dataset: Dataset) -> bool:
    """Whether the data set has samples of an image at its top."""
    return bool(PIXELS & dataset.keys())


def replace(elements: dict[int, Element], pixels: PixelResult) -> None:
    """Put the new value of the samples, and the extended offset tables, in place of the old; VR and form of length stay."""
    if pixels.pixel_data is not None:
        (tag,) = PIXELS & elements.keys()
        old = elements[tag]
        undefined = old.length == UNDEFINED if isinstance(old, RawDataElement) else old.is_undefined_length
        elements[tag] = _with(old, items(pixels.pixel_data) if undefined else pixels.pixel_data)
    if pixels.extended_offsets is not None:
        for tag, value in zip(EXTENDED_OFFSETS, pixels.extended_offsets, strict=True):
            elements[tag] = _with(elements[tag], value)


def clear_overlays(elements: dict[int, Element], pixels: PixelResult) -> list[TagFinding]:
    """Put the overlays without text in place of those that the plan keeps; what was done, for these."""
    kept = [(int(finding.tag, 16), finding, value) for finding, value in pixels.overlays if int(finding.tag, 16) in elements]
    for tag, _, value in kept:
        elements[tag] = _with(elements[tag], value)
    return [finding for _, finding, _ in kept]


def items(value: View) -> View:
    """An encapsulated value without its sequence delimiter, which the writer adds (PS3.5 A.4).

    Raises InstanceProblem `BAD_ITEMS` where the value is not a row of items.
    """
    at = 0
    while value[at : at + 4] == _ITEM:
        at += 8 + int.from_bytes(value[at + 4 : at + 8], "little")
    if at == 0 or not (at == len(value) or value[at:] == _DELIMITER + bytes(4)):
        raise InstanceProblem("tags", "BAD_ITEMS", "the encapsulated pixel data is not a row of items")
    return value[:at]


def _with(old: Element, value: View) -> Element:
    if isinstance(old, RawDataElement):
        return old._replace(value=cast(bytes, value), length=old.length if old.length == UNDEFINED else len(value))
    new = DataElement(old.tag, old.VR, value, already_converted=True)
    new.is_undefined_length = old.is_undefined_length
    return new
