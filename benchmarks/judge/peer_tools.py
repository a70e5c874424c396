"""Peers that have no command for a folder, as their documentation calls them; run by the interpreter of the peers' own environment.

    python peer_tools.py deid|openmed SOURCE DESTINATION

A file that the tool refuses is left out, as the tool leaves it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def deid(files: list[Path], destination: Path) -> None:
    """deid's default recipe, private elements removed."""
    header = importlib.import_module("deid.dicom")
    recipe = importlib.import_module("deid.config").DeidRecipe()
    for path in files:
        header.replace_identifiers([str(path)], deid=recipe, remove_private=True, save=True, overwrite=True, output_folder=str(destination))


def openmed(files: list[Path], destination: Path) -> None:
    """openmed's headers: its Basic Profile. Its pixel step asks for a model that no package carries."""
    dicom = importlib.import_module("openmed.multimodal.dicom")
    for path in files:
        policy = {"output_path": destination / path.name, "uid_salt": "judge", "date_shift_secret": "judge"}
        dicom.deidentify_dicom_headers(path, policy=policy)


def main() -> int:
    """De-identify file by file; 1 if the tool refused any."""
    tool = {"deid": deid, "openmed": openmed}[sys.argv[1]]
    refused = 0
    for path in sorted(Path(sys.argv[2]).iterdir()):
        try:
            tool([path], Path(sys.argv[3]))
        except Exception as error:  # noqa: BLE001 - whatever a foreign tool raises
            refused += 1
            print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
