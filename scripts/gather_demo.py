"""Copy the files of a list (`package/path` a line) from installed packages to a folder, under their own paths."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path


def gather(listing: Path, folder: Path) -> int:
    """Copy each listed file; the number copied. Raises FileNotFoundError naming a file that is not shipped."""
    names = [line for line in listing.read_text().splitlines() if line and not line.startswith("#")]
    for name in names:
        package, _, rest = name.partition("/")
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"{package} is not installed")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(spec.origin).parent / rest, target)
    return len(names)


if __name__ == "__main__":
    print(f"{gather(Path(sys.argv[1]), Path(sys.argv[2]))} real DICOM files gathered")
