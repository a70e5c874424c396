"""Samples of one native frame: read, and overwritten in place (PS3.5 8.1)."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.model.records import BoxFinding
from transforms.pixels.description import PixelDescription
from transforms.pixels.words import Words


def read_native(frame: bytes, description: PixelDescription) -> NDArray[Any]:
    """The words of a frame as `frames.NativeFrames.frame` gives it, as numbers of `description.shape` and `description.dtype`.

    4:2:2 chroma is repeated for both pixels of a pair.
    """
    if description.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), count=description.frame_bits, bitorder="little")
        return bits.reshape(description.shape).astype(description.dtype)
    words: Words = view(frame, description)
    if description.subsampled:
        words = np.stack([words[..., :2].reshape(description.rows, -1), *(np.repeat(words[..., k], 2, axis=1) for k in (2, 3))], axis=-1)
    elif description.samples == 1:
        words = words[..., 0]
    return words.astype(words.dtype.newbyteorder("=")).view(description.dtype)


def view(frame: bytes | bytearray | memoryview, description: PixelDescription) -> Words:
    """The words of a frame as a view (writable if `frame` is): (rows, columns, samples), or (rows, columns / 2, 4) as Y Y Cb Cr."""
    words = np.frombuffer(frame, np.dtype(f"{'>' if description.big_endian else '<'}u{description.bits_allocated // 8}"))
    if description.subsampled:
        return words.reshape(description.rows, description.columns // 2, 4)
    if description.planar and description.samples > 1:
        return np.moveaxis(words.reshape(description.samples, description.rows, description.columns), 0, -1)
    return words.reshape(description.rows, description.columns, description.samples)


def fill_words(words: Words, boxes: Iterable[BoxFinding], fill: NDArray[Any], samples: NDArray[Any], description: PixelDescription) -> None:
    """Overwrite boxes in the words of a frame, in place, with the stored sample `fill` of each channel.

    `samples` are the frame's stored samples: a grey fill that occurs among them takes the very word that stands there, so
    that bits above HighBit stay as this writer keeps them.
    """
    shift = description.high_bit + 1 - description.bits_stored
    stored = fill.view(f"u{fill.itemsize}") if description.floating else fill
    word = [(int(sample) << shift) & ((1 << description.bits_allocated) - 1) for sample in stored]
    found = int(np.argmax(samples == fill[0]))
    if description.samples == 1 and samples.flat[found] == fill[0]:
        word = [int(words.flat[found])]
    for box in boxes:
        if description.subsampled:
            words[box.top : box.bottom, box.left // 2 : box.right // 2] = [word[0], word[0], word[1], word[2]]
        else:
            words[box.top : box.bottom, box.left : box.right] = word


def fill_bits(data: bytearray | mmap.mmap, start: int, columns: int, boxes: Iterable[BoxFinding], fill: int) -> None:
    """Overwrite boxes in a 1-bit frame that begins at bit `start` of `data`, in place (PS3.5 8.1.1)."""
    for box in boxes:
        for row in range(box.top, box.bottom):
            left, right = start + row * columns + box.left, start + row * columns + box.right
            first, last = left // 8, -(-right // 8)
            bits = np.unpackbits(np.frombuffer(bytes(data[first:last]), np.uint8), bitorder="little")
            bits[left - 8 * first : right - 8 * first] = fill
            data[first:last] = np.packbits(bits, bitorder="little").tobytes()
