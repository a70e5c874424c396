"""Where a file is: a Path on this machine, or the name of an object on Cloud Storage that is asked in the same words.

Reading is by the place itself, creating and replacing by `storage`. What a place raises is an OSError, as a Path's methods do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, TypeVar

from transforms.model import gcs

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 16
"""Places that are read at the same time: on Cloud Storage each is a request of its own."""


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class GcsPath:
    """An object, or the folder that a name without an object means; with as much of a Path's words as is used of places."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, name: str) -> GcsPath:
        return GcsPath(f"{self.uri.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.uri.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> GcsPath:
        """The folder it is in."""
        return GcsPath(self.uri.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> GcsPath:
        """Its neighbour of another suffix."""
        return self.parent / PurePosixPath(self.name).with_suffix(suffix).name

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return gcs.size(self.uri) is not None

    def exists(self) -> bool:
        """The same: a folder is nothing of its own."""
        return self.is_file()

    def glob(self, pattern: str) -> Iterator[GcsPath]:
        """The objects in the folder whose names match, in the order of their names."""
        return map(GcsPath, gcs.glob(self.uri, pattern))

    def read_bytes(self) -> bytes:
        """The whole content. Raises FileNotFoundError where there is none."""
        return gcs.read(self.uri)

    def read_text(self, encoding: str = "utf-8") -> str:
        """The same as text."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: Literal["rb"]) -> BinaryIO:  # noqa: ARG002 - a Path's signature: there is no other mode
        """The content as a file."""
        return io.BytesIO(self.read_bytes())

    def unlink(self, missing_ok: bool = False) -> None:
        """Take the object away. Raises FileNotFoundError where there is none, unless `missing_ok`."""
        with contextlib.suppress(*([FileNotFoundError] if missing_ok else [])):
            gcs.remove(self.uri)


Place = Path | GcsPath


def place_of(uri: str) -> Place:
    """The place that a path or gs:// name means."""
    return GcsPath(uri) if gcs.is_gcs(uri) else Path(uri)


def size(at: Place) -> int:
    """Bytes of a file. Raises FileNotFoundError where there is none."""
    if isinstance(at, Path):
        return at.stat().st_size
    found = gcs.size(at.uri)
    if found is None:
        raise FileNotFoundError("there is no such object")
    return found


def is_empty(folder: Place) -> bool:
    """Whether there is nothing in a folder, or no folder."""
    if isinstance(folder, GcsPath):
        return next(gcs.matches(f"{folder.uri}/"), None) is None
    return not any(folder.glob("*"))


def listed(folder: Place, pattern: str) -> list[Place]:
    """The files of a folder whose names match, in the order of names."""
    return sorted(folder.glob(pattern), key=str)


def side_by_side(folder: Place, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What `work` makes of each item of a folder, in their order; several at a time where each is a request."""
    if isinstance(folder, Path):
        yield from map(work, items)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(work, items)


@contextlib.contextmanager
def scratch(folder: Place) -> Iterator[Path]:
    """A folder on this machine for files that only make sense there, closed to others, for the time of the block.

    It is beside what it serves where that is on this machine too, so that what was made in it can be renamed into `folder`.
    """
    beside = str(folder) if isinstance(folder, Path) else None
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=beside) as made:
        yield Path(made)


@contextlib.contextmanager
def on_this_machine(file: Place) -> Iterator[Path]:
    """The file itself, or a copy of the object for the time of the block, for libraries that read files alone. Raises OSError."""
    if isinstance(file, Path):
        yield file
        return
    with scratch(file.parent) as folder:
        copy = folder / file.name
        copy.write_bytes(file.read_bytes())
        yield copy
