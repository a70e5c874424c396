"""Files on this machine, by the functions of `storage`: created by a hard link of a file without a name, replaced by a rename."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from transforms.model.errors import PreflightError
from transforms.model.large import Content, View, pieces

WILDCARDS = frozenset("*?[")


def walk(directory: Path) -> Iterator[tuple[str, int]]:
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
            yield from walk(path)


def matches(source: str) -> Iterator[tuple[str, int]]:
    """The files that a folder (at any depth, without symbolic links to directories), a path or a glob names, each once."""
    root = Path(source)
    if root.is_dir():
        yield from walk(root.resolve())
        return
    found = [source]
    if not root.is_file():
        found = glob.glob(source, recursive=True) if WILDCARDS & set(source) else []  # noqa: PTH207 - Path.glob takes no absolute pattern
    for file in sorted({Path(match).resolve() for match in found if Path(match).is_file()}):
        yield str(file), file.stat().st_size


def size(path: str) -> int | None:
    """Bytes of a file; None where no file is."""
    return Path(path).stat().st_size if Path(path).is_file() else None


def make_closed(folder: Path, option: str) -> None:
    """Make a folder, closed to others. Raises PreflightError for the option where it cannot be ours alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        why = f"the folder cannot be made, or closed to others ({os.strerror(error.errno or 0)})"
        raise PreflightError(option, why, "name a folder of your own on a disk that can be written") from None


def create_if_absent(path: Path, content: Content, mode: int = 0o644) -> bool:
    """Put `content` at `path` in one step; False if something stands there already (which is left as it is).

    Nobody ever sees half of it, and a kill leaves nothing behind where the file system has O_TMPFILE.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return False
    with _unnamed(path.parent, mode) as (handle, name):
        with os.fdopen(os.dup(handle), "wb") as file:
            file.writelines(pieces(content))
            file.flush()
            os.fsync(handle)
        try:
            os.link(name, path, src_dir_fd=handle, follow_symlinks=True)  # a dir_fd makes it linkat(2), which alone follows /proc
        except FileExistsError:
            return False
    return True


def replace(path: Path, content: bytes | Iterable[View], mode: int = 0o600) -> None:
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
