"""Which output is which source: by a mapping of UIDs, by the marks of the key, by the path."""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydicom.dataset import FileDataset

from benchmarks.judge import values
from benchmarks.judge.key import PIXELS, Answer

_INSTANCE = "00080018"


@dataclasses.dataclass(frozen=True)
class Output:
    """One de-identified file that can be read."""

    path: Path
    dataset: FileDataset

    @functools.cached_property
    def texts(self) -> list[tuple[str, str]]:
        """Path and text of all of its elements."""
        return list(values.everything(self.dataset))

    @functools.cached_property
    def bare(self) -> bytes:
        """Its bytes as `values.bare` has them."""
        return values.bare(self.dataset, self.path.read_bytes())

    @functools.cached_property
    def pixels(self) -> str:
        """The MD5 of the bytes of Pixel Data, as they stand in the file; empty without them."""
        return pixel_md5(self.dataset)

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        return first(values.at(self.dataset, _INSTANCE))


def pixel_md5(dataset: FileDataset) -> str:
    """The MD5 of the raw value of Pixel Data: samples, or the fragments of a compressed one; empty without it."""
    element = dataset.get_item(0x7FE00010)
    return hashlib.md5(element.value, usedforsecurity=False).hexdigest() if element is not None and element.value else ""


def first(found: list[str]) -> str:
    """The first of the texts, or an empty one."""
    return found[0] if found else ""


@dataclasses.dataclass(frozen=True)
class Matched:
    """The outputs of a folder, by the file of their source."""

    outputs: Mapping[str, Output]
    strangers: tuple[Path, ...]
    """Files that are the output of no source of the key, or of one that has an output already: nothing in them was judged."""
    unreadable: tuple[Path, ...]
    """Files that are no DICOM that can be read to its end."""


def match(answers: Iterable[Answer], source: Path, deidentified: Path, uid_map: Path | None = None) -> Matched:
    """Find the output of each source. `uid_map` has the columns id_old and id_new, as MIDI-B's.

    Raises ValueError where the source of an answer is missing and the map is to be used.
    """
    answers = list(answers)
    read = {path: values.read(path) for path in sorted(deidentified.rglob("*")) if path.is_file()}
    left = {path: Output(path, dataset) for path, dataset in read.items() if dataset is not None}
    mapping = _mapping(uid_map) if uid_map else None
    by_uid = {output.uid: output for output in left.values()} if mapping is not None else {}
    borne = _borne(left.values(), {path for answer in answers for path in answer.marks})
    found: dict[str, Output] = {}
    for answer in answers:
        if mapping is not None:
            output = by_uid.get(mapping.get(_source_uid(source / answer.file), ""))
        else:
            output = _of(answer, left.get(deidentified / answer.file), borne)
        if output is not None and output.path in left:
            found[answer.file] = left.pop(output.path)
    return Matched(found, tuple(left), tuple(path for path, dataset in read.items() if dataset is None))


def _source_uid(path: Path) -> str:
    dataset = values.read(path)
    if dataset is None:
        raise ValueError(f"{path.name} of the key is not in the source folder")
    return first(values.at(dataset, _INSTANCE))


def _borne(outputs: Iterable[Output], paths: set[str]) -> Mapping[tuple[str, str], list[Output]]:
    """Outputs by the marks they bear."""
    found: defaultdict[tuple[str, str], list[Output]] = defaultdict(list)
    for output in outputs:
        for path in sorted(paths):
            found[path, output.pixels if path == PIXELS else first(values.at(output.dataset, path))].append(output)
    return found


def _of(answer: Answer, in_place: Output | None, borne: Mapping[tuple[str, str], list[Output]]) -> Output | None:
    """The output at the same path unless it bears another's marks, else the only one with a mark of the answer."""
    marked = [output for mark in answer.marks.items() for output in borne.get(mark, ())]
    if in_place is not None and (not marked or in_place in marked):
        return in_place
    return marked[0] if len({output.path for output in marked}) == 1 else None


def _mapping(uid_map: Path) -> Mapping[str, str]:
    with uid_map.open(newline="", encoding="utf-8") as file:
        return {row["id_old"]: row["id_new"] for row in csv.DictReader(file)}
