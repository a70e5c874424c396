"""Numbers of a run: added up where they arise, and brought under one key for its last step."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.progress import tick
from transforms.model.places import Place
from transforms.model.records import Outcome
from transforms.model.spool import Shard
from transforms.read.transform import NOT_FOUND

_ONE_KEY = b""
Numbers = Iterable[tuple[str, int]]
"""Names of counts, and what to add to each."""
_NAMED = beam.typehints.Tuple[bytes, beam.typehints.Tuple[str, int]]


def count(numbers: Callable[[Any], Numbers]) -> beam.ParDo:
    """From elements to the sums of `numbers` of them, under one key."""
    return beam.ParDo(_Count(numbers)).with_output_types(_NAMED)


def tell(folder: Place, progress_file: str | None) -> beam.ParDo:
    """From outcomes to how many there are of each kind, under one key; each is ticked, and spooled in `folder`."""
    return beam.ParDo(_Tell(folder, progress_file)).with_output_types(_NAMED)


class _Count(beam.DoFn):
    """The numbers of a bundle by their names, so that a few cross and not one an instance.

    One step, since each that a graph has costs a run 7 ms at its start. A CombinePerKey would be a shuffle besides.
    """

    def __init__(self, numbers: Callable[[Any], Numbers]) -> None:
        self._numbers = numbers

    def start_bundle(self) -> None:
        self._sums = collections.Counter[str]()

    def process(self, element: Any) -> None:
        for name, number in self._numbers(element):
            self._sums[name] += number

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        return (WindowedValue((_ONE_KEY, pair), window.max_timestamp(), [window]) for pair in self._sums.items())


class _Tell(_Count):
    """The same of outcomes, which go no further than to shards of the bundle."""

    def __init__(self, folder: Place, progress_file: str | None) -> None:
        super().__init__(_kinds)
        self._folder, self._progress_file = folder, progress_file

    def start_bundle(self) -> None:
        super().start_bundle()
        self._shard = Shard(self._folder)

    def process(self, element: Outcome) -> None:
        tick(element, self._progress_file)
        entry = {"outcome": element.kind.value, "stage": element.stage, "code": element.code, "sentence": element.sentence}
        self._shard.add(element.reference, entry)
        if self._shard.full:
            self._shard.close()
        super().process(element)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if len(self._shard):
            self._shard.close()
        return super().finish_bundle()


def _kinds(outcome: Outcome) -> Numbers:
    return [(outcome.kind.value, 1), *([("not_found", 1)] if outcome.code == NOT_FOUND else [])]
