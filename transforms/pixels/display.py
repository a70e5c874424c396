"""How a header has grey samples shown: the modality transformation, and each window and VOI LUT (PS3.3 C.11.1, C.11.2 and C.7.6.16.2)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

Values = NDArray[np.float64]
Curve = Callable[[Values], Values]
"""From values of samples to what is shown, in any unit; takes any shape."""

_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_PIXEL_VALUE_TRANSFORMATION, _FRAME_VOI_LUT = 0x00289145, 0x00289132
_CENTER, _WIDTH, _FUNCTION = 0x00281050, 0x00281051, 0x00281056
_INTERCEPT, _SLOPE = 0x00281052, 0x00281053
_MODALITY_LUTS, _VOI_LUTS = 0x00283000, 0x00283010
_DESCRIPTOR, _DATA = 0x00283002, 0x00283006
_MOST_ENTRIES = 1 << 16


def modality(dataset: FileDataset, frame: int) -> Curve:
    """Stored values to those of the modality: by the frame's own functional group, before the shared one, before the top level.

    A transformation that cannot be applied is left out, as is one by which all samples would be equal.
    """
    for place in _places(dataset, frame, _PIXEL_VALUE_TRANSFORMATION):
        for item in _items(place, _MODALITY_LUTS):
            table = _table(item, dataset)
            if table:
                return table
        slope, intercept = (_numbers(place, tag) for tag in (_SLOPE, _INTERCEPT))
        if slope and intercept and slope[0] and np.isfinite([slope[0], intercept[0]]).all():
            return functools.partial(_rescaled, slope=slope[0], intercept=intercept[0])
    return as_they_are


def voi(dataset: FileDataset, frame: int) -> list[Curve]:
    """Each window and VOI LUT, for values of the modality: of the frame's own functional group, of the shared one, of the top level.

    What cannot be applied is left out, as a viewer would leave it out.
    """
    found: list[Curve] = []
    for place in _places(dataset, frame, _FRAME_VOI_LUT):
        found += [table for item in _items(place, _VOI_LUTS) if (table := _table(item, dataset))]
        function = str(_value(place, _FUNCTION) or "LINEAR").strip().upper()
        for center, width in zip(_numbers(place, _CENTER), _numbers(place, _WIDTH), strict=False):
            if not np.isfinite([center, width]).all():
                continue
            if function == "LINEAR" and width >= 1:
                found.append(functools.partial(_clipped, low=center - 0.5 - (width - 1) / 2, high=center - 0.5 + (width - 1) / 2))
            elif function == "LINEAR_EXACT" and width > 0:
                found.append(functools.partial(_clipped, low=center - width / 2, high=center + width / 2))
            elif function == "SIGMOID" and width > 0:
                found.append(functools.partial(_sigmoid, center=center, width=width))
    return found


def through(first: Curve, then: Iterable[Curve]) -> list[Curve]:
    """Each of `then` behind `first`."""
    return [functools.partial(_one_behind_another, first=first, then=one) for one in then]


def as_they_are(values: Values) -> Values:
    """The curve that changes nothing."""
    return values


def clipped(low: float, high: float) -> Curve:
    """Values from `low` to `high` as they are, those beyond as the nearest of them."""
    return functools.partial(_clipped, low=low, high=high)


def _one_behind_another(values: Values, first: Curve, then: Curve) -> Values:
    return then(first(values))


def _rescaled(values: Values, slope: float, intercept: float) -> Values:
    return values * slope + intercept


def _clipped(values: Values, low: float, high: float) -> Values:
    return np.clip(values, low, high) if high > low else (values > low).astype(np.float64)


def _sigmoid(values: Values, center: float, width: float) -> Values:
    return np.tanh((values - center) * (2 / width))  # 1 / (1 + exp(-4x)), but for where it lies


def _looked_up(values: Values, first: int, entries: NDArray[Any]) -> Values:
    return entries[np.clip(np.rint(values - first), 0, len(entries) - 1).astype(np.int64)].astype(np.float64)


def _table(item: Dataset, dataset: FileDataset) -> Curve | None:
    """A lookup table: values before the first and after the last entry are as these."""
    descriptor, data = _numbers(item, _DESCRIPTOR), _value(item, _DATA)
    if len(descriptor) != 3 or data is None:
        return None
    count, first = int(descriptor[0]) % _MOST_ENTRIES or _MOST_ENTRIES, int(descriptor[1])
    if isinstance(data, bytes):  # OW: words, or in old files two entries in each
        order = "<" if dataset.original_encoding[1] else ">"
        data = np.frombuffer(data, f"{order}u2" if len(data) >= 2 * count else "u1")
    entries: NDArray[Any] = np.atleast_1d(np.asarray(data))[:count]
    return functools.partial(_looked_up, first=first, entries=entries) if len(entries) == count else None


def _places(dataset: FileDataset, frame: int, group: int) -> Iterator[Dataset]:
    """Where elements of a functional group may stand."""
    for sequence, index in ((_PER_FRAME, frame), (_SHARED, 0)):
        groups = _items(dataset, sequence)
        if index < len(groups):
            yield from _items(groups[index], group)
    yield dataset


def _items(place: Dataset, tag: int) -> list[Dataset]:
    value = _value(place, tag)
    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, Sequence) else []


def _numbers(place: Dataset, tag: int) -> list[float]:
    value = _value(place, tag)
    try:
        return [float(number) for number in np.atleast_1d(np.asarray([] if value is None else value))]
    except (TypeError, ValueError):
        return []


def _value(place: Dataset, tag: int) -> Any:
    try:
        return place[tag].value if tag in place else None
    except Exception:  # noqa: BLE001 - the element may hold anything, and a parser's message would quote it
        return None
