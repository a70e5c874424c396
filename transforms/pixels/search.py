"""Frame in, lines out: what every engine that looks for text answers (DESIGN 7)."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from transforms.pixels.regions import Region

_REMEMBERED = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of text. Pixels of the image searched, half open: left <= x < right, top <= y < bottom."""

    left: int
    top: int
    right: int
    bottom: int
    text: str = ""
    """What was read; empty if text was seen but not read. May be PHI."""
    confidence: float | None = None
    """0 to 1, the engine's own; None if nothing was read."""
    sure: bool = False
    """Whether `text` can be believed to be all that the line says."""


class TextSearch(Protocol):
    """An engine that finds text in one image."""

    def lines(self, *images: NDArray[np.uint8], regions: tuple[Region, ...] = ()) -> list[Line]:
        """The lines of one frame in all its renderings, from top to bottom, no line twice.

        `images`: uint8, of one size, (rows, columns) grey or (rows, columns, 3) RGB. `regions`: those of an ultrasound, outside of which
        less is enough to take something for a line. Raises InstanceProblem.
        """
        ...

    def forget(self) -> None:
        """Called before each instance: what was seen in others has no part in what is said of this one, whoever worked on them."""
        ...


class RememberingSearch:
    """Another engine, asked once for frames of an instance that are equal.

    Static frames are common. The last 64 answers are kept, under the digest of the renderings and regions; images are not.
    """

    def __init__(self, engine: TextSearch) -> None:
        self._engine = engine
        self._answers: collections.OrderedDict[bytes, list[Line]] = collections.OrderedDict()

    def lines(self, *images: NDArray[np.uint8], regions: tuple[Region, ...] = ()) -> list[Line]:
        """As the engine's."""
        hashed = hashlib.blake2b(repr(regions).encode(), digest_size=16)
        for image in images:
            hashed.update(repr(image.shape).encode())
            hashed.update(np.ascontiguousarray(image).data)
        digest = hashed.digest()
        if digest in self._answers:
            self._answers.move_to_end(digest)
            return self._answers[digest]
        answer = self._engine.lines(*images, regions=regions)
        self._answers[digest] = answer
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def forget(self) -> None:
        """As the engine's."""
        self._answers.clear()
        self._engine.forget()
