"""Plant a set: seeded patients, studies, series and instances that name each other, PHI in them, and the answer key.

    python -m benchmarks.judge.plant --seed S --output DIR [--patients 9] [--studies 2] [--slices 3]

DIR gets `source/` and `key.jsonl`. Same seed and sizes, same bytes. Patient by patient the character set changes (nine of them)
and the transfer syntax of the images (implicit, explicit, RLE); reports are deflated for one patient in three.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import random
import uuid
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from benchmarks.judge import objects
from benchmarks.judge.key import PIXELS, Answer, Check, Expectation, write_key
from benchmarks.judge.outputs import pixel_md5
from benchmarks.judge.people import Person, person
from benchmarks.judge.planting import (
    ALL_VRS,
    Planting,
    Visit,
    plant_nested,
    plant_outside_the_table,
    plant_private,
    reference,
)
from benchmarks.judge.policies import BUT_RETAINED, BY_TABLE, CONTENTS, LISTED, MINIMAL, POLICIES, RETAINED, SHIFTED

_IMAGE_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless)
_TABLED = [vr for vr in ALL_VRS if vr != "UN"]
_REFERRING = tuple(policy for policy in POLICIES if policy != MINIMAL)
"""Policies that leave references between images."""
_OUTSIDE, _PRIVATE = 3, 6
"""PHI outside the table and in a private block, an instance."""


class Planted(NamedTuple):
    """One instance and its checks."""

    file: str
    on: Planting
    syntax: UID


class Planter:
    """Plants one set."""

    def __init__(self, seed: int, slices: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a test set
        self._slices = slices
        self._numbers = itertools.count(1001)
        self._turns = itertools.count()

    def patient(self, number: int, studies: int) -> list[Planted]:
        """All instances of a patient."""
        who = person(number, self._rng)
        first = dt.date(2001, 1, 1) + dt.timedelta(days=self._rng.randrange(8000))
        planted: list[Planted] = []
        for study in range(studies):
            day = first + dt.timedelta(days=study * self._rng.randrange(30, 300))
            visit = Visit(
                who, f"ACC{self._rng.randrange(10**6, 10**7)}", day, f"SN{self._rng.randrange(10**5, 10**6)}", f"ROOM{number}CT{study}Q"
            )
            planted += self._study(f"p{number}/s{study}", visit, number)
        self._intervals(planted)
        for one in planted:
            _words(one.on, who)
        return planted

    def _study(self, folder: str, visit: Visit, patient: int) -> list[Planted]:
        study, frame = self._uid(), self._uid()
        uids = {"StudyInstanceUID": study, "SeriesInstanceUID": self._uid(), "FrameOfReferenceUID": frame}
        syntax = _IMAGE_SYNTAXES[patient % len(_IMAGE_SYNTAXES)]
        event = self._uid()
        slices = [
            self._one(f"{folder}/ct{number}.dcm", "ct", visit, {**uids, "IrradiationEventUID": event}, syntax)
            for number in range(self._slices)
        ]
        for number, one in enumerate(slices):
            objects.ct(one.on, number)
        self._referring(slices)
        others = []
        for kind in ("sc", "sr", "ko"):
            own = {"StudyInstanceUID": study, "SeriesInstanceUID": self._uid()}
            plain = DeflatedExplicitVRLittleEndian if kind == "sr" and patient % 3 == 2 else ExplicitVRLittleEndian
            others.append(self._one(f"{folder}/{kind}.dcm", kind, visit, own, plain))
        named = [(one.file, one.on.dataset) for one in slices[:2]]
        objects.screen(others[0].on)
        objects.report(others[1].on, named)
        objects.key_objects(others[2].on, named)
        return [*slices, *others]

    def _one(self, file: str, kind: str, visit: Visit, uids: dict[str, str], syntax: UID) -> Planted:
        modality, sop_class = objects.CLASSES[kind]
        on = Planting(visit, random.Random(self._rng.random()))  # noqa: S311 - a test set
        objects.common(on, {**uids, "SOPInstanceUID": self._uid()}, modality, sop_class, next(self._numbers))
        turn = next(self._turns)
        for number in range(_OUTSIDE):
            plant_outside_the_table(on, _TABLED[(turn * _OUTSIDE + number) % len(_TABLED)])
        for depth in (1, 2, 3, 4):
            plant_nested(on, _TABLED[(turn + depth * 7) % len(_TABLED)], depth)
        plant_private(on, [ALL_VRS[(turn * _PRIVATE + number) % len(ALL_VRS)] for number in range(_PRIVATE)])
        return Planted(file, on, syntax)

    def _referring(self, slices: list[Planted]) -> None:
        """Each slice names the one before it as its source, and the one after it as one to look at."""
        for number, one in enumerate(slices):
            for keyword, tag, other in (
                ("SourceImageSequence", "00082112", slices[number - 1]),
                ("ReferencedImageSequence", "00081140", slices[(number + 1) % len(slices)]),
            ):
                one.on.put(keyword, Sequence([reference(other.on.dataset, purpose=True)]))
                path, uid = f"{tag}[0].00081155", str(other.on.dataset.SOPInstanceUID)
                one.on.checks.append(Expectation(Check.REFERENCE_RESOLVES, path, other.file, _REFERRING))
                one.on.checks.append(Expectation(Check.UID_CHANGED, path, uid, BUT_RETAINED))
                one.on.checks.append(Expectation(Check.UID_CONSISTENT, path, uid, (*BY_TABLE, CONTENTS, LISTED)))

    def _intervals(self, planted: list[Planted]) -> None:
        """Every study date of a patient against the first instance's."""
        zero = planted[0]
        origin = str(zero.on.dataset.StudyDate)
        for one in planted[1:]:
            for keyword in ("StudyDate", "ContentDate"):
                if keyword in one.on.dataset:
                    value = str(one.on.dataset[keyword].value)
                    one.on.ask(Check.INTERVAL_KEPT, keyword, value, (*SHIFTED, RETAINED), to=(zero.file, "00080020", origin))

    def _uid(self) -> str:
        return f"2.25.{uuid.UUID(int=self._rng.getrandbits(128), version=4).int}"


