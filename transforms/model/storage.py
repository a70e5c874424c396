"""The one way to open, list and create files (DESIGN 20): create if absent, whole or not at all.

Local paths now; `gs://` joins behind the same three functions.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from transforms.model.errors import ConfigError

_GLOB = frozenset("*?[")


def check_local(option: str, uri: str) -> None:
    """Raise ConfigError unless `uri` is a local path; `option` is named in the message."""
    if "://" in uri:
        raise ConfigError(option, "only local paths are read and written by this version", "name a local path")


def list_files(source: str) -> Iterator[tuple[str, int]]:
    """Absolute path and size in bytes of each file of a directory (at any depth), glob, `.txt` list of paths, or file.

    In the order of the paths' names, without symbolic links to directories. A list has one path a line, absolute or
    relative to the list's folder. Raises ConfigError if nothing is there, if a folder cannot be read, or if a line
    of a list names no file: an instance is never left out silently.
    """
    root, empty = Path(source), True
    try:
        for path, size in _walk(root.resolve()) if root.is_dir() else _named(source):
            empty = False
            yield path, size
    except OSError:
        raise ConfigError("--source", "a folder or file in it cannot be read", "check its permissions") from None
    if empty:
        raise ConfigError("--source", "no file is there", "name a directory, a glob, a .txt list of paths, or a file")


def _walk(directory: Path) -> Iterator[tuple[str, int]]:
    """Files below, in order; one that is gone, or a link to nothing, has size 0: the reader will say what is wrong."""
    for name in sorted(os.listdir(directory)):  # noqa: PTH208 - names alone: a folder may hold millions
        path = directory / name
        try:
            status = path.stat()
        except FileNotFoundError:
            yield str(path), 0
            continue
        if stat.S_ISREG(status.st_mode):
            yield str(path), status.st_size
        elif stat.S_ISDIR(status.st_mode) and not path.is_symlink():
            yield from _walk(path)


def _named(source: str) -> Iterator[tuple[str, int]]:
    """The files that a file list, a path or a glob names, each once."""
    root = Path(source)
    if root.is_file():
        files = _listed(root) if root.suffix == ".txt" else [root]
    else:
        matches = glob.glob(source, recursive=True) if _GLOB & set(source) else []  # noqa: PTH207 - Path.glob takes no absolute pattern
        files = [Path(match) for match in matches if Path(match).is_file()]
    for file in sorted({file.resolve() for file in files}):
        yield str(file), file.stat().st_size


def _listed(file_list: Path) -> list[Path]:
    files = []
    for number, line in enumerate(file_list.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n"), 1):
        name = line.rstrip("\r")
        if not name.strip():
            continue
        if not (file_list.parent / name).is_file():
            raise ConfigError("--source", f"line {number} of the list names no file", "correct the list, or leave the line out")
        files.append(file_list.parent / name)
    return files


def canonical(source: str) -> str:
    """One spelling for one place: the absolute path without `.`, `..`, links or a trailing slash."""
    return str(Path(source).resolve())


def canonical_source(source: str) -> str:
    """The same for a source; of a glob, whose wildcards stay as they are, only the folder before them is resolved."""
    if _GLOB & set(source) and not Path(source).exists():
        folder = glob_folder(source)
        return str(Path(canonical(folder), Path(source).relative_to(folder)))
    return canonical(source)


def glob_folder(pattern: str) -> str:
    """The folder before a glob's first wildcard, as it is written; files that match lie below it."""
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if _GLOB & set(part)), len(parts))
    return str(Path(*parts[:fixed]))


def read_bytes(uri: str) -> bytes:
    """The whole content."""
    return Path(uri).read_bytes()


def read_start(uri: str, count: int) -> bytes:
    """The first `count` bytes, or all where there are fewer."""
    with Path(uri).open("rb") as file:
        return file.read(count)


def create_if_absent(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Put `content` at `path` in one step; False if something stands there already (which is left as it is).

    Nobody ever sees half of it, and a kill leaves nothing behind where the file system has O_TMPFILE.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return False
    with _unnamed(path.parent, mode) as (handle, name):
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        try:
            os.link(name, path, src_dir_fd=handle, follow_symlinks=True)  # a dir_fd makes it linkat(2), which alone follows /proc
        except FileExistsError:
            return False
    return True


def replace(path: Path, content: bytes | Iterable[bytes], mode: int = 0o600) -> None:
    """Put `content` (whole, or in parts) at `path` in one step, in place of what was there. For the workspace only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(handle)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _unnamed(directory: Path, mode: int) -> Iterator[tuple[int, str]]:
    """A file without a name in `directory` (Linux), or with a hidden one that is removed afterwards (elsewhere)."""
    try:
        handle = os.open(directory, os.O_TMPFILE | os.O_WRONLY, mode)
        name, hidden = f"/proc/self/fd/{handle}", None
    except (AttributeError, OSError):
        hidden = directory / f".{secrets.token_hex(8)}.partial"
        handle, name = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), str(hidden)
    try:
        yield handle, name
    finally:
        os.close(handle)
        if hidden is not None:
            hidden.unlink(missing_ok=True)
