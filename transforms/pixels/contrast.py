"""Samples to 8 bits in as few renderings as show all that can be seen in them (DESIGN 7).

Up to 16 bits, each distinct value is brought to its grey level once, and the samples take theirs from that table; wider ones are
computed by bands of rows. Nothing here takes more memory than the rendering itself, a band, and a few tables of 65,536 values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE
from transforms.pixels.display import Curve, Values, as_they_are, clipped

MOST = 12
"""Renderings of a frame. Headers have one to five windows; one with more that are all unlike would cost without bound."""
SHOWN = 0.75
"""Share of a window's contrast that another rendering must have everywhere for the window to show nothing new."""
SHOWN_OF_MIDDLE = 0.5
"""The same of the middle of the values, which no header asks for: then the other leaves them half the grey levels at least."""
STEP, SLACK = 16.0, 4.0
"""Grey levels between the values at which renderings are compared, and what may be missing in all."""
MIDDLE = (0.05, 0.95)
"""Quantiles that the middle lies between. With 1 and 99 of a hundred, a hot area of a fiftieth of the frame hides what is beside it."""
SHOWN_OF_END = 0.125
"""The same of an end of the values: thirty-two grey levels for what the full range shows in ENDS of them."""
ENDS = 4
"""Grey levels at each end of the full range in which it shows no text."""
DEEP = 1 << 14
"""Range of integers from which there are 64 in a grey level; the noise of X-rays of 14 bits and less goes through several levels."""
AT_AN_END = 0.02
"""Share of the samples that lie at an end where text has a ground there; of an even spread of values less does."""
GREYS = 255
FAR = 3
"""How many times wider than all other values take a gap is behind which one value says something else than the picture does."""
BAND = 1 << 18
"""Samples that are worked on at once."""
MANY = 1 << 16
"""Samples by which wider ones are judged: of a larger frame, every so-manieth and the two extremes."""
TABLE_BYTES = 2
"""Bytes of a sample up to which there is a table for all its values."""


class _Present(NamedTuple):
    """The values of a frame that are numbers, ascending, and how often each is there."""

    values: Values
    counts: NDArray[np.int64]


def renderings(
    samples: NDArray[Any], curves: Sequence[Curve] = (), padding: tuple[float, float] | None = None, *, inverted: bool = False
) -> Iterator[NDArray[np.uint8]]:
    """`samples`, of any shape of two dimensions and more, over their full range; through each of `curves`; their middle; their two ends.

    Each is laid over 0 to 255, or from 255 down where `inverted`; what is no number is as the end of the range it lies at. All but the
    first are left out where one before shows at least SHOWN of their contrast. The middle is left out where one before shows
    SHOWN_OF_MIDDLE of it, and where each integer value has a grey level of its own; it is without `padding` (from, to). So are the ends:
    left out where one before shows SHOWN_OF_END of them, where fewer samples than AT_AN_END lie there, and where integers are not DEEP.
    Raises InstanceProblem TOO_MANY_WINDOWS.
    """
    present = _present(samples)
    wanted = [(as_they_are, SHOWN), *((curve, SHOWN) for curve in curves)]
    floating = samples.dtype.kind == "f"
    if floating or present.values[-1] - present.values[0] > GREYS:
        real = _without(present, padding)
        wanted += [(clipped(*middle), SHOWN_OF_MIDDLE) for middle in _middle(real)]
        wanted += [(clipped(*end), SHOWN_OF_END) for end in _ends(real, floating)]
    shown: list[Values] = []
    for curve, enough in wanted:
        to_grey = _to_grey(curve, present.values)
        levels = to_grey(present.values)
        is_flat = np.ptp(levels) == 0
        if shown and (is_flat or any(_shows(one, levels, enough) for one in shown)):
            continue
        if len(shown) == MOST:
            raise InstanceProblem(STAGE, "TOO_MANY_WINDOWS", f"a frame has windows and lookup tables for more than {MOST} unlike pictures")
        shown.append(levels)
        grey = _drawn(samples, to_grey, present.values, levels)
        yield np.subtract(GREYS, grey, out=grey) if inverted and not is_flat else grey


