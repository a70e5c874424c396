"""What the verdicts come to: a row for each check type, and whether the target is met."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.judge.checks import Verdict
from benchmarks.judge.key import REMOVING, Check

OF_ALL = 0.9995
OF_EACH = 0.999


class Row(NamedTuple):
    """One check type, or all together."""

    name: str
    passed: int
    total: int

    @property
    def rate(self) -> float:
        """Passed of all; 1 if nothing was asked."""
        return self.passed / self.total if self.total else 1.0


def rows(verdicts: Iterable[Verdict]) -> list[Row]:
    """A row for each type that was asked, in the order of `Check`, and one for all of them last."""
    total: Counter[Check] = Counter()
    passed: Counter[Check] = Counter()
    for verdict in verdicts:
        total[verdict.check] += 1
        passed[verdict.check] += verdict.passed
    each = [Row(check.value, passed[check], total[check]) for check in Check if total[check]]
    return [*each, Row("all", sum(passed.values()), sum(total.values()))]


def shortfalls(table: Sequence[Row], unjudged: int = 0) -> list[str]:
    """What misses the target: all 99.95 %, each type 99.9 %, no failure where identity was to go, no output that was not judged."""
    found = []
    for row in table:
        target = OF_ALL if row.name == "all" else 1.0 if row.name in REMOVING else OF_EACH
        if row.rate < target or not row.total:
            found.append(f"{row.name}: {row.passed} of {row.total} passed, {target:.2%} wanted")
    return [*found, f"{unjudged} outputs belong to no source of the key, so nobody judged them"] if unjudged else found


def text_table(columns: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """A Markdown table: a line for each check type, a column for each named table."""
    names = [check.value for check in Check if any(row.name == check for _, table in columns for row in table)]
    lines = ["| check | " + " | ".join(name for name, _ in columns) + " |", "|---|" + "---|" * len(columns)]
    for name in [*names, "all"]:
        cells = [next((row for row in table if row.name == name), None) for _, table in columns]
        lines.append(f"| {name} | " + " | ".join(_cell(row) for row in cells) + " |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    rate = "100 %" if row.passed == row.total else f"{100 * row.rate:.2f} %"
    return f"{row.passed:,}/{row.total:,} {rate}"


def write_failures(path: Path, verdicts: Iterable[Verdict]) -> None:
    """The failures as CSV: check, file, path, why. It quotes values of the key."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("check", "file", "path", "why"))
        writer.writerows((verdict.check.value, verdict.file, verdict.path, verdict.why) for verdict in verdicts if not verdict.passed)
