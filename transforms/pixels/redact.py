"""From boxes to new samples: only boxed pixels change, only boxed frames are coded again (DESIGN 6)."""

from __future__ import annotations

import abc
import collections
import dataclasses
import mmap
from collections.abc import Iterable, Sequence
from typing import cast

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset

from transforms.model.large import LARGE, Shelf, View, joined, let_go, view
from transforms.model.records import Action, BoxFinding, LossyStep, PixelResult, TagFinding
from transforms.pixels import codecs, native, streams
from transforms.pixels.coding import Decoded
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.fill import black
from transforms.pixels.frames import CodedFrames, NativeFrames, locate, swapped
from transforms.pixels.words import HIDDEN_BITS, Words, without_hidden_bits


class Canvas(abc.ABC):
    """The frames of one instance as they are going to be published."""

    def __init__(self, description: PixelDescription, dataset: FileDataset) -> None:
        self.description, self._dataset = description, dataset
        self._gone: collections.Counter[str] = collections.Counter()

    @abc.abstractmethod
    def frame(self, index: int) -> bytes:
        """The coded stream or native samples of a frame as they stand now, without what can hide text beside the samples.

        Raises InstanceProblem BAD_STREAM, NO_DECODER (`streams.clean`).
        """

    @abc.abstractmethod
    def fill(self, index: int, boxes: Sequence[BoxFinding]) -> None:
        """Hide all of the boxes of a frame, which must be `fit`. A second call names those of the first, too: a lossy frame is coded
        from the source's samples once more, and not from its own.

        Raises InstanceProblem: those of `codecs.decode` and `codecs.encode`, and BAD_PALETTE.
        """

    @abc.abstractmethod
    def finish(self) -> PixelResult:
        """The new value of the element and what went from it; `pixel_data` is None where nothing had to change.

        Every frame has been through `frame` then, or goes through it now. Boxes are not in it.
        """

    def decoded(self, index: int) -> Decoded:
        """The samples of a frame as they stand now. Raises InstanceProblem as `frame` and `codecs.decode`."""
        return codecs.decode(self.frame(index), self.description)

    def fit(self, boxes: Iterable[BoxFinding]) -> list[BoxFinding]:
        """The boxes clipped to the frame, without empty ones, and widened to whole pairs where native chroma is shared by two."""
        fitted = []
        for box in boxes:
            left, right = max(box.left, 0), min(box.right, self.description.columns)
            if self.description.subsampled:
                left, right = left - left % 2, right + right % 2
            top, bottom = max(box.top, 0), min(box.bottom, self.description.rows)
            if left < right and top < bottom:
                fitted.append(dataclasses.replace(box, left=left, right=right, top=top, bottom=bottom))
        return fitted

    def _findings(self) -> tuple[TagFinding, ...]:
        """One finding for each kind of what went, with the number of frames it was found in."""
        tag = f"{tag_for_keyword(self.description.element):08X}"
        return tuple(
            TagFinding(tag, Action.CLEANED, f"Matched Expression: {kind} ({frames} frame{'s' if frames > 1 else ''})")
            for kind, frames in sorted(self._gone.items())
        )


def canvas_of(dataset: FileDataset) -> Canvas:
    """The frames of an instance. Raises InstanceProblem: those of PixelDescription and `locate`."""
    description = PixelDescription.from_dataset(dataset)
    frames = locate(dataset, description)
    if isinstance(frames, NativeFrames):
        return _NativeCanvas(frames, dataset)
    return _CodedCanvas(frames, description, dataset)


