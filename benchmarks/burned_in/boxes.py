"""What the line verifier is trained on: boxes that the line detector draws, as the verifier sees them, and whether text is in them.

PYTHONPATH=. python -m benchmarks.burned_in.boxes OUT.npz [--frames N] [--first SEED] [--patches PATCHES.npz...] [--hard]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.burned_in.backgrounds import Picture, Random
from benchmarks.burned_in.frames import SEEDS, Text, frame
from benchmarks.burned_in.variations import varied
from transforms.pixels.detector import CELL, Found, LineDetector
from transforms.pixels.verifier import LineVerifier, Windows, windows

EDGE, LEAST = 0.3, 0.35
"""Chances of the boxes that the detector draws here: lower than those of a run, so that there is more to tell apart."""
AGREED = 0.2
"""Chance that the shipped networks agree on in boxes that are hard to tell apart: what hides less is no mistake of theirs."""
DOUBTED, MISTAKEN = 0.95, 0.03
"""Chances of the shipped verifier below which a window with text, and above which one without, is hard."""
ABOUT = 6
"""Strings of a frame that get a box of their own."""
MOST_OF_A_BOX = 3
"""Windows of one box."""
WITH_TEXT = 0.25
"""Share of text in a box from which it is a line."""
WITHOUT, NEAR = 0.03, 4
"""Share of text, grown by so many pixels, up to which a box is none; what lies between teaches nothing."""
SMALLEST, LARGEST = 40, 200
"""Sides of the frames that a fifth of the seeds is drawn in: the fewer the pixels, the more things look like letters."""
UNKNOWN = 0.5
"""Share of a cell that does not count from which a box over it teaches nothing."""

Bits = NDArray[np.bool_]
Example = tuple[Windows, bool]


def examples(picture: Picture, boxes: Sequence[Found], text: Bits, counts: Bits, random: Random) -> Iterator[Example]:
    """The windows of boxes, and whether they hold text. `text`, `counts`: where lines are, and where it is known whether there is one."""
    near = cv2.dilate(text.astype(np.uint8), np.ones((2 * NEAR + 1,) * 2))
    for box in boxes:
        place = slice(box.top, box.bottom), slice(box.left, box.right)
        has_text = bool(text[place].mean() >= WITH_TEXT)
        if not counts[place].all() or not (has_text or near[place].mean() < WITHOUT):
            continue
        cuts = windows(picture, box[:4])
        if has_text:
            cuts = cuts[_shares(text, box) >= WITH_TEXT]
        yield cuts[np.sort(random.permutation(len(cuts))[:MOST_OF_A_BOX])], has_text


def _shares(text: Bits, box: Found) -> NDArray[np.float64]:
    """The share of text in each window of a box. Seen as a colour between black and white, so that nothing is stretched."""
    layers = [text.astype(np.uint8) * np.uint8(255), np.full(text.shape, 255, np.uint8), np.zeros(text.shape, np.uint8)]
    cuts = windows(np.dstack(layers), box[:4])
    inside = cuts[..., 3] > 0
    return (cuts[..., 0] * inside).sum(axis=(1, 2)) / (255 * inside.sum(axis=(1, 2)))


def after_redaction(
    picture: Picture, found: Sequence[Found], text: Bits, counts: Bits, detector: LineDetector, random: Random
) -> Iterator[Example]:
    """What a second look sees: flat boxes over the lines, which are none."""
    hidden = picture.copy()
    left, boxes = text | ~counts, [box for box in found if text[box.top : box.bottom, box.left : box.right].mean() >= WITH_TEXT]
    for box in boxes:
        place = slice(box.top, box.bottom), slice(box.left, box.right)
        hidden[place] = 0 if random.integers(4) else random.integers(256)
        left[place] = False
    if boxes:
        nothing = np.zeros_like(text)
        yield from examples(hidden, [*detector.find(hidden), *boxes[:2]], nothing, ~left, random)


def of_frame(seed: int, with_text: bool, detector: LineDetector, random: Random) -> Iterator[Example]:
    """The boxes of a seeded frame, and some about its strings that do not depend on the detector."""
    rows, columns = (int(side) for side in random.integers(SMALLEST, LARGEST, 2))
    made = frame(SEEDS["train"] + seed, "train", (rows, columns) if random.integers(5) == 0 else None, with_text)
    picture, counts = varied(made.picture, random), np.ones(made.taken.shape, bool)
    text = np.zeros(made.taken.shape, bool)
    for one in made.texts:
        text[max(0, one.top - 1) : one.bottom + 1, max(0, one.left - 1) : one.right + 1] = True
    found = detector.find(picture)
    some = [made.texts[place] for place in random.permutation(len(made.texts))[:ABOUT]]
    yield from examples(picture, [*found, *(_about(one, random, text.shape) for one in some)], text, counts, random)
    if random.integers(2):
        yield from after_redaction(picture, found, text, counts, detector, random)


def of_patch(picture: Picture, target: NDArray[np.uint8], detector: LineDetector, random: Random) -> Iterator[Example]:
    """The boxes of a patch of `patches`."""
    size = picture.shape[1], picture.shape[0]
    text, counts = (cv2.resize(target[..., layer], size, interpolation=cv2.INTER_NEAREST) > 255 * UNKNOWN for layer in (0, 2))
    found = detector.find(picture)
    yield from examples(picture, found, text, counts, random)
    if random.integers(4) == 0:
        yield from after_redaction(picture, found, text, counts, detector, random)


def hard(made: Iterable[Example], verifier: LineVerifier | None) -> Iterator[Example]:
    """The windows of which a verifier is in doubt, or sure of what they are not: the next one learns most from them. All without one."""
    for cuts, has_text in made:
        if verifier is None:
            yield cuts, has_text
        elif len(cuts):
            chances = verifier.of_windows(cuts)
            yield cuts[chances < DOUBTED if has_text else chances > MISTAKEN], has_text


def _about(text: Text, random: Random, shape: tuple[int, ...]) -> Found:
    """A box about a string: looser, tighter, or about a part of it."""
    sides = np.array([text.left, text.top, text.right, text.bottom], float)
    thickness = min(sides[2] - sides[0], sides[3] - sides[1])
    axis = int(sides[3] - sides[1] > sides[2] - sides[0])
    if random.integers(3) == 0:
        start, end = np.sort(random.uniform(sides[axis], sides[axis + 2], 2))
        sides[[axis, axis + 2]] = start, max(end, start + thickness)
    sides += random.uniform(-0.15, 0.35, 4) * thickness * (-1, -1, 1, 1)
    left, top, right, bottom = (max(0, round(float(side))) for side in sides)
    left, top = min(left, shape[1] - CELL), min(top, shape[0] - CELL)
    return Found(left, top, min(shape[1], max(left + CELL, right)), min(shape[0], max(top + CELL, bottom)), 1.0)


def main() -> None:
    """Cut the windows of a range of seeds, or of patches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--patches", nargs="*", default=[], help="take these instead of frames")
    parser.add_argument("--hard", action="store_true", help="only what the shipped verifier doubts or mistakes")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    random, detector = np.random.default_rng(options.first), LineDetector(EDGE, LEAST, AGREED if options.hard else None)
    verifier = LineVerifier() if options.hard else None
    made: list[Example] = []
    for name in options.patches:
        file = np.load(name)
        for picture, target in zip(file["pictures"], file["targets"], strict=True):
            made += hard(of_patch(picture, target, detector, random), verifier)
    for seed in range(options.first, options.first + options.frames) if not options.patches else ():
        made += hard(of_frame(seed, seed % 5 < 2, detector, random), verifier)
    text = np.concatenate([np.full(len(cuts), has_text) for cuts, has_text in made])
    np.savez(options.out, windows=np.concatenate([cuts for cuts, _ in made]), text=text)
    print(f"{len(text)} windows, {text.sum()} with text")


if __name__ == "__main__":
    main()