def tabled(samples: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each sample of 8 or 16 bits its entry of `table`, whose first axis is that of the samples' bit patterns."""
    patterns = samples.view(f"u{samples.itemsize}")
    out = np.empty((*samples.shape, *table.shape[1:]), np.uint8)
    for rows in bands(samples):
        np.take(table, patterns[rows], axis=0, out=out[rows], mode="clip")
    return out


def present_patterns(samples: NDArray[Any]) -> NDArray[np.int64]:
    """How often each bit pattern is among samples of 8 or 16 bits."""
    patterns = samples.view(f"u{samples.itemsize}")
    counts = np.zeros(1 << 8 * samples.itemsize, np.int64)
    for rows in bands(samples):
        counts += np.bincount(patterns[rows].ravel(), minlength=len(counts))
    return counts


def bands(samples: NDArray[Any]) -> Iterator[slice]:
    """The rows of a frame, some at a time."""
    height = max(1, BAND // max(1, samples[0].size))
    return (slice(top, top + height) for top in range(0, len(samples), height))


def _present(samples: NDArray[Any]) -> _Present:
    if samples.itemsize <= TABLE_BYTES:
        counts = present_patterns(samples)
        (patterns,) = np.nonzero(counts)
        values = patterns.astype(f"u{samples.itemsize}").view(samples.dtype)
        order = np.argsort(values)
        return _Present(values[order].astype(np.float64), counts[patterns[order]])
    few = [samples.reshape(-1)[:: -(-samples.size // MANY)]]
    for rows in bands(samples):
        band = samples[rows]
        finite = band[np.isfinite(band)]
        few += [finite.min(keepdims=True), finite.max(keepdims=True)] if finite.size else []
    judged = np.concatenate(few)
    values, counts = np.unique(judged[np.isfinite(judged)].astype(np.float64), return_counts=True)
    return _Present(values, counts) if values.size else _Present(np.zeros(1), np.ones(1, np.int64))


def _without(present: _Present, padding: tuple[float, float] | None) -> _Present:
    if not padding:
        return present
    real = (present.values < padding[0]) | (present.values > padding[1])
    return _Present(present.values[real], present.counts[real])


@np.errstate(over="ignore")  # floating point samples may reach to the end of their type
def _ends(present: _Present, floating: bool) -> list[tuple[float, float]]:
    """From where to where the values lie that have the lowest, and the highest, ENDS grey levels of the full range; none if few."""
    values, counts = present
    if len(values) <= GREYS + 1 or not (floating or values[-1] - values[0] >= DEEP):
        return []
    reach = (values[-1] - values[0]) * (ENDS / GREYS)
    both = [(values[0], values[0] + reach), (values[-1] - reach, values[-1])]
    return [(low, high) for low, high in both if counts[(low <= values) & (values <= high)].sum() >= AT_AN_END * counts.sum()]


@np.errstate(over="ignore")
def _middle(present: _Present) -> list[tuple[float, float]]:
    """From where to where most of the picture lies, with as much again on both sides; none where all values are one.

    It is taken without values that stand far from all others: markers of other writers, and single hot samples.
    The commonest value, which is that of the background, says where the middle lies but not how much is there.
    """
    values, counts = present
    first, last = 0, len(values) - 1
    while last - first > 1:
        if values[first + 1] - values[first] > FAR * (values[last] - values[first + 1]):
            first += 1
        elif values[last] - values[last - 1] > FAR * (values[last - 1] - values[first]):
            last -= 1
        else:
            break
    values, counts = values[first : last + 1], counts[first : last + 1]
    if len(values) < 2:
        return []
    common = int(np.argmax(counts))
    reached = np.cumsum(np.delete(counts, common))
    low, high = (np.delete(values, common)[np.searchsorted(reached, share * reached[-1])] for share in MIDDLE)
    low, high = min(low, values[common]), max(high, values[common])
    return [(max(2 * low - high, values[0]), min(2 * high - low, values[-1]))]


def _to_grey(curve: Curve, values: Values) -> Curve:
    """From values to grey levels, not yet rounded: 0 where the curve is lowest among `values`, 255 where it is highest."""
    reached = curve(values)
    low, high = float(reached.min()), float(reached.max())
    span = high - low

    def to_grey(some: Values) -> Values:
        if not (span > 0 and np.isfinite(span)):
            return np.zeros_like(some)
        return np.clip((curve(some) - low) * (GREYS / span), 0, GREYS)

    return to_grey


def _shows(one: Values, other: Values, enough: float) -> bool:
    """Whether any two values are in rendering `one` at least `enough` times as far apart as in the `other`, but for SLACK.

    Both are given at the same ascending values. Only a rendering in which grey levels rise, or fall, throughout is sure to show that.
    """
    steps = np.diff(one)
    if (steps < 0).any() and (steps > 0).any():
        return bool(np.array_equal(one, other))
    way = np.append(0, np.cumsum(np.abs(steps) + np.abs(np.diff(other))))
    at = np.append(np.searchsorted(way, np.arange(0, way[-1], STEP)), len(way) - 1)
    missing = enough * np.abs(np.diff(other[at])) - np.abs(np.diff(one[at]))
    return float(missing[missing > 0].sum()) <= SLACK


def _drawn(samples: NDArray[Any], to_grey: Curve, values: Values, levels: Values) -> NDArray[np.uint8]:
    if samples.itemsize <= TABLE_BYTES:
        table = np.zeros(1 << 8 * samples.itemsize, np.uint8)
        table[values.astype(samples.dtype).view(f"u{samples.itemsize}")] = np.rint(levels)
        return tabled(samples, table)
    out = np.empty(samples.shape, np.uint8)
    for rows in bands(samples):
        some = samples[rows].astype(np.float64)
        if samples.dtype.kind == "f":
            some = np.nan_to_num(some, copy=False, nan=values[0], posinf=values[-1], neginf=values[0])
        out[rows] = np.rint(to_grey(some))
    return out
