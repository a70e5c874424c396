"""What the benchmark of burned-in text counts, by strings and by instances."""

import numpy as np
import pytest

from benchmarks.burned_in.frames import Frame, Text
from benchmarks.burned_in.scores import Judged, Score, upper_bound
from transforms.pixels.search import Line


def text(string: str, script: str, top: int, *, identifies: bool = True) -> Text:
    return Text(string, script, identifies, 20, top, 80, top + 10, np.ones((10, 60), bool), turned=False, unseen=False)


def over(one: Text, said: str = "") -> Line:
    return Line(one.left, one.top, one.right, one.bottom, said, 0.9 if said else None)


def frame(*texts: Text) -> Frame:
    return Frame("US", np.zeros((200, 200, 3), np.uint8), [*texts], np.zeros((200, 200), bool))


LATIN, ARABIC = text("Jan Kowalski", "latin", 20), text("محمد", "arabic", 60)


def test_an_instance_leaks_in_the_scripts_of_the_strings_it_keeps():
    score = Score()
    score.add([Judged(frame(LATIN, ARABIC), [over(LATIN)])], ("modality US",), 0.1, None)
    score.add([Judged(frame(LATIN), [over(LATIN)])], ("modality US",), 0.1, None)
    assert score.instances == {
        ("all", True): 1,
        ("all", False): 1,
        ("modality US", True): 1,
        ("modality US", False): 1,
        ("script arabic", True): 1,
        ("script latin", False): 2,
    }
    assert score.strings["script latin", True] == 2
    assert score.strings["script arabic", False] == 1


def test_an_instance_leaks_if_one_of_its_frames_does():
    score = Score()
    score.add([Judged(frame(), []), Judged(frame(LATIN), []), Judged(frame(LATIN), [over(LATIN)])], ("modality US",), 0.3, None)
    assert score.instances == {("all", True): 1, ("modality US", True): 1, ("script latin", True): 1}
    assert (score.strings["all", True], score.strings["all", False]) == (1, 1)
    assert score.text_free == {False: 1}
    assert score.cpu == pytest.approx([0.1] * 3)


def test_a_string_is_hidden_by_what_is_gone_and_not_by_a_box_that_hides_nothing():
    score = Score()
    gone = np.zeros((200, 200), bool)
    score.add([Judged(frame(LATIN), [over(LATIN)], gone)], (), 0.1, None)
    gone = gone.copy()
    gone[LATIN.top : LATIN.bottom, LATIN.left : LATIN.right] = True
    score.add([Judged(frame(LATIN), [over(LATIN)], gone)], (), 0.1, None)
    assert (score.strings["all", True], score.strings["all", False]) == (1, 1)


def test_a_label_that_is_missed_is_a_lost_line_and_no_leak():
    score = Score()
    label = text("120 kV", "latin", 60, identifies=False)
    score.add([Judged(frame(LATIN, label), [over(LATIN)])], (), 0.1, None)
    assert (score.lines[True], score.lines[False]) == (1, 1)
    assert score.instances == {("all", False): 1, ("script latin", False): 1}


def test_what_an_independent_reader_still_reads_is_not_hidden():
    score = Score()
    nearly = Line(LATIN.left, LATIN.top, LATIN.right - 1, LATIN.bottom)
    score.add([Judged(frame(LATIN), [nearly])], (), 0.1, lambda _: "")
    score.add([Judged(frame(LATIN), [nearly])], (), 0.1, lambda _: "K")
    assert (score.strings["all", True], score.strings["all", False]) == (1, 1)


@pytest.mark.parametrize(("said", "right"), [("JAN KOWALSKl", True), ("JN KWLI", False)])
def test_a_string_is_read_where_most_of_its_letters_are(said, right):
    score = Score()
    score.add([Judged(frame(LATIN), [over(LATIN, said)])], (), 0.1, None)
    assert score.read == {right: 1}


def test_a_string_where_nothing_is_found_is_unread():
    score = Score()
    score.add([Judged(frame(LATIN, ARABIC), [])], (), 0.1, None)
    assert score.read == {False: 1}


def test_a_frame_without_text_is_touched_by_a_box_and_area_near_text_is_free():
    score = Score()
    score.add([Judged(frame(), [Line(0, 0, 20, 10)])], (), 0.1, None)
    score.add([Judged(frame(LATIN), [Line(10, 10, 90, 40)])], (), 0.1, None)
    assert score.text_free == {True: 1}
    assert score.outside == [200 / 40_000, 0.0]


def test_no_leak_in_a_hundred_may_be_three_in_a_hundred():
    assert upper_bound(0, 100) == pytest.approx(0.0295, abs=0.0001)
    assert upper_bound(100, 100) == pytest.approx(1.0)


def test_cpu_is_told_as_a_share_of_what_a_rival_took_for_the_same_frames():
    ours, rival = Score(), Score()
    for score, cpu in ((ours, 0.1), (rival, 0.4)):
        score.add([Judged(frame(LATIN), [over(LATIN)])], (), cpu, None)
        score.add([Judged(frame(), [])], (), cpu, None)
    assert next(iter(ours.report("fast", rival))) == "fast: 100 ms CPU a frame over 2 frames, 0.250 of pytesseract's"
    assert next(iter(ours.report("fast"))) == "fast: 100 ms CPU a frame over 2 frames"


def test_a_point_of_a_curve_tells_what_is_hidden_and_what_is_taken():
    score = Score()
    score.add([Judged(frame(LATIN, ARABIC), [over(LATIN)])], (), 0, None)
    score.add([Judged(frame(), [Line(0, 0, 20, 10)])], (), 0, None)
    assert score.point() == (
        "strings hidden 1/2 = 0.5000, instances leaking 1/1, at most 100.00 %, outside text mean 0.250 %, p99 0.50 %, text-free touched 1/1"
    )
    assert Score(outside=[0.0]).point().startswith("strings hidden 0/0 = 0.0000, instances leaking 0/0, at most 100.00 %")
