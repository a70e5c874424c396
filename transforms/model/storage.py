"""The one way to open, list and create files (DESIGN 20): create if absent, whole or not at all.

A name is a path on this machine (`local_files`) or gs://BUCKET/OBJECT (`gcs`); `places` are either, too. Everything here
raises OSError where the place cannot be reached or refuses, unless it says otherwise.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transforms.model import gcs, local_files
from transforms.model.errors import ConfigError
from transforms.model.large import LARGE, Content, View, kept
from transforms.model.local_files import WILDCARDS
from transforms.model.places import GcsPath, Place, place_of

_AT_ONCE = 8
"""Names of a list that are looked up at the same time: on Cloud Storage each is a request of its own."""


def check_place(option: str, uri: str) -> None:
    """Raise ConfigError unless `uri` is a local path or a name on Cloud Storage; `option` is named in the message."""
    if gcs.is_gcs(uri):
        gcs.split(uri, option)
    elif "://" in uri:
        raise ConfigError(option, "only paths and names on Cloud Storage are understood here", "name a path, or gs://BUCKET/FOLDER")


def list_files(source: str) -> Iterator[tuple[str, int]]:
    """Name and size in bytes of each file of a folder (at any depth), glob, `.txt` list of names, or file.

    In the order of names; local ones are absolute, and symbolic links to folders are not followed. A list has one name a
    line, whole or relative to the list's folder. Raises ConfigError if nothing is there, if a folder cannot be read, or
    if a line of a list names no file: an instance is never left out silently.
    """
    empty = True
    try:
        for found in _listed(source) if source.endswith(".txt") and _size(source) is not None else _matches(source):
            empty = False
            yield found
    except OSError:
        raise ConfigError("--source", "a folder or file in it cannot be read", "check its permissions") from None
    if empty:
        raise ConfigError("--source", "no file is there", "name a directory, a glob, a .txt list of paths, or a file")


def _matches(source: str) -> Iterator[tuple[str, int]]:
    return gcs.matches(source) if gcs.is_gcs(source) else local_files.matches(source)


def _listed(file_list: str) -> Iterator[tuple[str, int]]:
    """What the lines of a list name, each once, in the order of names."""
    names: dict[str, int] = {}
    for number, line in enumerate(read_bytes(file_list).decode("utf-8-sig", errors="surrogateescape").split("\n"), 1):
        name = line.rstrip("\r")
        if not name.strip():
            continue
        names.setdefault(canonical(name if gcs.is_gcs(name) else join(parent(file_list), name)), number)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(names, pool.map(_size, names), strict=True))
    for name, number in names.items():
        if found[name] is None:
            raise ConfigError("--source", f"line {number} of the list names no file", "correct the list, or leave the line out")
    yield from ((name, size) for name, size in sorted(found.items()) if size is not None)


def _size(uri: str) -> int | None:
    return gcs.size(uri) if gcs.is_gcs(uri) else local_files.size(uri)


def join(folder: str, name: str) -> str:
    """What `name` means in a folder: itself where it is whole already."""
    return f"{folder.rstrip('/')}/{name}" if gcs.is_gcs(folder) else str(Path(folder, name))


def parent(uri: str) -> str:
    """The folder that a file is in."""
    return uri.rpartition("/")[0] if gcs.is_gcs(uri) else str(Path(uri).parent)


def canonical(uri: str) -> str:
    """One spelling for one place: the absolute path without `.`, `..`, links or a trailing slash; on gs:// the latter alone."""
    return uri.rstrip("/") if gcs.is_gcs(uri) else str(Path(uri).resolve())


def canonical_source(source: str) -> str:
    """The same for a source; of a glob, whose wildcards stay as they are, only the folder before them is resolved."""
    if not gcs.is_gcs(source) and WILDCARDS & set(source) and not Path(source).exists():
        folder = glob_folder(source)
        return str(Path(canonical(folder), Path(source).relative_to(folder)))
    return canonical(source)


def glob_folder(pattern: str) -> str:
    """The folder before a glob's first wildcard, as it is written; files that match lie below it."""
    scheme = gcs.SCHEME if gcs.is_gcs(pattern) else ""
    parts = Path(pattern.removeprefix(scheme)).parts
    fixed = next((index for index, part in enumerate(parts) if WILDCARDS & set(part)), len(parts))
    return scheme + str(Path(*parts[:fixed]))


def read_bytes(uri: str) -> bytes:
    """The whole content."""
    return gcs.read(uri) if gcs.is_gcs(uri) else Path(uri).read_bytes()


def read_sized(uri: str, size: int) -> Content:
    """The whole content of a file of about so many bytes, a large one not in memory. Raises InstanceProblem NO_ROOM, too."""
    if size <= LARGE:
        return read_bytes(uri)
    if gcs.is_gcs(uri):
        return kept(functools.partial(gcs.read_into, uri), "read")
    with Path(uri).open("rb") as file:
        return kept(functools.partial(shutil.copyfileobj, file), "read")


def read_start(uri: str, count: int) -> bytes:
    """The first `count` bytes, or all where there are fewer."""
    if gcs.is_gcs(uri):
        return gcs.read_start(uri, count)
    with Path(uri).open("rb") as file:
        return file.read(count)


def is_inside(inner: str, outer: str) -> bool:
    """Whether one canonical name is another, or lies below it."""
    if gcs.is_gcs(inner) or gcs.is_gcs(outer):
        return inner == outer or inner.startswith(f"{outer}/")
    return Path(inner).is_relative_to(outer)


def create_if_absent(place: Place | str, content: Content, mode: int = 0o644) -> bool:
    """Put `content` there in one step; False if something stands there already (which is left as it is).

    Nobody ever sees half of it. `mode` is that of a local file.
    """
    if isinstance(place, GcsPath) or gcs.is_gcs(place):
        return gcs.create_if_absent(str(place), content)
    return local_files.create_if_absent(Path(place), content, mode)


def replace(place: Place | str, content: bytes | Iterable[View], mode: int = 0o600) -> None:
    """Put `content` (whole, or in parts) there in one step, in place of what was there. For the workspace only."""
    if isinstance(place, GcsPath) or gcs.is_gcs(place):
        gcs.replace(str(place), content)
    else:
        local_files.replace(Path(place), content, mode)


def move(file: Path, place: Place) -> None:
    """Put a file of `scratch` there in one step, in place of what was there."""
    if isinstance(place, Path):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.replace(place)
    else:
        gcs.upload(place.uri, file)


def remove(place: Place | str) -> None:
    """Take a file away, if there is one."""
    (place_of(place) if isinstance(place, str) else place).unlink(missing_ok=True)


def remove_all(folder: Place) -> None:
    """Take away all files of a folder."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(remove, (name for name, _ in gcs.matches(f"{folder}/"))))
