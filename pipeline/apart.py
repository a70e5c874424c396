"""Source, destination and workspace of a run lie apart: what is confidential is not published, and what is published not read."""

from __future__ import annotations

from pathlib import Path

from transforms.model.errors import ConfigError
from transforms.model.storage import glob_folder, is_inside


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