def _words(on: Planting, who: Person) -> None:
    """The patient's own words, and the UIDs of the object, may stand nowhere in the file."""
    for token in (*who.tokens(), on.visit.accession, on.visit.serial):
        when = BUT_RETAINED if token in (who.house, on.visit.serial) else ()
        on.checks.append(Expectation(Check.TEXT_GONE, "", token, when, "a word of the record"))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        on.checks.append(Expectation(Check.TEXT_GONE, "", str(on.dataset[keyword].value), BUT_RETAINED, keyword))
    if "FrameOfReferenceUID" in on.dataset:
        uid = str(on.dataset.FrameOfReferenceUID)
        on.checks.append(Expectation(Check.TEXT_GONE, "", uid, (*BY_TABLE, MINIMAL, LISTED), "FrameOfReferenceUID"))


def _file(dataset: Dataset, path: Path, syntax: UID) -> FileDataset:
    """Write a Part 10 file; returns the data set as written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = FileDataset(str(path), dataset, preamble=b"\0" * 128, file_meta=meta)
    if syntax == RLELossless and "PixelData" in whole:
        whole["PixelData"].VR = "OW"
        whole.compress(RLELossless, generate_instance_uid=False)
    elif "PixelData" in whole:
        whole["PixelData"].VR = "OW" if whole.BitsAllocated > 8 or syntax.is_implicit_VR else "OB"
    whole.save_as(path, enforce_file_format=True)
    return whole


def plant(seed: int, output: Path, patients: int = 9, studies: int = 2, slices: int = 3) -> Path:
    """Plant a set into a folder; returns the path of its key."""
    planter = Planter(seed, slices)
    answers = []
    for number in range(patients):
        for one in planter.patient(number, studies):
            written = _file(one.on.dataset, output / "source" / one.file, one.syntax)
            marks = {"00200013": str(written.InstanceNumber)}
            checks = list(one.on.checks)
            if one.file.rpartition("/")[2].startswith("ct"):
                marks[PIXELS] = pixel_md5(written)
                checks.append(Expectation(Check.PIXELS_RETAINED, "7FE00010", marks[PIXELS]))
            answers.append(Answer(one.file, f"p{number}", marks, tuple(checks)))
    write_key(output / "key.jsonl", answers)
    return output / "key.jsonl"


def main() -> None:
    """Plant as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, help="of all that is drawn")
    parser.add_argument("--output", type=Path, required=True, help="a folder; gets source/ and key.jsonl")
    parser.add_argument("--patients", type=int, default=9, help="default 9, one for each character set")
    parser.add_argument("--studies", type=int, default=2, help="of a patient (default 2)")
    parser.add_argument(
        "--slices", type=int, default=3, help="CT slices of a study (default 3); a screen, a report and a selection come on top"
    )
    options = parser.parse_args()
    print(plant(options.seed, options.output, options.patients, options.studies, options.slices))


if __name__ == "__main__":
    main()
