"""The checks: each a question to one output, or to what the outputs of a set say together. No file of the product is read."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pytesseract
from PIL import Image, ImageOps

from benchmarks.judge import values
from benchmarks.judge.key import Answer, Check, Expectation
from benchmarks.judge.outputs import Matched, Output, first

_DATE = re.compile(r"(\d{4})[.-]?(\d\d)[.-]?(\d\d)(?!\d{7})")
_MAPPED = (Check.UID_CONSISTENT, Check.PATID_CONSISTENT)


class Verdict(NamedTuple):
    """The answer to one check. `why` quotes values: an archive's own list of failures is as secret as its key."""

    check: Check
    passed: bool
    file: str
    path: str
    why: str


class Seen(NamedTuple):
    """What the outputs of a set say together."""

    new: Mapping[tuple[Check, str], Counter[str]]
    """Old UID or Patient ID → new ones."""
    old: Mapping[tuple[Check, str], set[str]]
    """New → old."""
    days: Mapping[str, Counter[int]]
    """Patient → the numbers of days by which dates of theirs moved."""


def verdicts(answers: Iterable[Answer], policy: str, matched: Matched, again: Matched | None = None) -> Iterator[Verdict]:
    """Ask all that is due under a policy. `again`: the outputs of a second run, with the same key."""
    answers = list(answers)
    seen = _seen(answers, policy, matched)
    for answer in answers:
        output = matched.outputs.get(answer.file)
        yield Verdict(Check.FILE_WRITTEN, output is not None, answer.file, "", "" if output else "no output")
        second = again.outputs.get(answer.file) if again else None
        for one in answer.checks:
            if not one.is_due(policy):
                continue
            why = "no output" if output is None else _ask(one, answer, output, matched, seen)
            yield Verdict(one.check, not why, answer.file, one.path, f"{one.about}: {why}" if why and one.about else why)
            if again is not None and output is not None and one.check in (*_MAPPED, Check.DATE_EXACT):
                same = second is not None and values.at(second.dataset, one.path) == values.at(output.dataset, one.path)
                yield Verdict(Check.RUNS_AGREE, same, answer.file, one.path, "" if same else "another value in the second run")


def _seen(answers: Iterable[Answer], policy: str, matched: Matched) -> Seen:
    new: defaultdict[tuple[Check, str], Counter[str]] = defaultdict(Counter)
    old: defaultdict[tuple[Check, str], set[str]] = defaultdict(set)
    days: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for answer in answers:
        output = matched.outputs.get(answer.file)
        for one in answer.checks if output is not None else ():
            found = [text for text in values.at(output.dataset, one.path) if text.strip()] if output and one.path else []
            if not found or not one.is_due(policy):
                continue
            if one.check in _MAPPED:
                new[one.check, one.value].update(found[:1])
                old[one.check, found[0]].add(one.value)
            elif one.check is Check.DATE_EXACT and (moved := _moved(one.value, found[0])) is not None:
                days[answer.patient][moved] += 1
    return Seen(new, old, days)


def _ask(one: Expectation, answer: Answer, output: Output, matched: Matched, seen: Seen) -> str:
    """Why the check fails; empty if it passes."""
    if one.check is Check.TEXT_GONE:
        found = values.places(output.texts, output.bare, one.value)
        return f"{one.value} stands in {', '.join(found[:3])}" if found else ""
    if one.check is Check.PIXELS_RETAINED:
        return "" if output.pixels == one.value else "Pixel Data has changed"
    if one.check is Check.PIXELS_HIDDEN:
        return _legible(one, output)
    texts = values.at(output.dataset, one.path)
    if one.check in _OF_SET:
        return _OF_SET[one.check](one, answer, texts, matched, seen)
    return _OF_ONE[one.check](one, texts)


def _retained(_: Expectation, texts: list[str]) -> str:
    return "" if texts else "absent"


def _notnull(_: Expectation, texts: list[str]) -> str:
    return "" if any(text.strip() for text in texts) else "absent or empty"


def _text_retained(one: Expectation, texts: list[str]) -> str:
    wanted = values.words(one.value)
    best = min(([word for word in wanted if not values.same_word(text, word)] for text in texts), key=len, default=wanted)
    return f"without {' '.join(best)}" if best else ""


def _text_removed(one: Expectation, texts: list[str]) -> str:
    left = [word for word in values.words(one.value) if any(values.contains(text, word) for text in texts)]
    return f"{' '.join(left)} is left" if left else ""


