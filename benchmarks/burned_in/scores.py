"""What a search made of frames whose ink is known."""

from __future__ import annotations

import collections
import dataclasses
import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.burned_in.backgrounds import Picture
from benchmarks.burned_in.frames import Frame, Text
from benchmarks.burned_in.instances import shown
from transforms.pixels import regions

HIDDEN = 0.98
"""Share of a string's ink that must lie in boxes, with nothing left that an independent reader reads."""
MARGIN = 12
"""Pixels around text in which a box takes nothing that counts as a picture."""
TOUCHED = 0.0005
"""Share of a frame without text from which it counts as touched."""
READ = 0.8
"""Similarity from which a string counts as read."""


class Box(regions.Box, Protocol):
    """A line that was found, or the box over it, and what it says."""

    @property
    def text(self) -> str: ...  # noqa: D102


class Judged(NamedTuple):
    """One frame of an instance, and what a search made of it."""

    made: Frame
    lines: Sequence[Box]
    """What was found, and what it says."""
    gone: NDArray[np.bool_] | None = None
    """(rows, columns), where nothing is left of the picture; None: in all of the lines' boxes."""


@dataclasses.dataclass
class Score:
    """Sums over instances and their frames; each group counts [hidden, strings] or [leaking, instances]."""

    strings: collections.Counter[tuple[str, bool]] = dataclasses.field(default_factory=collections.Counter)
    """(group, hidden) → identifying strings."""
    lines: collections.Counter[bool] = dataclasses.field(default_factory=collections.Counter)
    """Found or not, of all strings, labels and markers too."""
    instances: collections.Counter[tuple[str, bool]] = dataclasses.field(default_factory=collections.Counter)
    """(group, leaks) → instances with identifying strings; of a script, those with strings in it, and whether one of these leaks."""
    outside: list[float] = dataclasses.field(default_factory=list)
    text_free: collections.Counter[bool] = dataclasses.field(default_factory=collections.Counter)
    """Touched or not."""
    read: collections.Counter[bool] = dataclasses.field(default_factory=collections.Counter)
    """Read or not, of identifying Latin strings, those of frames in which nothing was found, too."""
    cpu: list[float] = dataclasses.field(default_factory=list)
    missed: list[str] = dataclasses.field(default_factory=list)
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    """Instances that went through a redactor, by what became of them; those not published count nowhere else."""

    def add(self, frames: Sequence[Judged], groups: Sequence[str], cpu: float, reader: Callable[[Picture], str] | None) -> None:
        """Count one instance, which leaks if one of its frames does; `cpu` is that of all of them.

        `groups`: what it belongs to; `reader` judges what is left of a string.
        """
        self.cpu += [cpu / len(frames)] * len(frames)
        leaks: dict[str, bool] = {}
        for one in frames:
            self._add(one, groups, reader, leaks)
        self.instances.update(leaks.items())

    def _add(self, one: Judged, groups: Sequence[str], reader: Callable[[Picture], str] | None, leaks: dict[str, bool]) -> None:
        made, lines = one.made, one.lines
        boxes = within(lines, made.taken.shape)
        outside = float((boxes & ~around(made)).mean())
        if not made.texts:
            self.text_free[outside > TOUCHED] += 1
        self.outside.append(outside)
        gone = boxes if one.gone is None else one.gone
        for text in made.texts:
            covered = float(gone[text.top : text.bottom, text.left : text.right][text.ink].mean())
            hidden = covered >= HIDDEN and (covered == 1 or reader is None or not _readable(made, text, gone, reader))
            self.lines[hidden] += 1
            if not text.identifies:
                continue
            for group in ("all", *groups, f"script {text.script}"):
                leaks[group] = leaks.get(group, False) or not hidden
            for group in ("all", f"script {text.script}", *(("font unseen in training",) if text.unseen else ())):
                self.strings[group, hidden] += 1
            if not hidden:
                self.missed.append(f"{groups} {text.string!r} {text.right - text.left}x{text.bottom - text.top} {covered:.2f}")
            if text.script == "latin":
                self.read[_says(text, lines) >= READ] += 1

    def report(self, name: str, beside: Score | None = None) -> Iterable[str]:
        """The figures, a line each; CPU as a share of that of `beside`, too, which saw the same frames."""
        share = f", {sum(self.cpu) / sum(beside.cpu):.3f} of pytesseract's" if beside else ""
        yield f"{name}: {1000 * sum(self.cpu) / len(self.cpu):.0f} ms CPU a frame over {len(self.cpu)} frames{share}"
        yield f"  strings hidden          {_share(self.strings, 'all', True)}"
        for group in sorted({group for group, _ in self.strings} - {"all"}):
            yield f"    {group:24} {_share(self.strings, group, True)}"
        for group in sorted({group for group, _ in self.instances}, key=lambda group: (group != "all", group)):
            bad, count = self.instances[group, True], self.instances[group, False] + self.instances[group, True]
            yield f"  instances leaking {group:24} {bad}/{count} = {100 * bad / count:.2f} %, at most {100 * upper_bound(bad, count):.2f} %"
        yield f"  lines found             {self.lines[True]}/{self.lines.total()} = {self.lines[True] / max(1, self.lines.total()):.4f}"
        mean, worst = 100 * np.mean(self.outside), 100 * np.percentile(self.outside, 99)
        yield f"  outside text            mean {mean:.3f} %, p99 {worst:.2f} % of a frame"
        if self.text_free.total():
            touched, count = self.text_free[True], self.text_free.total()
            yield f"  text-free touched       {touched}/{count} = {100 * touched / count:.1f} %"
        if self.ends:
            yield f"  through the redactor    {', '.join(f'{count} {end}' for end, count in sorted(self.ends.items()))}"
        if self.read[True]:
            yield f"  Latin strings read      {self.read[True]}/{self.read.total()} = {self.read[True] / self.read.total():.3f}"

    def point(self) -> str:
        """What stands on one line of a curve."""
        bad, good = self.instances["all", True], self.instances["all", False]
        mean, worst = 100 * np.mean(self.outside), 100 * np.percentile(self.outside, 99)
        return (
            f"strings hidden {_share(self.strings, 'all', True)}, instances leaking {bad}/{bad + good}, at most "
            f"{100 * upper_bound(bad, bad + good):.2f} %, outside text mean {mean:.3f} %, p99 {worst:.2f} %, "
            f"text-free touched {self.text_free[True]}/{self.text_free.total()}"
        )


