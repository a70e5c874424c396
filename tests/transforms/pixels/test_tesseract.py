"""Both ways to Tesseract: the same answers in any order, an end to what hangs, and nothing left behind."""

import datetime as dt
import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.model.plan import ALL_TEXT, ImagePlan, TextMode
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.pixels import tesseract
from transforms.pixels.detector import LineDetector
from transforms.pixels.reading import Reader, Reading
from transforms.pixels.redactor import Redactor
from transforms.pixels.selection import UNREAD
from transforms.pixels.strengths import LineSearch
from transforms.pixels.strips import pages, upright
from transforms.pixels.tesseract import PageProcess, PageServer, check_reading, installed_languages, languages_of, page_reader
from transforms.pixels.timing import Stopwatch

BOTH = [PageProcess, PageServer]


def strip(text: str) -> np.ndarray:
    image = cv2.putText(np.zeros((40, 300), np.uint8), text, (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    (made,) = upright(image, 0, 0, 300, 40)
    return made


def page(*texts: str) -> np.ndarray:
    (made,) = pages([strip(text) for text in texts])
    return made.image


def fake(monkeypatch, tmp_path, script: str) -> None:
    """Another program in the place of `tesseract`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "bin" / "tesseract").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def children() -> set[int]:
    return set(map(int, Path("/proc/thread-self/children").read_text().split()))


@pytest.mark.parametrize("engine", BOTH)
def test_each_strip_gets_its_own_words(engine):
    empty = np.full((44, 300), 255, np.uint8)
    readings = Reader(engine(["eng"])).read([strip("DOE JOHN"), empty, strip("1967-03-04"), strip("DOE JOHN")])
    assert [reading.text for reading in readings] == ["DOE JOHN", "", "1967-03-04", "DOE JOHN"]
    assert readings[0].confidence > 0.8
    assert readings[1] == Reading()


def test_what_a_page_says_does_not_hang_on_the_pages_before():
    some = [page("KOWALSKI JAN", "1967-03-04"), page("SMlTH ANNA 0O"), page("LEFT BREAST", "DOE"), page("DOE")]
    server = PageServer(["eng"])
    answers = [server.tsv(one) for one in some]
    assert [server.tsv(one) for one in reversed(some)] == answers[::-1]
    assert [PageServer(["eng"]).tsv(one) for one in some] == answers


def test_one_process_reads_all_pages_and_ends_with_its_engine():
    before = children()
    server = PageServer(["eng"])
    assert "DOE" in server.tsv(page("DOE"))
    (started,) = children() - before
    assert "JOHN" in server.tsv(page("JOHN"))
    assert children() - before == {started}
    del server
    gc.collect()
    assert started not in children()


def test_tesserocr_is_used_where_it_is_installed(monkeypatch):
    assert isinstance(page_reader(["eng"]), PageServer)
    monkeypatch.setattr(tesseract.importlib.util, "find_spec", lambda _name: None)
    assert isinstance(page_reader(["eng"]), PageProcess)


def test_a_server_that_hangs_is_ended_and_the_next_page_is_read():
    before = children()
    server = PageServer(["eng"])
    assert "DOE" in server.tsv(page("DOE"))
    (hanging,) = children() - before
    os.kill(hanging, signal.SIGSTOP)
    server._timeout = 0.5
    assert server.tsv(page("DOE JOHN")) == ""
    assert hanging not in children()
    server._timeout = tesseract.TIMEOUT
    assert "JOHN" in server.tsv(page("DOE JOHN"))


def test_a_server_that_breaks_fails_the_instance_and_is_started_anew():
    before = children()
    server = PageServer(["eng"])
    assert "DOE" in server.tsv(page("DOE"))
    (broken,) = children() - before
    os.kill(broken, signal.SIGKILL)
    with pytest.raises(InstanceProblem) as caught:
        server.tsv(page("DOE JOHN"))
    assert (caught.value.stage, caught.value.code, caught.value.__cause__) == ("pixels", "OCR_FAILED", None)
    assert "JOHN" in server.tsv(page("DOE JOHN"))


def test_half_an_answer_is_none():
    server = PageServer(["eng"])
    program = "import sys; sys.stdin.buffer.read(8); sys.stdout.buffer.write(b'\\x64\\0\\0\\0' + b'5\\t1')"
    server._command = [sys.executable, "-c", program]
    with pytest.raises(InstanceProblem, match="OCR_FAILED"):
        server.tsv(page("DOE JOHN"))


def test_a_server_that_cannot_start_fails_the_instance():
    server = PageServer(["tlh"])
    with pytest.raises(InstanceProblem, match="OCR_FAILED"):
        server.tsv(page("DOE JOHN"))


def test_a_page_that_takes_too_long_is_unread_and_may_be_tried_again(monkeypatch, tmp_path):
    slow = Reader(PageProcess(["eng"], timeout=0.5))
    with monkeypatch.context() as patched:
        fake(patched, tmp_path, "exec sleep 30")
        before = time.monotonic()
        assert slow.read([strip("DOE JOHN")]) == [Reading()]
        assert time.monotonic() - before < 20
        assert list((tmp_path / "temporary").iterdir()) == []
    slow._engine = PageProcess(["eng"])
    assert slow.read([strip("DOE JOHN")])[0].text == "DOE JOHN"


def multi_frame(frames: np.ndarray) -> OpenInstance:
    """Frames of 100 rows and 300 columns under the header of a real MR."""
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small.dcm", download=False))
    del dataset.WindowCenter
    dataset.Rows, dataset.Columns, dataset.SmallestImagePixelValue, dataset.NumberOfFrames = 100, 300, 0, len(frames)
    dataset.PixelData = frames.astype(np.int16).tobytes()
    return OpenInstance(InstanceRef("00" * 8, "/x", 0), InstanceUids("1", "2", "3"), dataset, dt.datetime.now(dt.UTC))


def test_a_stopped_tesseract_is_ended_and_its_line_is_redacted_unread(monkeypatch, tmp_path):
    ink = cv2.putText(np.zeros((100, 300), np.uint8), "LEFT BREAST", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 200, 2)
    instance = multi_frame(ink[None])
    fake(monkeypatch, tmp_path, f"echo $$ >> {tmp_path}/pids\nkill -STOP $$")
    search = LineSearch([LineDetector(0.3, 0.9)], Reader(PageProcess(["eng"], timeout=0.5)))
    redacted = Redactor(ImagePlan(TextMode.SENSITIVE), search, second_look=False).redact(instance).pixels
    assert {(box.text, box.reason) for box in redacted.boxes} == {("", UNREAD)}
    assert not np.frombuffer(redacted.pixel_data, np.int16).any()
    (stopped,) = map(int, (tmp_path / "pids").read_text().split())
    late = time.monotonic() + 20
    while not _is_over(stopped):
        assert time.monotonic() < late
        time.sleep(0.05)


def test_a_tesseract_that_hangs_holds_up_each_instance_for_two_pages_at_most(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, f"echo $$ >> {tmp_path}/pages\nexec sleep 30")
    watch = Stopwatch()
    search = LineSearch([LineDetector(0.3, 0.9)], Reader(PageProcess(["eng"], timeout=0.2), watch))
    redactor = Redactor(ALL_TEXT, search, second_look=False, watch=watch)
    frames = np.zeros((6, 100, 300), np.uint8)
    for number, frame in enumerate(frames):
        cv2.putText(frame, f"DOE {number}", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 200, 2)
    for instance in (1, 2):
        done = redactor.redact(multi_frame(frames)).pixels
        assert [(box.frame, box.text) for box in done.boxes] == [(number, "") for number in range(6)]
        assert not np.frombuffer(done.pixel_data, np.int16).any()
        assert watch.unread == 6
        assert len((tmp_path / "pages").read_text().split()) == 2 * instance


def _is_over(pid: int) -> bool:
    """Whether a process is gone, or dead and only not asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_failing_tesseract_fails_the_instance_without_its_words_and_leaves_no_file(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "echo DOE JOHN >&2\nexit 3")
    with pytest.raises(InstanceProblem) as caught:
        PageProcess(["eng"]).tsv(page("DOE JOHN"))
    assert (caught.value.stage, caught.value.code) == ("pixels", "OCR_FAILED")
    assert "DOE" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("engine", BOTH)
def test_reading_leaves_no_file(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert "DOE" in engine(["eng"]).tsv(page("DOE JOHN"))
    assert list(tmp_path.iterdir()) == []


def test_english_is_the_first_of_the_installed_packs():
    assert installed_languages()[0] == "eng"
    assert "osd" not in installed_languages()
    assert languages_of(()) == installed_languages()
    assert languages_of(["eng"]) == ("eng",)


def test_a_pack_that_is_not_there_is_named_with_its_mend():
    with pytest.raises(ConfigError, match=r"--ocr_languages is 'tlh_old'.*install tesseract-ocr-tlh-old"):  # as Debian spells it
        languages_of(["eng", "tlh_old"])


def test_a_missing_tesseract_is_named_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="apt-get install tesseract-ocr"):
        installed_languages()


@pytest.fixture
def tesseract_4(monkeypatch, tmp_path):
    """A Tesseract that lists its packs as 4.x did, without their folder; the real one, where nobody looks."""
    real = shutil.which("tesseract")
    packs = Path(tesseract._packs_folder(["eng"]))
    listing = "echo 'List of available languages (2):'; echo eng; echo osd"
    fake(monkeypatch, tmp_path, f'if [ "$1" = --list-langs ]; then {listing}; else exec {real} "$@"; fi')
    monkeypatch.delenv("TESSDATA_PREFIX", raising=False)
    monkeypatch.setattr(tesseract, "_FOLDERS", ())
    return packs


def test_where_tesseract_does_not_tell_its_folder_the_known_ones_are_tried(tesseract_4, monkeypatch, tmp_path):
    monkeypatch.setattr(tesseract, "_FOLDERS", (str(tmp_path), str(tesseract_4)))
    engine = page_reader(languages_of(["eng"]))
    assert isinstance(engine, PageServer)
    assert "DOE" in engine.tsv(page("DOE JOHN"))


def test_or_the_one_that_the_environment_names(tesseract_4, monkeypatch):
    monkeypatch.setenv("TESSDATA_PREFIX", str(tesseract_4))
    engine = page_reader(["eng"])
    assert isinstance(engine, PageServer)
    assert "DOE" in engine.tsv(page("DOE JOHN"))


@pytest.mark.usefixtures("tesseract_4")
def test_where_no_folder_has_the_packs_each_page_has_a_process():
    engine = page_reader(["eng"])
    assert isinstance(engine, PageProcess)
    assert "DOE" in engine.tsv(page("DOE JOHN"))
    check_reading(["eng"])


@pytest.mark.parametrize("is_served", [True, False])
def test_a_pack_that_cannot_be_read_is_found_before_anything_starts(tesseract_4, is_served, monkeypatch, tmp_path):
    check_reading(["eng"])
    (tmp_path / "eng.traineddata").write_bytes((tesseract_4 / "eng.traineddata").read_bytes()[:1000])
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    if not is_served:
        monkeypatch.setattr(tesseract.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(PreflightError, match=r"tesseract: it reads no page with eng.*--list-langs"):
        check_reading(["eng"])
