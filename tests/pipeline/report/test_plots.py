"""Plots are small SVG in the page's colours, with text in it; equal spans of time, and nothing left out."""

import datetime as dt
import re
import xml.etree.ElementTree as ET

import pytest

from pipeline.report.plots import BARS, COLUMNS, bars, over_time

START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def heights(svg):
    """Of the columns, in units of the drawing."""
    drawn = [element.get("d") for element in ET.fromstring(svg).iter(f"{SVG}path") if "--series-0" in (element.get("style") or "")]
    numbers = ([float(number) for number in re.findall(r"[\d.]+", path)] for path in drawn)
    return [max(each[1::2]) - min(each[1::2]) for each in numbers]


def seconds(*offsets):
    return [{"Second": START + dt.timedelta(seconds=offset), "Instances": count} for offset, count in offsets]


@pytest.mark.parametrize(("last", "span"), [(50, "a second"), (3000, "a minute"), (200_000, "an hour"), (2_000_000, "12 hours")])
def test_any_length_of_time_has_few_columns(last, span):
    svg = over_time("t", seconds(*((last * part // 100, 1) for part in range(101))))
    assert f"instances in {span}" in texts(svg)
    assert 10 < len(heights(svg)) <= COLUMNS + 1


def test_a_column_has_all_instances_of_its_span():
    tall, small = heights(over_time("t", seconds((0, 2), (1, 4), (9, 3), (600, 3), (610, 0))))
    assert tall == pytest.approx(3 * small, rel=0.01)


def test_one_moment_is_one_column():
    assert len(heights(over_time("t", seconds((0, 5))))) == 1


def test_the_longest_bars_are_shown_with_their_kinds():
    svg = bars("b", {f"Tag{number:02}": {"RESET": number, "DELETED": 1} for number in range(BARS + 5)}, "elements")
    shown = texts(svg)
    assert [text for text in shown if text.startswith("Tag")] == [f"Tag{number:02}" for number in range(BARS + 4, 4, -1)]
    assert {"RESET", "DELETED", "elements"} <= set(shown)
    assert len(svg) < 50_000


def test_colours_are_the_pages_and_ids_its_own():
    svg = bars("some-name", {"a": {"x": 1, "y": 2}}, "n")
    assert not re.search("#0[12]0[13]", svg)
    assert "var(--ink)" in svg
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert ids
    assert all(each.startswith("some-name-") for each in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', svg)) <= set(ids)


def test_labels_are_escaped_and_not_read_as_formulas():
    assert {"<b>$x$", "n"} <= set(texts(bars("b", {"<b>$x$": {"k": 1}}, "n")))
