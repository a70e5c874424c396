"""How well a search for burned-in text finds it, what it takes that is no text, and what it costs, beside others.

    PYTHONPATH=. python benchmarks/text_search.py [--set test] [--frames N] [--search fast default strict]
        [--rivals pytesseract RapidOCR] [--curve CHANCE ...] [--venv DIR] [--show]

Instances are drawn from seeds (`burned_in`: fonts of Debian packages, seven scripts, six layouts, real and invented pictures that
training never saw; one of six has two to four frames), stored as DICOM in some photometric form, depth and transfer syntax, some
ultrasounds with their regions, and searched by the code of a run. Every second one has no text. Then come the real ultrasounds of
pydicom-data, their text marked by hand. All searches see every instance in turn, so machine load falls on all alike. CPU is user
and system time of a frame, children included.

A string is hidden if at least 98 % of its ink lies in boxes and an independent reader (RapidOCR's) reads no letter in what is
left; without `--rivals RapidOCR` the reader is not asked. An instance leaks if one of its frames does. The rivals see one rendering
of each frame, as a person first sees it: in the first window that the header states, else over the full range. They are not
given the others, which cost them as much again each and in which ours finds more: whoever runs them over DICOM does the same.

`--through_redactor` judges what a user gets: each drawn instance goes through the redactor of a run under REDACT_ALL_TEXT, second look
included, and its output is decoded by pydicom. There a string is hidden if 98 % of its ink lies where a box is of one colour in the
output. What is held (RESIDUAL_TEXT) or fails is published nowhere: it counts by itself, and neither as leaking nor as hidden. Instances in
which a pixel outside of boxes changed without need are told (`broken`): there must be none.

`--curve` prints what each strength would hide and take at other chances that the networks must agree on. There the reader is not asked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames

from benchmarks.burned_in.backgrounds import Picture, colours, first_frame, in_first_window
from benchmarks.burned_in.fonts import PACKAGES
from benchmarks.burned_in.frames import SEEDS, Frame, Text, cine
from benchmarks.burned_in.instances import instance, saved
from benchmarks.burned_in.outputs import Output, through
from benchmarks.burned_in.rivals import Naive, Peer
from benchmarks.burned_in.scores import Judged, Score
from pipeline.cpu import cpu_seconds
from transforms.model.plan import ALL_TEXT
from transforms.model.records import PixelSearch
from transforms.pixels.codecs import decode
from transforms.pixels.contrast import MOST
from transforms.pixels.description import PixelDescription
from transforms.pixels.detector import Found, LineDetector
from transforms.pixels.frames import locate
from transforms.pixels.learned import LearnedDetector
from transforms.pixels.redactor import redactor_of
from transforms.pixels.regions import Region, regions
from transforms.pixels.render import renderings
from transforms.pixels.search import TextSearch
from transforms.pixels.strengths import DEFAULT, DOUBT, EDGE, LEAST, STRICT_DOUBT, SUSPECTED, Detector, LineSearch, text_search

MARKED = Path(__file__).with_name("text_on_ultrasounds.json")


class Case(NamedTuple):
    """One instance."""

    frames: tuple[Frame, ...]
    groups: tuple[str, ...]
    """What it belongs to."""
    dataset: FileDataset
    images: tuple[tuple[Picture, ...], ...]
    """The renderings of each frame."""
    seen: tuple[Picture, ...]
    """Each frame as a person first sees it."""


def drawn(split: str, count: int, first: int) -> Iterator[Case]:
    """Seeded instances, every second without text."""
    for number in range(first, first + count):
        seed = SEEDS[split] + number
        frames = cine(seed, split, with_text=number % 2 == 0)
        form, dataset = instance(frames, np.random.default_rng([seed, 1]), np.random.default_rng([seed, 4]))
        groups = [f"modality {frames[-1].modality}", f"form {form}", f"syntax {dataset.file_meta.TransferSyntaxUID.keyword}"]
        groups += ["with many frames"] if len(frames) > 1 else []
        groups += ["with regions"] if regions(dataset) else []
        yield Case(frames, tuple(groups), dataset, *rendered(dataset))


def rendered(dataset: FileDataset) -> tuple[tuple[tuple[Picture, ...], ...], tuple[Picture, ...]]:
    """The renderings that a search sees of each frame, and the one that a person sees first."""
    description = PixelDescription.from_dataset(dataset)
    stored = locate(dataset, description)
    images, seen = [], []
    for number in range(description.frames):
        decoded = decode(stored.frame(number), description)
        images.append(tuple(renderings(decoded, dataset, number)))
        seen += [*in_first_window(decoded, dataset, number), images[-1][0]][:1]
    return tuple(images), tuple(seen)


def ultrasounds() -> Iterator[Case]:
    """The first frames of the real files of `text_on_ultrasounds.json`: file → [left, top, right, bottom, text]."""
    for name, marks in json.loads(MARKED.read_text(encoding="utf-8")).items():
        dataset = first_alone(first_frame(name)[1])
        images, seen = rendered(dataset)
        texts = [
            Text(text, "latin", True, left, top, right, bottom, np.ones((bottom - top, right - left), bool), False, True)
            for left, top, right, bottom, text in marks
        ]
        made = Frame("US", colours(images[0][0]), texts, np.zeros(images[0][0].shape[:2], bool))
        yield Case((made,), (name,), dataset, images, seen)


def first_alone(dataset: FileDataset) -> FileDataset:
    """An instance without its other frames, which must be coded."""
    if int(dataset.get("NumberOfFrames", 1)) > 1:
        dataset.PixelData = encapsulate([next(generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))])
        dataset.NumberOfFrames = 1
    return saved(dataset)


def install_fonts() -> None:
    """See to the packages that strings are drawn from. Raises CalledProcessError where that needs a user who may install."""
    if subprocess.run(["dpkg", "-s", *PACKAGES], check=False, capture_output=True).returncode:  # noqa: S603, S607
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607


class Once:
    """A detector that is asked once of an image that many searches see one after another."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._answers: list[tuple[Picture, list[Found]]] = []

    def find(self, image: Picture, regions: tuple[Region, ...] = ()) -> list[Found]:
        """As the detector's."""
        for one, answer in self._answers:
            if one is image:
                return answer
        self._answers = [*self._answers[1 - MOST :], (image, self._detector.find(image, regions))]
        return self._answers[-1][1]


