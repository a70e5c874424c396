"""The spool: NDJSON shards that are written aside and appear whole, under a name made of what is in them.

The same entries give the same name, so a repeated bundle adds nothing and a restarted run finds what is finished.
A shard is `<name>.ndjson`; beside it `<name>.refs` lists the references in it, so that a restart need not read
the entries. The index is written first: a shard that can be seen can be trusted. The Provenance of held instances
stands in shards of its own, whose names begin with HELD: they sort behind the others, so that where an instance is in
both, because the doubt went, what says that it is published comes first and counts.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from transforms.model.places import Place, side_by_side, size
from transforms.model.records import ShardRef
from transforms.model.references import References
from transforms.model.storage import create_if_absent

MAX_ENTRIES = 500
MAX_BYTES = 8 << 20
HELD = "held-"
"""Begins the names of shards of held instances; the others' names are hexadecimal."""


class Shard:
    """Entries on their way to one shard; `full` says when to close it."""

    def __init__(self, folder: Place, prefix: str = "") -> None:
        self._folder, self._prefix = folder, prefix
        self._entries: dict[str, bytes] = {}
        self._size = 0

    def add(self, reference: str, entry: dict[str, Any]) -> None:
        """Add one entry under its reference."""
        text = json.dumps({"reference": reference, **entry}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        line = text.encode(errors="backslashreplace") + b"\n"  # a lone surrogate (of a file name) becomes a JSON escape
        self._entries[reference] = line
        self._size += len(line)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        """Whether the shard is large enough to be closed."""
        return len(self._entries) >= MAX_ENTRIES or self._size >= MAX_BYTES

    def close(self) -> ShardRef:
        """Put the shard in its folder, unless a shard of the same references stands there, and start afresh.

        Raises ValueError if there is no entry in it.
        """
        if not self._entries:
            raise ValueError("a shard has at least one entry")
        references = sorted(self._entries)
        name = self._prefix + hashlib.sha256("\n".join(references).encode()).hexdigest()[:32]
        content = b"".join(self._entries[reference] for reference in references)
        create_if_absent(self._folder / f"{name}.refs", "\n".join(references).encode() + b"\n", 0o600)
        create_if_absent(self._folder / f"{name}.ndjson", content, 0o600)
        self._entries, self._size = {}, 0
        return shard_ref(self._folder, name)


def shard_ref(folder: Place, name: str) -> ShardRef:
    """The reference of a finished shard."""
    count = (folder / f"{name}.refs").read_bytes().count(b"\n")
    return ShardRef(name, count, size(folder / f"{name}.ndjson"))


def shard_names(folder: Place, held: bool | None = None) -> list[str]:
    """The names of the finished shards of a folder, in order: of held instances, of all others, or (None) of both."""
    names = (path.stem for path in folder.glob("*.ndjson"))
    return sorted(name for name in names if held is None or name.startswith(HELD) is held)


def shards(folder: Place) -> list[ShardRef]:
    """The finished shards of a folder with their sizes, in the order of their names: two requests each on Cloud Storage."""
    return list(side_by_side(folder, functools.partial(shard_ref, folder), shard_names(folder)))


def read_lines(folder: Place, name: str) -> Iterator[bytes]:
    """The entries of one shard as they stand in it."""
    with (folder / f"{name}.ndjson").open("rb") as file:
        yield from file


def read_shard(folder: Place, name: str) -> Iterator[dict[str, Any]]:
    """The entries of one shard."""
    return map(json.loads, read_lines(folder, name))


def references(folder: Place, held: bool | None = False) -> References:
    """The references in the finished shards of a folder: of held instances, of all others, or (None) of both."""
    return References.read(side_by_side(folder, _read, (folder / f"{name}.refs" for name in shard_names(folder, held))))


def _read(file: Place) -> bytes:
    return file.read_bytes()


def read_all(folder: Place) -> Iterator[dict[str, Any]]:
    """The entries of all shards of a folder, each reference once, in the order of shard names."""
    seen = References()
    for name in shard_names(folder):
        yield from (entry for entry in read_shard(folder, name) if seen.add(entry["reference"]))


def remove_shard(folder: Place, name: str) -> None:
    """Take a shard away: first what makes it one."""
    for suffix in ("ndjson", "refs"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)


def write_entries(folder: Place, entries: Iterable[tuple[str, dict[str, Any]]]) -> list[ShardRef]:
    """Spool entries in shards of the usual size."""
    shard, done = Shard(folder), []
    for reference, entry in entries:
        shard.add(reference, entry)
        if shard.full:
            done.append(shard.close())
    if len(shard):
        done.append(shard.close())
    return done
