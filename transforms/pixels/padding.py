"""Which samples are padding: no part of the picture, whatever their value (PS3.3 C.7.5.1.1.2 and C.7.6.24 to C.7.6.25)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

_PREFIX = {"f4": "Float", "f8": "DoubleFloat"}


def padding_range(dataset: Dataset, kind: np.dtype[Any]) -> tuple[float, float] | None:
    """The lowest and the highest value of padding among samples of a type; None where the header tells of none, or nothing legible."""
    prefix = _PREFIX.get(kind.str[1:], "")
    value, limit = (_number(dataset, f"{prefix}PixelPadding{name}", kind) for name in ("Value", "RangeLimit"))
    if value is None:
        return None
    other = value if limit is None else limit
    return min(value, other), max(value, other)


def without_padding(samples: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """The samples that are numbers and not padding, in one dimension; all of them if there is no such."""
    known = np.isfinite(samples) if samples.dtype.kind == "f" else np.ones(samples.shape, bool)
    padding = padding_range(dataset, samples.dtype)
    if padding:
        known &= (samples < padding[0]) | (samples > padding[1])
    return samples[known] if known.any() else np.nan_to_num(samples).ravel()


def _number(dataset: Dataset, keyword: str, kind: np.dtype[Any]) -> float | None:
    try:
        value = dataset.get(keyword)
        if value is None or kind.kind == "f":
            return None if value is None else float(value)
        number = int(value)
    except Exception:  # noqa: BLE001 - the element may hold anything, and a parser's message would quote it
        return None
    # US or SS: the element may have been read, or written, with the other sign.
    wraps = kind.kind == "i" and number >= 1 << (8 * kind.itemsize - 1)
    return number - (1 << 8 * kind.itemsize) if wraps else number