def curves(chances: Sequence[float]) -> dict[str, TextSearch]:
    """Each strength as it would be at each chance that both networks must agree on, without reading; in `strict`, the second time."""
    if not chances:
        return {}
    sure, second = Once(LineDetector(EDGE, LEAST, DEFAULT, SUSPECTED, DOUBT, negatives=True)), Once(LearnedDetector())
    made: dict[str, TextSearch] = {}
    for chance in chances:
        again = LineDetector(EDGE, LEAST, chance, SUSPECTED, STRICT_DOUBT, negatives=True)
        made[f"fast at {chance}"] = LineSearch([LineDetector(EDGE, LEAST, chance, SUSPECTED)], None)
        made[f"default at {chance}"] = LineSearch([LineDetector(EDGE, LEAST, chance, SUSPECTED, DOUBT)], None)
        made[f"strict at {chance}"] = LineSearch([sure, again, second], None)
    return made


def _searched(case: Case, search: TextSearch) -> tuple[list[Judged], tuple[str, ...], float]:
    """What a search finds in an instance, the groups of that, and what it cost."""
    search.forget()
    known, before = regions(case.dataset), cpu_seconds()
    found = [search.lines(*images, regions=known) for images in case.images]
    cpu = cpu_seconds() - before
    return [Judged(made, lines) for made, lines in zip(case.frames, found, strict=True)], case.groups, cpu


def _count(score: Score, case: Case, output: Output, reader: Callable[[Picture], str] | None) -> None:
    """Count what came out of the redactor."""
    text = "" if any(made.texts for made in case.frames) else " without text"
    score.ends[f"{output.end}{text}"] += 1
    score.ends["broken"] += output.broken > 0
    if output.end != "published":
        score.missed.append(f"{case.groups} {output.end}{text}")
        return
    if output.broken:
        score.missed.append(f"{case.groups} {output.broken} pixels broken")
    boxes = [[box for box in output.boxes if box.frame == number] for number in range(len(case.frames))]
    frames = [Judged(*one) for one in zip(case.frames, boxes, output.gone, strict=True)]
    score.add(frames, case.groups, output.cpu, reader)


def main() -> None:
    """Measure, and print the figures of each search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="test", choices=sorted(SEEDS), help="which seeds; test ones are never trained or tuned on")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--search", nargs="*", default=["fast", "default", "strict"])
    parser.add_argument("--rivals", nargs="*", default=["pytesseract", "RapidOCR"])
    parser.add_argument("--curve", nargs="*", type=float, default=[], help="chances at which what is hidden and taken is printed, too")
    parser.add_argument("--through_redactor", action="store_true", help="judge outputs of the redactor, and not lines that were found")
    parser.add_argument("--venv", type=Path, default=Path("out/rivals"), help="where the peer is installed")
    parser.add_argument("--show", action="store_true", help="name what is missed; all strings are invented or public")
    options = parser.parse_args()
    install_fonts()
    cv2.setNumThreads(1)
    searches = {} if options.through_redactor else {name: text_search(PixelSearch(name)) for name in options.search}
    redactors = {name: redactor_of(ALL_TEXT, PixelSearch(name)) for name in options.search} if options.through_redactor else {}
    peer = Peer(options.venv) if "RapidOCR" in options.rivals else None
    reader = peer.read if peer else None
    points = curves(options.curve)
    rivals = [*([Naive()] if "pytesseract" in options.rivals else []), *([peer] if peer else [])]
    for title, cases in (
        (f"{options.frames} seeded instances ({options.set} from {options.first})", drawn(options.set, options.frames, options.first)),
        ("real ultrasounds", ultrasounds()),
    ):
        scores = {name: Score() for name in (*searches, *redactors, *(rival.name for rival in rivals))}
        curve = {name: Score() for name in points}
        for number, case in enumerate(cases):
            for name, search in searches.items():
                scores[name].add(*_searched(case, search), reader)
            for name, redactor in redactors.items():
                output = through(redactor, case.dataset, f"{number:016x}")
                _count(scores[name], case, output, reader)
            for rival in rivals:
                answers = [rival.find(picture) for picture in case.seen]
                found = [Judged(made, answer.lines) for made, answer in zip(case.frames, answers, strict=True)]
                scores[rival.name].add(found, case.groups, sum(answer.cpu for answer in answers), reader)
            for name, search in points.items():
                curve[name].add(*_searched(case, search), None)
        print(f"== {title}")
        for name, score in scores.items():
            print(*score.report(name, scores.get("pytesseract")), sep="\n")
            if options.show:
                print(*(f"    missed {one}" for one in score.missed), sep="\n")
        print(*(f"curve, {name}: {score.point()}" for name, score in curve.items()), sep="\n")
    if peer:
        peer.close()


if __name__ == "__main__":
    main()
