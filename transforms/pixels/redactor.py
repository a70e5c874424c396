"""Every frame of an instance searched for text, redacted, and searched once more (DESIGN 6, 7 and 17)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from transforms.inspection.engine import Engine, engine_of, local_engine
from transforms.inspection.wanted import of_image
from transforms.model.pictures import has_pixels
from transforms.model.plan import ImagePlan, TextMode
from transforms.model.records import BoxFinding, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.pixels.coding import Decoded
from transforms.pixels.overlays import Plane, planes
from transforms.pixels.redact import Canvas, canvas_of
from transforms.pixels.regions import Region, is_outside, regions
from transforms.pixels.render import renderings
from transforms.pixels.search import Line, RememberingSearch, TextSearch
from transforms.pixels.selection import Choice, Chosen, Sensitive, choose_all
from transforms.pixels.strengths import text_search
from transforms.pixels.templates import Template, matching
from transforms.pixels.timing import Stopwatch

LOOKS = 2
"""How often a redacted frame is searched again: what the first of them finds is redacted, too."""
AGAIN = "seen at the second look"


class Redactor:
    """Finds and hides text in instances. Same instance, engine and plan: same result."""

    def __init__(
        self,
        plan: ImagePlan,
        search: TextSearch | None,
        strength: PixelSearch = PixelSearch.DEFAULT,
        *,
        second_look: bool = True,
        templates: Sequence[Template] = (),
        phrase_tags: Collection[int] = (),
        overlays: bool = False,
        engine: Callable[[], Engine] = local_engine,
        watch: Stopwatch | None = None,
    ) -> None:
        """`search` is None under REDACT_NO_TEXT; `phrase_tags`: elements whose values are phrases, where the plan looks for these;
        `overlays`: whether overlay planes may stay, and so are searched; `engine` is called where lines are chosen by what they say;
        `watch`: the one that `search` tells its times, too.
        """
        self._plan, self._search, self._strength, self._engine = plan, search, strength, engine
        self._looks, self._templates, self._phrase_tags, self._overlays = LOOKS if second_look else 0, templates, phrase_tags, overlays
        self.watch = watch or Stopwatch()
        """Of the instance at hand, or the last."""

    def redact(self, opened: OpenInstance) -> OpenInstance:
        """The instance with what the pixel stage did. What can hide text beside the samples goes under every mode; there may be none.

        One decoded frame is in memory at a time. Raises InstanceProblem (stage `pixels`), and those of the engine.
        """
        self.watch.reset()
        canvas = canvas_of(opened.dataset) if has_pixels(opened.dataset) else None
        if self._search is None:
            return dataclasses.replace(opened, pixels=self._finished(canvas))
        self._search.forget()
        known_regions = regions(opened.dataset)
        looking = _Looking(self._search, known_regions, self._choice(opened.dataset, known_regions), self.watch, self._looks)
        boxes, residual = self._in_frames(canvas, opened.dataset, looking) if canvas is not None else ([], False)
        overlays = []
        for plane in planes(opened.dataset) if self._overlays else []:
            lines, left = looking.clear(plane)
            overlays += [(plane.finding(lines), plane.value())] if lines else []
            residual |= left
        look = (SecondLook.RESIDUAL if residual else SecondLook.CLEAN) if self._looks else SecondLook.NONE
        result = dataclasses.replace(
            self._finished(canvas),
            boxes=tuple(boxes),
            search=self._strength,
            all_text=self._plan.mode is TextMode.ALL,
            second_look=look,
            overlays=tuple(overlays),
        )
        return dataclasses.replace(opened, pixels=result)

    def _in_frames(self, canvas: Canvas, dataset: FileDataset, looking: _Looking) -> tuple[list[BoxFinding], bool]:
        """The boxes of all frames, hidden on the canvas, and whether text is left in one."""
        frames = _Frames(canvas, dataset, looking)
        known = [BoxFinding(0, *box, reason=f"template {one.name}") for one in matching(self._templates, dataset) for box in one.boxes]
        boxes: list[BoxFinding] = []
        residual = False
        for index in range(canvas.description.frames):
            found, left = frames.redact(index, [dataclasses.replace(box, frame=index) for box in known])
            boxes += found
            residual |= left
        return boxes, residual

    def _finished(self, canvas: Canvas | None) -> PixelResult:
        if canvas is None:
            return PixelResult()
        with self.watch.measured("encode"):
            return canvas.finish()

    def _choice(self, dataset: FileDataset, known: tuple[Region, ...]) -> Choice:
        suspicious = functools.partial(is_outside, known=known)
        if self._plan.mode is TextMode.ALL:
            return functools.partial(choose_all, suspicious=suspicious)
        return Sensitive(self._plan, dataset, self._engine(), self._phrase_tags, suspicious)


def redactor_of(
    plan: ImagePlan,
    strength: PixelSearch = PixelSearch.DEFAULT,
    languages: Sequence[str] = (),
    *,
    second_look: bool = True,
    templates: Sequence[Template] = (),
    phrase_tags: Collection[int] = (),
    overlays: bool = False,
    dlp_parent: str = "",
) -> Redactor:
    """The redactor of a run, made once a worker. `languages` as `languages_of`; `dlp_parent` as `engine_of`; the rest as `Redactor`.

    Raises ConfigError and PreflightError where what the strength or the plan needs is not installed.
    """
    watch = Stopwatch()
    search = RememberingSearch(text_search(strength, languages, watch)) if plan.searches else None
    engine = functools.partial(engine_of, dlp_parent, of_image(plan))
    return Redactor(
        plan,
        search,
        strength,
        second_look=second_look,
        templates=templates,
        phrase_tags=phrase_tags,
        overlays=overlays,
        engine=engine,
        watch=watch,
    )


@dataclasses.dataclass(frozen=True)
class _Looking:
    """How pictures of one instance are looked at."""

    search: TextSearch
    regions: tuple[Region, ...]
    choice: Choice
    watch: Stopwatch
    again: int
    """How often what was redacted is looked at."""

    def chosen(self, images: Iterable[NDArray[np.uint8]]) -> list[Chosen]:
        """The lines to redact of one picture in its renderings."""
        with self.watch.measured("render"):
            shown = [*images]
        lines = self.search.lines(*shown, regions=self.regions)
        with self.watch.measured("choose"):
            return self.choice(lines)

    def clear(self, plane: Plane) -> tuple[list[Line], bool]:
        """The lines cleared from a plane, and whether text is left after all looks at the result."""
        cleared: list[Line] = []
        left = False
        for frame in range(len(plane.bits)):
            for look in range(self.again + 1):
                found = [one.line for one in self.chosen([plane.picture(frame)])]
                if not found:
                    break
                left |= look == self.again > 0
                if not left:
                    cleared += found
                    for line in found:
                        plane.clear(frame, line)
        return cleared, left


@dataclasses.dataclass(frozen=True)
class _Frames:
    canvas: Canvas
    dataset: FileDataset
    looking: _Looking

    def redact(self, index: int, known: list[BoxFinding]) -> tuple[list[BoxFinding], bool]:
        """The boxes of a frame, hidden on the canvas, and whether text is left after all looks at the result."""
        boxes = self.canvas.fit(_told_once(known, [_box(index, one) for one in self._chosen(index)]))
        if not boxes:
            return [], False
        self._fill(index, boxes)
        for look in range(self.looking.again):
            left = [one for one in self._chosen(index) if not _is_hidden(one.line, boxes)]
            if not left:
                return boxes, False
            if look == self.looking.again - 1:
                return boxes, True
            boxes += self.canvas.fit(_box(index, dataclasses.replace(one, reason=AGAIN)) for one in left)
            self._fill(index, boxes)
        return boxes, False

    def _chosen(self, index: int) -> list[Chosen]:
        with self.looking.watch.measured("decode"):
            decoded: Decoded = self.canvas.decoded(index)
        return self.looking.chosen(renderings(decoded, self.dataset, index))

    def _fill(self, index: int, boxes: list[BoxFinding]) -> None:
        with self.looking.watch.measured("encode"):
            self.canvas.fill(index, boxes)


def _box(frame: int, chosen: Chosen) -> BoxFinding:
    line = chosen.line
    return BoxFinding(frame, line.left, line.top, line.right, line.bottom, line.text, line.confidence, chosen.info_type, chosen.reason)


def _told_once(known: Sequence[BoxFinding], found: Sequence[BoxFinding]) -> list[BoxFinding]:
    """The boxes of templates, each with what was read in it, and of those found the ones that do not lie in one of them."""
    told, left = [], [*found]
    for box in known:
        inside = [one for one in left if _is_hidden(one, [box])]
        left = [one for one in left if one not in inside]
        texts, sure = [one.text for one in inside if one.text], [one.confidence for one in inside if one.confidence is not None]
        told.append(dataclasses.replace(box, text=" ".join(texts), confidence=min(sure, default=None)))
    return told + left


def _is_hidden(line: Line | BoxFinding, boxes: Sequence[BoxFinding]) -> bool:
    """Whether all of a line lies in one box: every sample there is equal, so that nothing is written in it."""
    return any(box.left <= line.left and line.right <= box.right and box.top <= line.top and line.bottom <= box.bottom for box in boxes)
