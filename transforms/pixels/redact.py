"""From boxes to a new PixelData: only boxed pixels change, only boxed frames are coded again (DESIGN 6)."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem
from transforms.model.records import Action, BoxFinding, LossyStep, PixelResult, TagFinding
from transforms.pixels import codecs, native, streams
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.fill import black
from transforms.pixels.frames import CodedFrames, NativeFrames, locate, swap_pairs

PIXEL_DATA = "7FE00010"


def redact(dataset: FileDataset, boxes: tuple[BoxFinding, ...]) -> PixelResult:
    """What becomes of the pixels of an instance with these boxes; with none, only what is not samples goes.

    `pixel_data` of the result is None where nothing had to change. Boxes are clipped to the frame, and widened to whole
    pixel pairs where native chroma is shared by two; the result holds them as they were filled. The data set stays as it
    is. Raises InstanceProblem: those of PixelDescription, `locate`, `streams.clean`, `codecs.decode` and `codecs.encode`,
    and BAD_PALETTE.
    """
    if "PixelData" not in dataset and not boxes:
        return PixelResult()
    description = PixelDescription.from_dataset(dataset)
    frames = locate(dataset, description)
    fitted = tuple(box for box in (_fit(box, description) for box in boxes) if box.left < box.right and box.top < box.bottom)
    by_frame: dict[int, list[BoxFinding]] = collections.defaultdict(list)
    for box in fitted:
        by_frame[box.frame].append(box)
    if isinstance(frames, NativeFrames):
        result = _redact_native(frames, dataset, by_frame)
    else:
        result = _redact_coded(frames, description, dataset, by_frame)
    return dataclasses.replace(result, boxes=fitted)


def _fit(box: BoxFinding, description: PixelDescription) -> BoxFinding:
    if not 0 <= box.frame < description.frames:
        raise ValueError("a box lies in a frame that is not there")
    left, right = max(box.left, 0), min(box.right, description.columns)
    if description.subsampled:
        left, right = left - left % 2, right + right % 2
    return dataclasses.replace(box, left=left, right=right, top=max(box.top, 0), bottom=min(box.bottom, description.rows))


def _redact_native(frames: NativeFrames, dataset: FileDataset, boxes: Mapping[int, Sequence[BoxFinding]]) -> PixelResult:
    description = frames.description
    gone: collections.Counter[str] = collections.Counter()
    hiding = [index for index in range(description.frames) if _hides_bits(frames.value, index, description)]
    if not (hiding or boxes or frames.trailing):
        return PixelResult()
    data = bytearray(frames.value)
    for index in hiding:
        gone["bits outside BitsStored"] += 1
        words = _frame_words(data, index, description)
        words[...] = native.without_hidden_bits(words, description)
    for index, framed in boxes.items():
        decoded = codecs.decode(frames.frame(index), description)
        fill = black(decoded, description, dataset)
        if description.bits_allocated == 1:
            native.fill_bits(data, index * description.frame_bits, description.columns, framed, int(fill[0]))
            continue
        native.fill_words(_frame_words(data, index, description), framed, fill, decoded.samples, description)
    if frames.trailing:
        gone["bytes after the last frame"] += 1
        del data[len(data) - frames.trailing :]
        data.extend(bytes(len(data) % 2))
    return PixelResult(findings=_findings(gone), pixel_data=bytes(swap_pairs(data) if description.swapped else data))


def _hides_bits(value: memoryview, index: int, description: PixelDescription) -> bool:
    if description.bits_stored == description.bits_allocated:
        return False
    words = _frame_words(value, index, description)
    return native.without_hidden_bits(words, description) is not words


def _frame_words(data: bytearray | memoryview, index: int, description: PixelDescription) -> native.Words:
    size = description.frame_bits // 8
    return native.view(memoryview(data)[index * size : (index + 1) * size], description)


def _redact_coded(
    frames: CodedFrames, description: PixelDescription, dataset: FileDataset, boxes: Mapping[int, Sequence[BoxFinding]]
) -> PixelResult:
    gone: collections.Counter[str] = collections.Counter()
    changed: dict[int, bytes] = {}
    lossy: collections.Counter[str] = collections.Counter()
    for index in range(description.frames):
        frame = frames.frame(index)
        cleaned, kinds = streams.clean(frame, description)
        gone.update(set(kinds))
        if boxes.get(index):
            coded = _redact_frame(cleaned, boxes[index], description, dataset)
            changed[index] = coded.data
            if coded.lossy:
                lossy[coded.lossy] += len(coded.data)
        elif kinds:
            changed[index] = cleaned
    if frames.trailing:
        gone["bytes after the last frame"] += 1
    if not (changed or frames.trailing):
        return PixelResult()
    value, extended = frames.assemble(changed)
    step = None
    for method, size in lossy.items():
        step = LossyStep(method, len(boxes) * description.frame_bits / 8 / size)
    return PixelResult(findings=_findings(gone), pixel_data=value, extended_offsets=extended, lossy=step)


def _redact_frame(frame: bytes, boxes: Iterable[BoxFinding], description: PixelDescription, dataset: FileDataset) -> codecs.Encoded:
    decoded = codecs.decode(frame, description)
    fill = black(decoded, description, dataset)
    samples = decoded.samples.copy()
    for box in boxes:
        samples[box.top : box.bottom, box.left : box.right] = fill if description.samples > 1 else fill[0]
    coded = codecs.encode(samples, frame, description)
    # An encoder that does not give back what it was given must not pass as lossless.
    if coded.lossy is None and not np.array_equal(codecs.decode(coded.data, description).samples, samples):
        raise InstanceProblem(STAGE, "NO_ENCODER", "a redacted frame cannot be encoded again without loss")
    return coded


def _findings(gone: Mapping[str, int]) -> tuple[TagFinding, ...]:
    """One finding for each kind, with the number of frames it was found in."""
    return tuple(
        TagFinding(PIXEL_DATA, Action.CLEANED, f"Matched Expression: {kind} ({frames} frame{'s' if frames > 1 else ''})")
        for kind, frames in sorted(gone.items())
    )
