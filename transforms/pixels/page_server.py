"""A program of its own that reads pages, so that a model is loaded once and what hangs or breaks in it can be ended.

    python page_server.py FOLDER_OF_PACKS eng+kor

Started by `tesseract.PageServer`. A page on standard input: rows and columns (4 bytes each, little endian), then its samples, 8-bit grey.
Its answer on standard output: a length in 4 bytes, then Tesseract's TSV. It ends with its input. It imports nothing of this package, which
would cost more than the reading.
"""

from __future__ import annotations

import struct
import sys
from typing import BinaryIO

import tesserocr

SIZE = struct.Struct("<II")
LENGTH = struct.Struct("<I")


def serve(folder: str, languages: str, pages: BinaryIO, answers: BinaryIO) -> None:
    """Answer pages until there are no more."""
    engine = tesserocr.PyTessBaseAPI(path=folder, lang=languages, psm=tesserocr.PSM.SINGLE_BLOCK)
    while size := pages.read(SIZE.size):
        rows, columns = SIZE.unpack(size)
        engine.SetImageBytes(pages.read(rows * columns), columns, rows, 1, columns)
        engine.Recognize()
        answer = engine.GetTSVText(0).encode()
        engine.ClearAdaptiveClassifier()  # what one page says has no part in the next
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.stdin.buffer, sys.stdout.buffer)
