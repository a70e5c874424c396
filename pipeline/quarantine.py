"""Where held instances wait for a person (`--quarantine`)."""

from __future__ import annotations

from pathlib import Path

from pipeline.operation import Operation
from pipeline.stores import remember_store
from transforms.model.dicom_store import DicomStore, is_store
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import Place, place_of
from transforms.model.storage import canonical, check_place, glob_folder, is_inside, replace
from transforms.model.workspace import OperationFolder
from transforms.write.quarantine import StoreQuarantine, quarantine_of

_OPTION = "--quarantine"


def quarantine_apart(given: str | None, store: DicomStore | None, source: str, destination: str) -> str | None:
    """The canonical folder, or the name of the `store`, if one is given.

    Raises ConfigError where it may not be: it is neither to be published nor to be read.
    """
    if not given:
        return None
    if store is None:
        check_place(_OPTION, given)
    found = store.name if store else canonical(given)
    for name, other in (("source", glob_folder(source)), ("destination", destination)):
        if found == other or (store is None and not is_store(other) and (is_inside(found, other) or is_inside(other, found))):
            raise ConfigError(_OPTION, f"it is confidential, and has to lie apart from the {name}", "choose another place")
    return found


def settle_quarantine(operation: Operation, quarantine: str | None, store: DicomStore | None, known: bool) -> None:
    """Give the operation a folder of its own in the quarantine, closed to others, or the store, for all its runs.

    `known`: it has had some. Raises ConfigError where its earlier runs hold instances elsewhere, and PreflightError where the
    folder cannot be made.
    """
    folder = operation.folder
    chosen = str(place_of(quarantine) / folder.operation_id) if quarantine and not store else str(folder.quarantine)
    if known and _known(folder) != (store.name if store else chosen):
        raise ConfigError(_OPTION, "earlier runs of this operation hold instances elsewhere", "leave it as it was")
    remember_store(folder.quarantine_store_file, store)
    if quarantine and not store:
        _close(place_of(chosen))
        replace(folder.quarantine_file, chosen.encode(errors="surrogateescape"))


def _known(folder: OperationFolder) -> str:
    """Where earlier runs held instances: the folder, or the name of the store."""
    found = quarantine_of(folder)
    return found.store.name if isinstance(found, StoreQuarantine) else found.name


def _close(place: Place) -> None:
    """Make the folder of an operation, if it is on this machine, and close it and that of the quarantine."""
    if not isinstance(place, Path):
        return
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.parent.chmod(0o700)
    except OSError as error:
        why = f"the folder cannot be made, or closed to others ({error.strerror})"
        raise PreflightError(_OPTION, why, "name a folder of your own on a disk that can be written") from None