def _without(one: Expectation, texts: list[str]) -> str:
    return f"{one.value} is left" if any(one.value in text for text in texts) else ""


_OF_ONE: Mapping[Check, Callable[[Expectation, list[str]], str]] = {
    Check.TAG_RETAINED: _retained,
    Check.TEXT_NOTNULL: _notnull,
    Check.TEXT_RETAINED: _text_retained,
    Check.TEXT_REMOVED: _text_removed,
    Check.DATE_SHIFTED: _without,
    Check.UID_CHANGED: _without,
}


def _consistent(one: Expectation, _: Answer, texts: list[str], __: Matched, seen: Seen) -> str:
    new = first(texts).strip()
    if not new:
        return "absent or empty"
    if len(seen.new[one.check, one.value]) > 1:
        return f"{one.value} became {len(seen.new[one.check, one.value])} different ones"
    return f"{len(seen.old[one.check, new])} old ones became {new}" if len(seen.old[one.check, new]) > 1 else ""


def _exact(one: Expectation, answer: Answer, texts: list[str], _: Matched, seen: Seen) -> str:
    moved = _moved(one.value, first(texts))
    if moved is None:
        return "absent, or no date"
    usual = seen.days[answer.patient].most_common(1)[0][0]
    due = one.days if one.days is not None else usual
    if moved == 0:
        return "not moved"
    return "" if moved == due else f"moved by {moved} days, others of the patient by {due}"


def _interval(one: Expectation, _: Answer, texts: list[str], matched: Matched, __: Seen) -> str:
    file, path, before = one.to
    other = matched.outputs.get(file)
    here, there = _day(first(texts)), _day(first(values.at(other.dataset, path))) if other else None
    if here is None or there is None:
        return "one of the two dates is absent"
    then, now = _day(before), _day(one.value)
    kept = then is not None and now is not None and here - there == now - then
    return "" if kept else f"the dates lie {(here - there).days} days apart now"


def _resolves(one: Expectation, _: Answer, texts: list[str], matched: Matched, __: Seen) -> str:
    target = matched.outputs.get(one.value)
    if target is None:
        return f"{one.value} has no output"
    return "" if any(text.strip() == target.uid for text in texts) else f"it does not name the output of {one.value}"


_OF_SET: Mapping[Check, Callable[[Expectation, Answer, list[str], Matched, Seen], str]] = {
    Check.UID_CONSISTENT: _consistent,
    Check.PATID_CONSISTENT: _consistent,
    Check.DATE_EXACT: _exact,
    Check.INTERVAL_KEPT: _interval,
    Check.REFERENCE_RESOLVES: _resolves,
}


def _day(text: str) -> dt.date | None:
    match = _DATE.match(text.strip())
    try:
        return dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _moved(before: str, after: str) -> int | None:
    """Days from one date to the other; None where one is none, or what follows the date (a time, an offset) is not the same."""
    old, new = _day(before), _day(after)
    rest = before.strip()[8:] == after.strip()[8:]
    return (new - old).days if old and new and rest else None


def _legible(one: Expectation, output: Output) -> str:
    """Which words OCR reads in the box of the first frame: at its own size and three times as large, as it is and inverted."""
    try:
        frame = np.atleast_2d(output.dataset.pixel_array)
    except Exception as error:  # noqa: BLE001 - whatever a decoder makes of a foreign file
        return f"the samples cannot be decoded ({type(error).__name__})"
    left, top, right, bottom = one.box
    cut = (frame[0] if "NumberOfFrames" in output.dataset and frame.ndim > 2 else frame)[top:bottom, left:right].astype(float)
    low, high = float(cut.min(initial=0)), float(cut.max(initial=0))
    grey = Image.fromarray(((cut - low) * (255 / max(high - low, 1))).astype(np.uint8)).convert("L")
    sizes = [grey, grey.resize((3 * grey.width, 3 * grey.height), Image.Resampling.BICUBIC)]
    read = [pytesseract.image_to_string(shown, config="--psm 6") for size in sizes for shown in (size, ImageOps.invert(size))]
    texts = [*read, *("".join(text.split()) for text in read)]
    left_over = [word for word in values.words(one.value) if any(values.contains(text, word) for text in texts)]
    return f"{' '.join(left_over)} can be read" if left_over else ""
