"""What became of the spool's shards: which entries still have to be sent, and where it is written down that they were.

A shard that is answered in full has a marker and is not sent again. One that was worked to its end and has dead letters
has a file of them: only those are sent again. One that was being sent when the run broke off has neither, and is sent
as a whole; its entries are PUTs, so nothing doubles.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from transforms.fhir.bundles import Entry, EntryAnswer, resource_bytes
from transforms.model.places import Place
from transforms.model.records import ShardRef
from transforms.model.references import References
from transforms.model.spool import read_lines
from transforms.model.storage import create_if_absent, replace
from transforms.model.workspace import OperationFolder

_LINE = re.compile(rb'\{"provenance":(\{.*\}),"reference":"([0-9a-f]+)"\}\n')
_ID = re.compile(rb'"id":"([A-Za-z0-9\-.]{1,64})"')
"""Nothing within a JSON string can look like this, since quotes are escaped there."""


@dataclasses.dataclass(frozen=True, slots=True)
class ShardAnswer:
    """What became of one shard; `entries` = `answered` + `dead`.

    An entry that stands in several shards is counted with the first of them, by name.
    """

    shard: str
    entries: int
    answered: int
    dead: int


@dataclasses.dataclass
class _Tally:
    """A shard on its way: entries of it that count, and those of which nothing is known yet."""

    entries: int
    open: int
    letters: list[dict[str, Any]] = dataclasses.field(default_factory=list)


class Ledger:
    """For one thread. Holds a reference for each entry, and the dead letters of open shards."""

    def __init__(self, folder: OperationFolder) -> None:
        self._folder = folder
        self._seen = References()
        self._tallies: dict[str, _Tally] = {}
        self._finished: list[ShardAnswer] = []

    def entries(self, shards: Iterable[ShardRef]) -> Iterator[Entry]:
        """What has to be sent, read shard by shard in the order of their names."""
        for name in sorted({shard.name for shard in shards}):
            listed = (self._folder.spool / f"{name}.refs").read_text().split()
            references = {reference for reference in listed if self._seen.add(reference)}
            to_send = self._unanswered(name, references)
            self._tallies[name] = _Tally(len(references), len(to_send))
            if to_send:
                for line in read_lines(self._folder.spool, name):
                    entry = spooled_entry(name, line)
                    if entry.reference in to_send:
                        yield entry
            else:
                self._close(name)

    def answered(self, entry: Entry) -> None:
        """The store has it."""
        self._settle(entry.shard)

    def dead(self, entry: Entry, answer: EntryAnswer, attempts: int, retryable: bool) -> None:
        """It is given up, for good or (`retryable`) because the store was not there. The spool keeps the resource."""
        letter = {
            "reference": entry.reference,
            "id": entry.id,
            "status": answer.status,
            "code": answer.code,
            "attempts": attempts,
            "retryable": retryable,
        }
        self._tallies[entry.shard].letters.append(letter)
        self._settle(entry.shard)

    def finished(self) -> Iterator[ShardAnswer]:
        """The shards that have come to their end since the last call."""
        done, self._finished = self._finished, []
        yield from done

    def _unanswered(self, name: str, references: set[str]) -> set[str]:
        if (self._folder.answered / name).exists():
            return set()
        letters = self._letters(name)
        if letters.exists():
            return references & {json.loads(line)["reference"] for line in letters.read_text().splitlines()}
        return references

    def _settle(self, name: str) -> None:
        self._tallies[name].open -= 1
        if self._tallies[name].open == 0:
            self._close(name)

    def _close(self, name: str) -> None:
        tally = self._tallies.pop(name)
        if tally.letters:
            lines = (json.dumps(letter, sort_keys=True) + "\n" for letter in sorted(tally.letters, key=lambda letter: letter["reference"]))
            replace(self._letters(name), "".join(lines).encode(), 0o600)
        elif tally.entries:
            create_if_absent(self._folder.answered / name, b"", 0o600)
            self._letters(name).unlink(missing_ok=True)
        dead = len(tally.letters)
        self._finished.append(ShardAnswer(name, tally.entries, tally.entries - dead, dead))

    def _letters(self, name: str) -> Place:
        return self._folder.dead_letters / f"{name}.ndjson"


def spooled_entry(shard: str, line: bytes) -> Entry:
    """The entry that a line of the spool holds, its resource byte for byte.

    A line as the spool writes it is cut, not parsed: parsing and writing 13 kB takes twenty times as long, and a
    thousand of them a second are due at a quota of 60,000 a minute.
    """
    match = _LINE.fullmatch(line)
    ids = _ID.findall(match[1]) if match else []
    if match and len(ids) == 1:
        return Entry(shard, match[2].decode(), ids[0].decode(), match[1])
    parsed = json.loads(line)
    return Entry(shard, parsed["reference"], parsed["provenance"]["id"], resource_bytes(parsed["provenance"]))
