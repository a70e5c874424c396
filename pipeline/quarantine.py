"""Where held instances wait for a person (`--quarantine`)."""

from __future__ import annotations

from pathlib import Path

from pipeline.operation import Operation
from pipeline.stores import remember_store
from transforms.model.dicom_store import DicomStore, is_store
from transforms.model.errors import ConfigError
from transforms.model.local_files import make_closed
from transforms.model.places import place_of
from transforms.model.storage import canonical, check_place, glob_folder, is_inside, remove, replace
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
    if not known:
        remove(folder.quarantine_file)  # of a first run that was refused after this
    if quarantine and not store:
        place = place_of(chosen)
        for made in (place.parent, place):
            if isinstance(made, Path):
                make_closed(made, _OPTION)
        replace(folder.quarantine_file, chosen.encode(errors="surrogateescape"))


def _known(folder: OperationFolder) -> str:
    """Where earlier runs held instances: the folder, or the name of the store."""
    found = quarantine_of(folder)
    return found.store.name if isinstance(found, StoreQuarantine) else found.name
