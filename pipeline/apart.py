"""Source, destination and workspace of a run lie apart: what is confidential is not published, and what is published not read."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from transforms.model.errors import ConfigError
from transforms.model.local_files import WILDCARDS
from transforms.model.storage import canonical, glob_folder, is_inside


def keep_apart(source: str, destination: str, workspace: str) -> None:
    """Raise ConfigError where one of the canonical places lies in another; a workspace may be beside a source that is one file."""
    source = glob_folder(source) if "**" in source else source
    inside = {
        "--workspace": (workspace, destination, "the workspace is confidential and may not lie inside the destination"),
        "--destination": (destination, source, "the destination may not lie inside the source"),
    }
    for option, (inner, outer, why) in inside.items():
        if is_inside(inner, outer):
            raise ConfigError(option, why, "choose another folder")
    if is_inside(destination, workspace):
        raise ConfigError("--destination", "what is published may not lie inside the confidential workspace", "choose another folder")
    if is_inside(workspace, source) and (workspace != source or Path(source).is_dir()):
        raise ConfigError("--workspace", "the workspace may not lie inside the source", "choose another folder")


def keep_staged_apart(staged: Mapping[str, str], source: str, destination: str) -> None:
    """Raise ConfigError where a job is staged, or keeps what it has in hand, among what it reads or publishes.

    `staged`: gs:// names by their options without dashes; the other two may be DICOM stores, in which no file lies.
    """
    destination = canonical(destination)
    for option, name in staged.items():
        place = canonical(name)
        if is_inside(place, destination) or is_inside(destination, place):
            raise ConfigError(f"--{option}", "what a job leaves there has to lie apart from what is published", "choose another folder")
        if _reads_below(source, place):
            raise ConfigError(f"--{option}", "what a job leaves there would be read as the source", "choose another folder")


def _reads_below(source: str, place: str) -> bool:
    """Whether a source may have files below a place: a folder has all, and a glob without ** those of its own depth."""
    if "**" in source or not WILDCARDS & set(source):
        return is_inside(place, canonical(glob_folder(source)))
    asked, given = source.split("/"), place.split("/")
    return len(asked) > len(given) and all(map(fnmatchcase, given, asked))
