"""Where held instances wait for a person (`--quarantine`)."""

from __future__ import annotations

from pathlib import Path

from pipeline.operation import Operation
from transforms.model.dicom_store import is_store
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import place_of
from transforms.model.storage import canonical, check_place, glob_folder, is_inside, replace
from transforms.write.paths import quarantine_of

_OPTION = "--quarantine"


def quarantine_apart(given: str | None, source: str, destination: str) -> str | None:
    """The canonical folder, if one is given. Raises ConfigError where it may not be: it is neither to be published nor to be read."""
    if not given:
        return None
    if is_store(given):
        why = "held instances may share a UID, which a store does not allow, and their reasons have no place in one"
        raise ConfigError(_OPTION, why, "name a folder or gs://BUCKET/FOLDER", given)
    check_place(_OPTION, given)
    folder = canonical(given)
    for name, other in (("source", glob_folder(source)), ("destination", destination)):
        if is_inside(folder, other) or is_inside(other, folder):
            raise ConfigError(_OPTION, f"it is confidential, and has to lie apart from the {name}", "choose another folder")
    return folder


def settle_quarantine(operation: Operation, quarantine: str | None, known: bool) -> None:
    """Give the operation a folder of its own in the quarantine, closed to others, for all its runs; `known`: it has had some.

    Raises ConfigError where its earlier runs hold instances elsewhere, and PreflightError where the folder cannot be made.
    """
    folder = operation.folder
    chosen = str(place_of(quarantine) / folder.operation_id) if quarantine else str(folder.quarantine)
    if known and str(quarantine_of(folder)) != chosen:
        raise ConfigError(_OPTION, "earlier runs of this operation hold instances elsewhere", "leave it as it was")
    if not quarantine:
        return
    place = place_of(chosen)
    if isinstance(place, Path):
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.parent.chmod(0o700)
        except OSError as error:
            why = f"the folder cannot be made, or closed to others ({error.strerror})"
            raise PreflightError(_OPTION, why, "name a folder of your own on a disk that can be written") from None
    replace(folder.quarantine_file, chosen.encode(errors="surrogateescape"))
