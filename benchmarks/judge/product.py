"""Runs of the product itself: the configs that go with the planter's policies, each in a process as a user starts it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.judge.policies import BASIC, CONTENTS, DATES, KEPT, KEPT_SEQUENCES, LISTED, MINIMAL, RETAINED, STRUCTURED

KEY = "6a" * 32
"""For synthetic sets only: two runs agree because they have the same key."""
_IMAGE = {"textRedactionMode": "REDACT_ALL_TEXT"}


def _basic(**more: Any) -> dict[str, Any]:
    options = {"cleanImage": _IMAGE, **({"cleanDescriptors": {}} if more else {})}
    tags = {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "options": options}
    return {"dicomTagConfig": {**tags, "ps315Options": more} if more else tags}


CONFIGS: Mapping[str, dict[str, Any]] = {
    BASIC: _basic(),
    DATES: _basic(retainLongitudinalModifiedDates=True),
    STRUCTURED: _basic(retainLongitudinalModifiedDates=True, cleanStructuredContent=True, cleanGraphics=True),
    CONTENTS: {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "image": _IMAGE},
    RETAINED: _basic(
        retainUids=True,
        retainDeviceIdentity=True,
        retainInstitutionIdentity=True,
        retainPatientCharacteristics=True,
        retainLongitudinalFullDates=True,
    ),
    MINIMAL: {"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}, "image": _IMAGE},
    LISTED: {"dicom": {"keepList": {"tags": sorted(KEPT | KEPT_SEQUENCES)}}, "image": _IMAGE},
}
"""Policy → config. That of `contents` is the request on the API's page on operation metadata."""
UID_MAP = "uids.csv"
"""In the folder of a run: how UIDs were mapped (id_old, id_new)."""


def run(policy: str, source: Path, folder: Path) -> tuple[Path, float]:
    """De-identify a folder under a policy; returns the destination and CPU seconds. `folder` gets all that the run writes.

    Raises RuntimeError with the run's output where it broke off.
    """
    folder.mkdir(parents=True)
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIGS[policy]), encoding="utf-8")
    destination = folder / "destination"
    command = [str(Path(sys.executable).with_name("dicom-deid")), "run", "--allow_identifiable", "--key_uri", "env:JUDGE_KEY"]
    places = {"--source": source, "--destination": destination, "--workspace": folder / "workspace", "--config": config}
    places["--write_uid_map"] = folder / UID_MAP
    command += [str(word) for option in places.items() for word in option]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "JUDGE_KEY": KEY}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S603 - the product itself
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the run ended with {done.returncode}:\n{done.stdout}")
    return destination, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
