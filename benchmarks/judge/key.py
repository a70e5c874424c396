"""The answer key: what was planted where, and what must have become of it.

A key file is JSON Lines, one line a source instance, so that any archive can bring its own:

    {"file": "p1/ct1.dcm", "patient": "p1", "marks": {"00200013": "1001"}, "checks": [
      {"check": "text_removed", "path": "00081030", "value": "Kowalczyk Anna"},
      {"check": "date_exact", "path": "00080020", "value": "20210314", "when": ["dates"]},
      {"check": "reference_resolves", "path": "00082112[0].00081155", "value": "p1/ct2.dcm"}]}

`file` is relative to the source folder. `marks` finds the output: elements that must stay and whose values no other instance of
the set has (`pixels` stands for the MD5 of Pixel Data). `path` has tags as eight hex digits and item numbers, `[*]` for any item.
`when` names the policies under which the check is due; without it, it is always due. `about` is free, for the list of failures.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable, Iterator
from pathlib import Path


class Check(enum.StrEnum):
    """What may be asked; the first ten are MIDI-B's, made stricter: an absent element fails what was due to stay."""

    TAG_RETAINED = "tag_retained"
    """The element is there."""
    TEXT_NOTNULL = "text_notnull"
    """It is there and has a value."""
    TEXT_RETAINED = "text_retained"
    """All words of `value` stand in its value; numbers are compared as numbers."""
    TEXT_REMOVED = "text_removed"
    """None of the words of `value` stands in its value."""
    DATE_SHIFTED = "date_shifted"
    """The date `value` does not stand in its value."""
    UID_CHANGED = "uid_changed"
    """The UID `value` does not stand in its value."""
    UID_CONSISTENT = "uid_consistent"
    """The UID `value` became the same new UID in all of the set, and no other became that."""
    PATID_CONSISTENT = "patid_consistent"
    """The same for a Patient ID."""
    PIXELS_HIDDEN = "pixels_hidden"
    """In `box` (left, top, right, bottom) OCR reads none of the words of `value`."""
    PIXELS_RETAINED = "pixels_retained"
    """The MD5 of the bytes of Pixel Data is `value`."""
    TEXT_GONE = "text_gone"
    """`value` stands nowhere in the file: in no element at any depth, decoded or raw."""
    DATE_EXACT = "date_exact"
    """The date moved by its patient's number of days: `days` if the key says it, else the one most dates of the patient moved by."""
    INTERVAL_KEPT = "interval_kept"
    """It lies as many days after the date at `to` (file and path) as in the source."""
    REFERENCE_RESOLVES = "reference_resolves"
    """It is the SOP Instance UID that the instance of the source file `value` now has."""
    RUNS_AGREE = "runs_agree"
    """A second run, with the same key, made of the date, UID or Patient ID the same: derived by the judge, where it is shown one."""
    FILE_WRITTEN = "file_written"
    """The instance has one output: derived by the judge."""


REMOVING = frozenset({Check.TEXT_REMOVED, Check.DATE_SHIFTED, Check.UID_CHANGED, Check.PIXELS_HIDDEN, Check.TEXT_GONE})
"""A failure of these is identity left."""

PIXELS = "pixels"


@dataclasses.dataclass(frozen=True, slots=True)
class Expectation:
    """One check of one instance; fields as in the key file."""

    check: Check
    path: str = ""
    value: str = ""
    when: tuple[str, ...] = ()
    about: str = ""
    box: tuple[int, ...] = ()
    to: tuple[str, ...] = ()
    days: int | None = None

    def is_due(self, policy: str) -> bool:
        """Whether it is asked under this policy."""
        return not self.when or policy in self.when


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One line of a key: a source instance, how to know its output, and what to ask of it."""

    file: str
    patient: str
    marks: dict[str, str]
    checks: tuple[Expectation, ...]


def write_key(path: Path, answers: Iterable[Answer]) -> None:
    """Write a key file; fields without a value are left out."""
    with path.open("w", encoding="utf-8") as file:
        for answer in answers:
            checks = [
                {name: value for name, value in dataclasses.asdict(one).items() if value not in ("", (), None)} for one in answer.checks
            ]
            file.write(
                json.dumps({"file": answer.file, "patient": answer.patient, "marks": answer.marks, "checks": checks}, ensure_ascii=False)
            )
            file.write("\n")


def read_key(path: Path) -> list[Answer]:
    """Read a key file. Raises ValueError naming the line that is not of its form."""
    return [_answer(line, number) for number, line in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            yield number, line


def _answer(line: str, number: int) -> Answer:
    try:
        read = json.loads(line)
        checks = []
        for one in read["checks"]:
            lists = {name: tuple(one[name]) for name in ("when", "box", "to") if name in one}
            checks.append(Expectation(**{**one, **lists, "check": Check(one["check"])}))
        return Answer(str(read["file"]), str(read.get("patient", "")), dict(read.get("marks", {})), tuple(checks))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"line {number} of the key is not of the form that benchmarks/judge/key.py describes: {error}") from None
