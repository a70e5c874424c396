"""What a user gets: an instance through the redactor of a run, its output decoded by others, and what is left there of its source."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import zlib
from collections.abc import Callable, Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from benchmarks.burned_in.coding import LOSSY, RAW_DEFLATE
from benchmarks.burned_in.instances import Samples, saved
from benchmarks.burned_in.scores import within
from pipeline.cpu import cpu_seconds
from transforms.model.errors import InstanceProblem
from transforms.model.records import BoxFinding, InstanceRef, InstanceUids, OpenInstance, PixelResult, SecondLook
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG
from transforms.pixels.redactor import Redactor

FLAT = 12
"""Levels of 256 that a box of a lossy frame may vary by, as coding at its edge makes it: far less than any string stands out by."""
_START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@dataclasses.dataclass
class Output:
    """What became of one instance."""

    cpu: float = 0
    """Seconds that redacting it took, children included."""
    boxes: tuple[BoxFinding, ...] = ()
    gone: list[NDArray[np.bool_]] = dataclasses.field(default_factory=list)
    """Of each frame, the pixels of which nothing of the source is left."""
    held: bool = False
    failed: str = ""
    """The code of the failure."""
    broken: int = 0
    """Pixels outside of all boxes that changed where none may."""

    @property
    def end(self) -> str:
        """What became of it, in words."""
        return f"failed {self.failed}" if self.failed else "held" if self.held else "published"


def through(redactor: Redactor, dataset: FileDataset, reference: str) -> Output:
    """An instance redacted as in a run, and judged by its own output. `reference` names it to the redactor."""
    opened = OpenInstance(InstanceRef(reference, f"/{reference}.dcm", 0), InstanceUids("1.2", "1.3", "1.4"), dataset, _START)
    before = cpu_seconds()
    try:
        pixels = redactor.redact(opened).pixels
    except InstanceProblem as problem:
        return Output(cpu_seconds() - before, failed=problem.code)
    cpu = cpu_seconds() - before
    return dataclasses.replace(judged(dataset, pixels), cpu=cpu)


def judged(source: FileDataset, pixels: PixelResult) -> Output:
    """What the output of a redacted instance keeps.

    A pixel is gone where a box covers it that is of one colour in the decoded output: what only differs there, as after coding
    with loss, still shows. Where samples were coded without loss all others must be as in the source, and in any case
    those of frames without a box.
    """
    before, after = samples(source), samples(published(source, pixels))
    may_vary = source.file_meta.TransferSyntaxUID in LOSSY and pixels.lossy is not None
    output = Output(boxes=pixels.boxes, held=pixels.second_look is SecondLook.RESIDUAL)
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        boxes = [box for box in pixels.boxes if box.frame == number]
        if not may_vary or not boxes:
            changed = (old != new).reshape(*old.shape[:2], -1).any(axis=2)
            output.broken += int((changed & ~within(boxes, old.shape)).sum())
        tolerance = FLAT * (1 << source.BitsStored) / 256 if may_vary else 0.0
        output.gone.append(_flat(new, boxes, tolerance))
    return output


def published(source: FileDataset, pixels: PixelResult) -> FileDataset:
    """The source with the samples that the pixel stage made, as it comes out of a file."""
    if pixels.pixel_data is None:
        return source
    element = next(keyword for keyword in ("PixelData", "FloatPixelData") if keyword in source)
    output = copy.deepcopy(source)
    output[element].value = bytes(pixels.pixel_data)
    return saved(output)


def samples(dataset: FileDataset) -> Samples:
    """All frames as stored, (frames, rows, columns[, samples]), decoded by pydicom, or where it cannot by others."""
    syntax, count = dataset.file_meta.TransferSyntaxUID, int(dataset.get("NumberOfFrames", 1))
    if syntax in _DECODERS:
        return np.stack([_DECODERS[syntax](coded, dataset) for coded in generate_frames(dataset.PixelData, number_of_frames=count)])
    decoded = pixel_array(dataset, raw=True)
    return decoded if count > 1 else decoded[None]


def _libjpeg(coded: bytes, dataset: FileDataset) -> Samples:
    return np.asarray(imagecodecs.jpeg8_decode(coded, **_as_they_are(dataset)))


def _libjxl(coded: bytes, dataset: FileDataset) -> Samples:
    decoded = np.asarray(imagecodecs.jpegxl_decode(coded))
    return decoded.view(f"i{decoded.itemsize}") if dataset.PixelRepresentation else decoded


def _of_jpeg(coded: bytes, dataset: FileDataset) -> Samples:
    return _libjpeg(imagecodecs.jpegxl_decode_jpeg(coded), dataset)


def _as_they_are(dataset: FileDataset) -> dict[str, str]:
    return {"colorspace": "RGB", "outcolorspace": "RGB"} if dataset.SamplesPerPixel == 3 else {}


def _inflated(coded: bytes, dataset: FileDataset) -> Samples:
    flat = np.frombuffer(zlib.decompressobj(RAW_DEFLATE).decompress(coded), f"<u{dataset.BitsAllocated // 8}")
    rows, columns, channels = dataset.Rows, dataset.Columns, dataset.SamplesPerPixel
    if channels == 1:
        return flat.reshape(rows, columns)
    return (
        np.moveaxis(flat.reshape(channels, rows, columns), 0, 2) if dataset.PlanarConfiguration else flat.reshape(rows, columns, channels)
    )


def _flat(frame: Samples, boxes: Sequence[BoxFinding], tolerance: float) -> NDArray[np.bool_]:
    """Where boxes show the one colour that most of each has."""
    flat = np.zeros(frame.shape[:2], bool)
    for box in boxes:
        part = frame[box.top : box.bottom, box.left : box.right].astype(np.float64)
        part = part.reshape(*part.shape[:2], -1)
        flat[box.top : box.bottom, box.left : box.right] |= (abs(part - np.median(part, axis=(0, 1))) <= tolerance).all(axis=2)
    return flat


_DECODERS: dict[str, Callable[[bytes, FileDataset], Samples]] = {
    **dict.fromkeys((uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1), _libjpeg),
    **dict.fromkeys((JPEG_XL_LOSSLESS, JPEG_XL), _libjxl),
    JPEG_XL_OF_JPEG: _of_jpeg,
    DEFLATED_FRAMES: _inflated,
}
"""Libjpeg-turbo, libjxl and zlib, of what no plugin of pydicom here decodes, or not at all depths."""
