"""What a Provenance says about the size of a published instance (columns, rows, frames, bytes that are not pixels)."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from transforms.model.deflate import Inflated
from transforms.model.large import Content, view
from transforms.model.part10 import data_set_start
from transforms.model.pictures import SAMPLES
from transforms.model.records import ScrubbedInstance

_UNDEFINED = 0xFFFFFFFF
_DELIMITER_BYTES = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Measures:
    """Columns, rows and frames are 0 where there are no pixels; `structured_size` is in bytes."""

    columns: int
    rows: int
    frames: int
    structured_size: int


def measure(scrubbed: ScrubbedInstance) -> Measures:
    """Measure a whole de-identified instance: the image as its header describes it, the file as it is written.

    Of a deflated file the data set is counted inflated: in the deflated stream header and pixels cannot be told apart.
    """
    dataset = scrubbed.opened.dataset
    pixels = _pixel_bytes(scrubbed)
    size = _size(scrubbed.content, dataset) - (pixels or 0)
    if pixels is None:
        return Measures(0, 0, 0, size)
    return Measures(_count(dataset, "Columns"), _count(dataset, "Rows"), max(_count(dataset, "NumberOfFrames"), 1), size)


def _pixel_bytes(scrubbed: ScrubbedInstance) -> int | None:
    """Bytes of the pixels' value with its delimiter; None where there are no pixels."""
    if scrubbed.opened.pixels.pixel_data is not None:
        return len(scrubbed.opened.pixels.pixel_data)
    for tag in SAMPLES:
        if tag in scrubbed.opened.dataset:
            element = scrubbed.opened.dataset.get_item(tag)
            undefined = element.length == _UNDEFINED if isinstance(element, RawDataElement) else element.is_undefined_length
            return len(element.value or b"") + _DELIMITER_BYTES * bool(undefined)
    return None


def _size(content: Content, dataset: FileDataset) -> int:
    if dataset.file_meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return len(content)
    start = data_set_start(content)
    return start + sum(map(len, Inflated(view(content)[start:])))


def _count(dataset: FileDataset, keyword: str) -> int:
    """A header's number, 0 where it is missing or no single number."""
    value: Any = dataset.get(keyword)
    return int(value) if isinstance(value, int) else 0
