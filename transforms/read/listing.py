"""Origins around an origin: one whose instances must lie apart from what the run makes, and one that was listed before."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator
from typing import BinaryIO

from transforms.model.errors import ConfigError
from transforms.model.large import Content
from transforms.model.places import place_of
from transforms.model.records import InstanceUids
from transforms.model.storage import is_inside
from transforms.read.origin import Origin


@dataclasses.dataclass(frozen=True)
class _Around:
    """All of the origin within but how it is listed."""

    origin: Origin

    @property
    def root(self) -> str:
        return self.origin.root

    def listed_uids(self, uri: str) -> InstanceUids | None:
        return self.origin.listed_uids(uri)

    def sop_instance(self, uri: str, size: int) -> str | None:
        return self.origin.sop_instance(uri, size)

    def uids(self, uri: str, size: int) -> InstanceUids:
        return self.origin.uids(uri, size)

    def content(self, uri: str, size: int = 0) -> Content:
        return self.origin.content(uri, size)


@dataclasses.dataclass(frozen=True)
class Apart(_Around):
    """No instance of it may be one of `places`, or lie below them: what the run makes is not to be its source."""

    places: tuple[str, ...]
    """Canonical names of folders and stores."""

    def instances(self) -> Iterator[tuple[str, int]]:
        """As the origin lists them. Raises ConfigError at the first that does not lie apart."""
        for uri, size in self.origin.instances():
            if any(is_inside(uri, place) for place in self.places):
                raise ConfigError("--source", "it names files of destination, workspace or quarantine", "name a source apart from them")
            yield uri, size


@dataclasses.dataclass(frozen=True)
class Listing(_Around):
    """What `write_listing` wrote to a file, so that the origin need not be asked again."""

    file: str
    """A path or gs:// name."""

    def instances(self) -> Iterator[tuple[str, int]]:
        """As they were listed."""
        with place_of(self.file).open("rb") as packed, gzip.open(packed) as lines:
            for line in lines:
                uri, size = json.loads(line)
                yield uri, size


def write_listing(origin: Origin, file: BinaryIO) -> int:
    """List an origin into a file, for `Listing` to read; how many instances it has. Raises what listing does."""
    count = 0
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        for found in origin.instances():
            packed.write(json.dumps(found).encode() + b"\n")
            count += 1
    return count