class _NativeCanvas(Canvas):
    """Samples are overwritten where they stand, in one copy of the value that is made when the first has to change."""

    def __init__(self, frames: NativeFrames, dataset: FileDataset) -> None:
        super().__init__(frames.description, dataset)
        self._frames = frames
        self._data: bytearray | mmap.mmap = bytearray()
        for index in range(self.description.frames):
            self._clean(index)

    def frame(self, index: int) -> bytes:
        return self._frames.frame(index)

    def fill(self, index: int, boxes: Sequence[BoxFinding]) -> None:
        description, decoded = self.description, self.decoded(index)
        fill = black(decoded, description, self._dataset, index)
        if description.bits_allocated == 1:
            native.fill_bits(self._own(), index * description.frame_bits, description.columns, boxes, int(fill[0]))
        else:
            native.fill_words(self._words(self._own(), index), boxes, fill, decoded.samples, description)

    def finish(self) -> PixelResult:
        if not (self._data or self._frames.trailing):
            return PixelResult()
        value: View = memoryview(self._own())
        if self._frames.trailing:
            self._gone["bytes after the last frame"] += 1
            end = len(value) - self._frames.trailing
            value = view(joined((value[:end], bytes(end % 2)), STAGE))
        value = view(swapped(value)) if self.description.swapped else value
        return PixelResult(findings=self._findings(), pixel_data=bytes(value) if len(value) <= LARGE else value)

    def _own(self) -> bytearray | mmap.mmap:
        if not self._data:
            value = self._frames.value
            self._data = bytearray(value) if len(value) <= LARGE else cast(mmap.mmap, joined([value], STAGE, writable=True))
            self._frames = dataclasses.replace(self._frames, value=memoryview(self._data))
        return self._data

    def _clean(self, index: int) -> None:
        if self.description.bits_stored == self.description.bits_allocated:
            return
        words = self._words(self._frames.value, index)
        cleaned = without_hidden_bits(words, self.description)
        if cleaned is not words:
            self._gone[HIDDEN_BITS] += 1
            self._words(self._own(), index)[...] = cleaned
        let_go(self._frames.value)

    def _words(self, data: bytearray | mmap.mmap | memoryview, index: int) -> Words:
        size = self.description.frame_bits // 8
        return native.view(memoryview(data)[index * size : (index + 1) * size], self.description)


class _CodedCanvas(Canvas):
    """A frame with boxes is coded again; the fragments of others stay byte for byte."""

    def __init__(self, frames: CodedFrames, description: PixelDescription, dataset: FileDataset) -> None:
        super().__init__(description, dataset)
        self._frames = frames
        self._changed = Shelf(STAGE)
        self._lossy: dict[int, str] = {}
        self._was_clean: dict[int, bool] = {}
        """Of the frames of the source that were looked at, whether nothing had to go: these are not looked at again."""
        self._boxed: set[int] = set()

    def frame(self, index: int) -> bytes:
        return self._changed[index] if index in self._changed else self._cleaned(index)

    def fill(self, index: int, boxes: Sequence[BoxFinding]) -> None:
        source = self._cleaned(index) if index in self._boxed else self.frame(index)
        self._boxed.add(index)
        decoded = codecs.decode(source, self.description)
        fill = black(decoded, self.description, self._dataset, index)
        samples = decoded.samples.copy()
        for box in boxes:
            samples[box.top : box.bottom, box.left : box.right] = fill if self.description.samples > 1 else fill[0]
        coded = codecs.encode(samples, source, self.description)
        self._changed[index] = coded.data
        if coded.lossy:
            self._lossy[index] = coded.lossy

    def finish(self) -> PixelResult:
        for index in range(self.description.frames):
            if index not in self._was_clean:
                self._cleaned(index)
        if self._frames.trailing:
            self._gone["bytes after the last frame"] += 1
        photometric = streams.photometric(self.description)
        if not (self._changed or self._frames.trailing):
            return PixelResult(photometric=photometric)
        value, extended = self._frames.assemble(self._changed)
        return PixelResult(
            findings=self._findings(), pixel_data=value, extended_offsets=extended, lossy=self._lossy_step(), photometric=photometric
        )

    def _cleaned(self, index: int) -> bytes:
        """A frame of the source without what is not samples."""
        source = self._frames.frame(index)
        if self._was_clean.get(index):
            return source
        cleaned, kinds = streams.clean(source, self.description)
        if index not in self._was_clean:
            self._was_clean[index] = not kinds
            self._gone.update(set(kinds))
            if kinds:
                self._changed[index] = cleaned
        return cleaned

    def _lossy_step(self) -> LossyStep | None:
        if not self._lossy:
            return None
        size = sum(len(self._changed[index]) for index in self._lossy)
        return LossyStep(next(iter(self._lossy.values())), len(self._lossy) * self.description.frame_bits / 8 / size)
