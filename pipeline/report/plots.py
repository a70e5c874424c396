"""The plots, drawn by matplotlib as small SVG that stands in the page: its text stays text, its colours are the page's own."""

from __future__ import annotations

import collections
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.report.gather import Row

BARS = 12
"""Bars of a plot, at most; the table below it has more."""
COLUMNS = 60
"""Columns of the plot over time, at most."""
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds that a column of it may stand for."""

_INK = "#010101"
_SERIES = tuple(f"#0203{number:02x}" for number in range(6))
_COLOURS = {_INK: "var(--ink)", **{colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES)}}
"""What is drawn in these colours takes the page's, which differ by light and dark."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
}


def over_time(name: str, seconds: Sequence[Row]) -> str:
    """SVG: instances finished in equal spans of time (UTC); rows of Second and Instances. `name` makes its ids unique."""
    width = _width(seconds[-1]["Second"] - seconds[0]["Second"])
    columns: collections.Counter[int] = collections.Counter()
    for row in seconds:
        columns[int(row["Second"].timestamp()) // width * width] += row["Instances"]
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure, axes = _figure(2.6)
        starts = [date2num(dt.datetime.fromtimestamp(start, dt.UTC)) for start in columns]
        axes.bar(starts, list(columns.values()), width=width / 86400 * 0.9, align="edge", color=_SERIES[0])
        if len(columns) == 1:
            axes.set_xlim(starts[0] - 2 * width / 86400, starts[0] + 3 * width / 86400)
        locator = AutoDateLocator(tz=dt.UTC, maxticks=8)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=dt.UTC))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(f"instances in {_span(width)}")
        return _svg(figure, name)


def bars(name: str, amounts: Mapping[str, Mapping[str, int]], what: str) -> str:
    """SVG: a bar for each label, the longest first, in parts by kind; a legend where there are several kinds."""
    chosen = sorted(amounts, key=lambda label: (-sum(amounts[label].values()), label))[:BARS]
    totals: collections.Counter[str] = collections.Counter()
    for label in chosen:
        totals.update(amounts[label])
    kinds = sorted(totals, key=lambda kind: (-totals[kind], kind))
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure, axes = _figure(1.2 + 0.27 * len(chosen))
        begun = [0] * len(chosen)
        for number, kind in enumerate(kinds):
            lengths = [amounts[label].get(kind, 0) for label in chosen]
            axes.barh(chosen, lengths, left=begun, height=0.7, color=_SERIES[number % len(_SERIES)], label=kind)
            begun = [a + b for a, b in zip(begun, lengths, strict=True)]
        axes.invert_yaxis()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel(what)
        if len(kinds) > 1:
            figure.legend(loc="outside upper left", ncols=len(_SERIES))
        return _svg(figure, name)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _width(whole: dt.timedelta) -> int:
    return next((width for width in WIDTHS if whole.total_seconds() <= width * (COLUMNS - 1)), -(-int(whole.total_seconds()) // COLUMNS))


def _span(width: int) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if width % size == 0:
            return f"a {unit}".replace("a hour", "an hour") if width == size else f"{width // size} {unit}s"
    return f"{width} seconds"


def _svg(figure: Figure, name: str) -> str:
    """The element alone, hidden from screen readers: the caption and the table beside it tell the same."""
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    svg = content.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[^"]*"', "", svg, count=2)
    svg = svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return re.sub("|".join(_COLOURS), lambda found: _COLOURS[found[0]], svg)
