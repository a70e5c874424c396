"""Lines are read by Tesseract, each ink once; one that hangs costs its lines' text and no more."""

import datetime as dt
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.model.plan import ImagePlan, TextMode
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.pixels.detector import LineDetector
from transforms.pixels.reading import Reader, Reading, TesseractProcess, installed_languages, languages_of
from transforms.pixels.redactor import Redactor
from transforms.pixels.selection import UNREAD
from transforms.pixels.strengths import LineSearch
from transforms.pixels.strips import upright


def strip(text: str) -> np.ndarray:
    image = cv2.putText(np.zeros((40, 300), np.uint8), text, (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    (made,) = upright(image, 0, 0, 300, 40)
    return made


@pytest.fixture(scope="module")
def engine() -> TesseractProcess:
    return TesseractProcess(["eng"])


def test_each_strip_gets_its_own_words(engine):
    empty = np.full((44, 300), 255, np.uint8)
    readings = Reader(engine).read([strip("DOE JOHN"), empty, strip("1967-03-04"), strip("DOE JOHN")])
    assert [reading.text for reading in readings] == ["DOE JOHN", "", "1967-03-04", "DOE JOHN"]
    assert readings[0].confidence > 0.8
    assert readings[1] == Reading()


class Once:
    """An engine that has nothing to say twice."""

    def __init__(self, engine):
        self._engine, self._seen = engine, []

    def tsv(self, page):
        assert not any(np.array_equal(page, other) for other in self._seen)
        self._seen.append(page)
        return self._engine.tsv(page)


def test_ink_that_was_read_is_not_read_again(engine):
    reader = Reader(Once(engine))
    assert reader.read([strip("SMITH ANNA")]) == reader.read([strip("SMITH ANNA")])


def fake(monkeypatch, tmp_path, script: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "bin" / "tesseract").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def test_a_page_that_takes_too_long_is_unread_and_may_be_tried_again(engine, monkeypatch, tmp_path):
    slow = Reader(TesseractProcess(["eng"], timeout=0.5))
    with monkeypatch.context() as patched:
        fake(patched, tmp_path, "exec sleep 30")
        before = time.monotonic()
        assert slow.read([strip("DOE JOHN")]) == [Reading()]
        assert time.monotonic() - before < 20
        assert list((tmp_path / "temporary").iterdir()) == []
    slow._engine = engine
    assert slow.read([strip("DOE JOHN")])[0].text == "DOE JOHN"


def test_a_stopped_tesseract_is_ended_and_its_line_is_redacted_unread(monkeypatch, tmp_path):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small.dcm", download=False))
    del dataset.WindowCenter
    dataset.Rows, dataset.Columns, dataset.SmallestImagePixelValue = 100, 300, 0
    ink = cv2.putText(np.zeros((100, 300), np.uint8), "LEFT BREAST", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 200, 2)
    dataset.PixelData = ink.astype(np.int16).tobytes()
    instance = OpenInstance(InstanceRef("00" * 8, "/x", 0), InstanceUids("1", "2", "3"), dataset, dt.datetime.now(dt.UTC))
    fake(monkeypatch, tmp_path, f"echo $$ >> {tmp_path}/pids\nkill -STOP $$")
    search = LineSearch([LineDetector(0.3, 0.9)], Reader(TesseractProcess(["eng"], timeout=0.5)))
    redacted = Redactor(ImagePlan(TextMode.SENSITIVE), search, second_look=False).redact(instance).pixels
    assert {(box.text, box.reason) for box in redacted.boxes} == {("", UNREAD)}
    assert not np.frombuffer(redacted.pixel_data, np.int16).any()
    (stopped,) = map(int, (tmp_path / "pids").read_text().split())
    late = time.monotonic() + 20
    while not _is_over(stopped):
        assert time.monotonic() < late
        time.sleep(0.05)


def _is_over(pid: int) -> bool:
    """Whether a process is gone, or dead and only not asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Counting:
    """A real engine, and how many lines it was shown."""

    def __init__(self, engine):
        self._engine, self.pages = engine, 0

    def tsv(self, page):
        self.pages += 1
        return self._engine.tsv(page)


def test_a_banner_that_stands_in_every_frame_is_read_once(engine):
    counting = Counting(engine)
    search = LineSearch([LineDetector(0.3, 0.9)], Reader(counting))
    noise = np.random.default_rng(3)
    for number in range(4):
        frame = cv2.GaussianBlur(noise.integers(0, 120, (256, 320)).astype(np.uint8), (0, 0), 6)
        frame[:60] = 0
        cv2.putText(frame, "KOWALSKI JAN", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
        assert "KOWALSKI" in " ".join(line.text for line in search.lines(frame))
        assert counting.pages == 1, number


def test_a_failing_tesseract_fails_the_instance_without_its_words_and_leaves_no_file(engine, monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "echo DOE JOHN >&2\nexit 3")
    with pytest.raises(InstanceProblem) as caught:
        Reader(engine).read([strip("DOE JOHN")])
    assert (caught.value.stage, caught.value.code) == ("pixels", "OCR_FAILED")
    assert "DOE" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list((tmp_path / "temporary").iterdir()) == []


def test_reading_leaves_no_file(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert Reader(engine).read([strip("DOE JOHN")])[0].text
    assert list(tmp_path.iterdir()) == []


def test_english_is_the_first_of_the_installed_packs():
    assert installed_languages()[0] == "eng"
    assert "osd" not in installed_languages()
    assert languages_of(()) == installed_languages()
    assert languages_of(["eng"]) == ("eng",)


def test_a_pack_that_is_not_there_is_named_with_its_mend():
    with pytest.raises(ConfigError, match=r"--ocr_languages is 'tlh'.*install tesseract-ocr-tlh"):
        languages_of(["eng", "tlh"])


def test_a_missing_tesseract_is_named_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="apt-get install tesseract-ocr"):
        installed_languages()