def within(boxes: Iterable[regions.Box], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels of a frame, (rows, columns) of `shape`, lie in boxes."""
    inside = np.zeros(shape[:2], bool)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    return inside


def around(made: Frame) -> NDArray[np.bool_]:
    """Where text is, grown by MARGIN."""
    grown = np.zeros(made.taken.shape, bool)
    for text in made.texts:
        grown[max(0, text.top - MARGIN) : text.bottom + MARGIN, max(0, text.left - MARGIN) : text.right + MARGIN] = True
    return grown


def upper_bound(bad: int, count: int, sure: float = 0.95) -> float:
    """Clopper and Pearson's one-sided bound of a rate."""
    low, high = bad / max(1, count), 1.0
    for _ in range(60):
        middle = (low + high) / 2
        chance = sum(math.comb(count, one) * middle**one * (1 - middle) ** (count - one) for one in range(bad + 1)) if middle < 1 else 0.0
        low, high = (middle, high) if chance > 1 - sure else (low, middle)
    return high


def _readable(made: Frame, text: Text, boxes: NDArray[np.bool_], reader: Callable[[Picture], str]) -> bool:
    rows, columns = slice(max(0, text.top - 4), text.bottom + 4), slice(max(0, text.left - 4), text.right + 4)
    left = shown(made.picture[rows, columns], boxes[rows, columns])
    left = np.ascontiguousarray(np.rot90(left)) if text.turned else left
    return any(character.isalnum() for character in reader(left))


def _says(text: Text, lines: Sequence[Box]) -> float:
    """How like the string the best of the lines over it is; a line may hold more strings than one."""
    wanted = _letters(text.string)
    best = 0.0
    for line in lines:
        if min(line.right, text.right) > max(line.left, text.left) and min(line.bottom, text.bottom) > max(line.top, text.top):
            matcher = difflib.SequenceMatcher(None, wanted, _letters(line.text), autojunk=False)
            best = max(best, sum(block.size for block in matcher.get_matching_blocks()) / max(1, len(wanted)))
    return best


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _share(counter: collections.Counter[tuple[str, bool]], group: str, good: bool) -> str:
    hits, count = counter[group, good], counter[group, good] + counter[group, not good]
    return f"{hits}/{count} = {hits / max(1, count):.4f}"
