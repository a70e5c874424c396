"""The one way to open, list and create files (DESIGN 20): create if absent, whole or not at all.

A name is a path on this machine (`local_files`) or gs://BUCKET/OBJECT (`gcs`); a Path is always on this machine. Everything
here raises OSError where the place cannot be reached or refuses, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transforms.model import gcs, local_files
from transforms.model.errors import ConfigError
from transforms.model.local_files import WILDCARDS

_AT_ONCE = 8
"""Names of a list that are looked up at the same time: on Cloud Storage each is a request of its own."""


def check_local(option: str, uri: str) -> None:
    """Raise ConfigError unless `uri` is a local path; `option` is named in the message."""
    if "://" in uri:
        raise ConfigError(option, "only local paths are read and written by this version", "name a local path")


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


def read_start(uri: str, count: int) -> bytes:
    """The first `count` bytes, or all where there are fewer."""
    if gcs.is_gcs(uri):
        return gcs.read_start(uri, count)
    with Path(uri).open("rb") as file:
        return file.read(count)


def create_if_absent(place: Path | str, content: bytes, mode: int = 0o644) -> bool:
    """Put `content` there in one step; False if something stands there already (which is left as it is).

    Nobody ever sees half of it. `mode` is that of a local file.
    """
    if isinstance(place, str) and gcs.is_gcs(place):
        return gcs.create_if_absent(place, content)
    return local_files.create_if_absent(Path(place), content, mode)


def replace(place: Path | str, content: bytes | Iterable[bytes], mode: int = 0o600) -> None:
    """Put `content` (whole, or in parts) there in one step, in place of what was there. For the workspace only."""
    if isinstance(place, str) and gcs.is_gcs(place):
        gcs.replace(place, content)
    else:
        local_files.replace(Path(place), content, mode)


def remove(place: Path | str) -> None:
    """Take a file away, if there is one."""
    if isinstance(place, str) and gcs.is_gcs(place):
        gcs.remove(place)
    else:
        Path(place).unlink(missing_ok=True)
