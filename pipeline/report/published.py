"""What was published, looked at where it stands: the modality of a series, and frames for the gallery.

Only the destination is read, so only de-identified pixels are ever shown; what is held stays unseen.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.model.places import Place
from transforms.model.records import InstanceUids
from transforms.model.workspace import OperationFolder
from transforms.pixels import codecs
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings
from transforms.write.paths import destination_path

NOT_FOUND = "file not found"
"""In place of a modality, where the destination is not where the run had it."""
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")


class Published:
    """The published files of a workspace's operations, by the ids of their Provenance."""

    def __init__(self, operations: Mapping[str, OperationFolder]) -> None:
        self._destinations = {name: _destination(folder) for name, folder in operations.items()}

    def modality(self, row: Mapping[str, Any]) -> str:
        """That of a series, from one of its instances, since all have the same (PS3.3 C.7.3.1); `row` names Operation and UIDs."""
        path = self._path(row)
        if path is None:
            return NOT_FOUND
        try:
            dataset = pydicom.dcmread(path.open("rb"), stop_before_pixels=True, specific_tags=["Modality"])
        except Exception:  # noqa: BLE001 - the parser raises what it likes
            return NOT_FOUND
        modality = str(dataset.get("Modality") or "")
        return modality if _CODE.fullmatch(modality) else "not stated"

    def frame(self, row: Mapping[str, Any]) -> NDArray[np.uint8] | None:
        """A frame (`row["Frame"]`, from 0) as a viewer first shows it, (rows, columns) or (rows, columns, 3); None if it cannot be read."""
        path = self._path(row)
        if path is None:
            return None
        try:
            dataset = pydicom.dcmread(io.BytesIO(path.read_bytes()))
            description = PixelDescription.from_dataset(dataset)
            coded = locate(dataset, description).frame(row["Frame"])
            first, *others = renderings(codecs.decode(coded, description), dataset, row["Frame"])
        except Exception:  # noqa: BLE001 - a picture that cannot be shown is told, and takes nothing else with it
            return None
        return others[0] if others else first

    def _path(self, row: Mapping[str, Any]) -> Place | None:
        destination = self._destinations.get(row["Operation"])
        if destination is None:
            return None
        try:
            path = destination_path(destination, InstanceUids(row["Study"], row["Series"], row["Instance"]))
        except InstanceProblem:
            return None
        return path if path.is_file() else None


def _destination(folder: OperationFolder) -> str | None:
    try:
        return folder.destination_file.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
