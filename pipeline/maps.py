"""Mapping files: who was who, CSV `id_old,id_new`, for whoever may know (`--write_uid_map`, `--write_patient_map`).

They are made of the spool of the operation, which grows with each written instance and over all its runs, so that they are
complete whichever run or worker wrote an instance, sorted, and without duplicates.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from transforms.model import spool
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import place_of, scratch
from transforms.model.storage import canonical, is_inside, replace
from transforms.model.workspace import OperationFolder
from transforms.provenance.identifiers import PATIENTS, UIDS

_HEADER = b"id_old,id_new\r\n"


def map_place(option: str, path: str, places: dict[str, str]) -> str:
    """The canonical path of a mapping file. Raises ConfigError where it may not be: in one of `places` (name of the place → path),
    on another machine, or in the stead of another file.
    """
    if "://" in path:
        raise ConfigError(option, "it is written on this machine, for its owner alone", "name a local path")
    place = Path(canonical(path))
    for name, folder in places.items():
        if is_inside(str(place), folder):
            raise ConfigError(option, f"it says who was who, and may not lie inside the {name}", "choose another folder")
    if place.is_dir() or (place.exists() and place.read_bytes()[: len(_HEADER)] != _HEADER):
        raise ConfigError(option, "something else stands there", "choose another name")
    return str(place)


def remember_maps(folder: OperationFolder, uid_map: str | None, patient_map: str | None) -> None:
    """Keep which files a run writes at its end; until then they are due."""
    _keep(folder, (uid_map, patient_map), due=bool(uid_map or patient_map))


def are_due(folder: OperationFolder) -> bool:
    """Whether the latest run has not come to write the files that it was asked for."""
    return _known(folder)[1]


def finish_maps(folder: OperationFolder) -> None:
    """Write the files that the latest run was asked for. Raises PreflightError."""
    paths, _ = _known(folder)
    _write(folder, paths)
    _keep(folder, paths, due=False)


def renew_maps(folder: OperationFolder) -> None:
    """Write anew those files of the latest run that are there, on this machine. Raises PreflightError."""
    _write(folder, [path if path and Path(path).exists() else None for path in _known(folder)[0]])


def maps_kept(folder: OperationFolder) -> list[str]:
    """The files of the latest run that are there, on this machine."""
    return [path for path in _known(folder)[0] if path and Path(path).exists()]


def _keep(folder: OperationFolder, paths: Sequence[str | None], due: bool) -> None:
    replace(folder.maps_file, json.dumps([paths, due]).encode() + b"\n")


def _known(folder: OperationFolder) -> tuple[list[str | None], bool]:
    """The two files, where they are asked for, and whether they are due."""
    try:
        paths, due = json.loads(folder.maps_file.read_bytes())
    except FileNotFoundError:  # no run came so far
        return [None, None], False
    return paths, due


def _write(folder: OperationFolder, paths: Sequence[str | None]) -> None:
    """Write files, mode 0600, in place of an earlier run's. Raises PreflightError."""
    for option, path, member in zip(("--write_uid_map", "--write_patient_map"), paths, (UIDS, PATIENTS), strict=True):
        if path is not None:
            try:
                with _sorted_pairs(folder, member) as pairs:
                    replace(Path(path), _lines(pairs), 0o600)
            except OSError as error:
                why = f"the mapping file cannot be written ({type(error).__name__})"
                raise PreflightError(option, why, "make its folder writable, then repeat the command") from None


def _lines(pairs: Iterator[tuple[str, str]]) -> Iterator[bytes]:
    yield _HEADER
    for pair in pairs:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(pair)
        yield line.getvalue().encode(errors="backslashreplace")


@contextlib.contextmanager
def _sorted_pairs(folder: OperationFolder, member: str) -> Iterator[Iterator[tuple[str, str]]]:
    """All pairs of written instances, sorted, each once; on disk, in the workspace, since there may be millions."""
    with scratch(place_of(folder.root)) as beside, contextlib.closing(sqlite3.connect(beside / "pairs.sqlite")) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE pairs (old BLOB, new BLOB, PRIMARY KEY (old, new)) WITHOUT ROWID")
        for name in spool.shard_names(folder.spool, held=False):
            rows = (pair for entry in spool.read_shard(folder.spool, name) for pair in entry[member])
            database.executemany("INSERT OR IGNORE INTO pairs VALUES (?, ?)", ([_coded(word) for word in row] for row in rows))
        found = database.execute("SELECT old, new FROM pairs ORDER BY old, new")
        yield ((old.decode(errors="surrogatepass"), new.decode(errors="surrogatepass")) for old, new in found)


def _coded(word: str) -> bytes:
    return word.encode(errors="surrogatepass")
