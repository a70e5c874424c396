"""What a search is measured beside: pytesseract over the whole frame, and the best peer that installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytesseract
from numpy.typing import NDArray

from pipeline.cpu import cpu_seconds
from transforms.pixels.search import Line

PEER = ("rapidocr==3.10.0", "onnxruntime==1.32.0")
PADDING = 2


class Answer(NamedTuple):
    """Boxes, and the CPU seconds they took, children included."""

    lines: list[Line]
    cpu: float


class Naive:
    """pytesseract with page segmentation mode 11, a process a frame, on the frame as a person first sees it."""

    name = "pytesseract"

    def find(self, picture: NDArray[np.uint8]) -> Answer:
        """All words of any confidence, as a careful user of it would redact them."""
        os.environ["OMP_THREAD_LIMIT"] = "1"
        before = cpu_seconds()
        data = pytesseract.image_to_data(picture, config="--psm 11", output_type=pytesseract.Output.DICT)
        cpu = cpu_seconds() - before
        boxes = zip(data["left"], data["top"], data["width"], data["height"], data["text"], data["conf"], strict=True)
        return Answer([_grown(x, y, x + w, y + h, text, float(sure) / 100) for x, y, w, h, text, sure in boxes if text.strip()], cpu)


class Peer:
    """RapidOCR in a process and a venv of its own, which the first use makes."""

    name = "RapidOCR"

    def __init__(self, venv: Path) -> None:
        if not (venv / "bin/python").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)  # noqa: S603
            subprocess.run([venv / "bin/python", "-m", "pip", "install", "-q", *PEER], check=True)  # noqa: S603
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(  # noqa: S603
            [venv / "bin/python", Path(__file__).with_name("peer.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def find(self, picture: NDArray[np.uint8]) -> Answer:
        """The boxes it reads something in, and what it reads."""
        answer = self._ask(picture, read=False)
        corners = [np.array(box) for box in answer["boxes"]]
        told = zip(corners, answer["texts"], strict=True)
        return Answer([_grown(*box.min(axis=0), *box.max(axis=0), text, None) for box, text in told], answer["cpu"])

    def read(self, line: NDArray[np.uint8]) -> str:
        """What it reads in one line, at a score of 0.5 at least."""
        return str(self._ask(line, read=True)["text"])

    def _ask(self, picture: NDArray[np.uint8], *, read: bool) -> dict[str, Any]:
        file = Path(self._folder.name, "picture.npy")
        np.save(file, picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"file": str(file), "read": read}), file=self._process.stdin, flush=True)
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End its process."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)
        self._folder.cleanup()


def _grown(left: float, top: float, right: float, bottom: float, text: str, confidence: float | None) -> Line:
    return Line(
        max(0, int(left) - PADDING), max(0, int(top) - PADDING), int(right) + PADDING + 1, int(bottom) + PADDING + 1, text, confidence
    )
