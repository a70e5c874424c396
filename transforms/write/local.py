"""Publishing to a folder, on disk or Cloud Storage: whole or not at all, and never over something else."""

from __future__ import annotations

from transforms.model.errors import InstanceProblem
from transforms.model.large import Content, digest_of, equal, pieces
from transforms.model.places import Place, size
from transforms.model.storage import create_if_absent, read_sized, replace


def publish(path: Place, content: Content) -> None:
    """Put an instance into the destination; a file of equal bytes there is an earlier run's, and fine.

    Raises InstanceProblem: DESTINATION_EXISTS where a file of other bytes stands (it is left as it is), CANNOT_WRITE.
    """
    try:
        if create_if_absent(path, content) or _equals(path, content):
            return
    except OSError as error:
        raise _cannot_write("destination", error) from None
    raise _another()


def is_taken(path: Place) -> bool:
    """Whether anything stands at `path`. Raises InstanceProblem (CANNOT_WRITE)."""
    try:
        return path.exists()
    except OSError as error:
        raise _cannot_write("destination", error) from None


def quarantine(path: Place, content: Content) -> None:
    """Put a held instance into the quarantine, readable by its owner only, in place of an earlier run's.

    Raises InstanceProblem (CANNOT_WRITE).
    """
    try:
        replace(path, content if isinstance(content, bytes) else pieces(content), 0o600)
    except OSError as error:
        raise _cannot_write("quarantine", error) from None


def holds(path: Place, content: Content) -> bool:
    """Whether these very bytes stand at `path`; False where nothing does. Raises InstanceProblem as `publish` does."""
    try:
        if not path.exists():
            return False
        if _equals(path, content):
            return True
    except OSError as error:
        raise _cannot_write("destination", error) from None
    raise _another()


def digest(path: Place) -> str | None:
    """The SHA-256 of the file at `path` in hex; None where there is none. Raises InstanceProblem (CANNOT_WRITE, NO_ROOM)."""
    try:
        return digest_of(read_sized(str(path), size(path))).hex() if path.is_file() else None
    except OSError as error:
        raise _cannot_write("destination", error) from None


def remove(path: Place, where: str) -> None:
    """Take a file away that an earlier run may have left, in the destination or the quarantine. Raises InstanceProblem (CANNOT_WRITE)."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(where, error) from None


def _another() -> InstanceProblem:
    sentence = "the destination holds another file of that name; use an empty destination for another config or key"
    return InstanceProblem("write", "DESTINATION_EXISTS", sentence)


def _equals(path: Place, content: Content) -> bool:
    return size(path) == len(content) and equal(pieces(read_sized(str(path), len(content))), content)


def _cannot_write(where: str, error: OSError) -> InstanceProblem:
    number = f", error number {error.errno}" if error.errno is not None else ""
    return InstanceProblem("write", "CANNOT_WRITE", f"the {where} refuses the file ({type(error).__name__}{number})")
