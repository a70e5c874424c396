"""Which instances a request chooses (`filterConfig.resourcePathsGcsUri`): studies, series and instances by their UIDs.

A list has one path a line, `/studies/UID`, `/studies/UID/series/UID` or `/studies/UID/series/UID/instances/UID`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping

from transforms.model.errors import ConfigError, PreflightError
from transforms.model.records import InstanceUids
from transforms.model.storage import read_bytes

_AT = "request.filterConfig.resourcePathsGcsUri"
_UID = r"([0-9.]{1,64})"
_PATH = re.compile(rf"/?studies/{_UID}(?:/series/{_UID}(?:/instances/{_UID})?)?/?")


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """What is on the list."""

    lines: Mapping[tuple[str, ...], int]
    """The UIDs of each path, from the study down, and the number of the first line that has it."""
    digest: str
    """SHA-256 of the list, in hex digits."""

    def naming(self, uids: InstanceUids) -> set[int]:
        """The numbers of the lines that name the instance, its series or its study."""
        whole = (uids.study, uids.series, uids.instance)
        return {self.lines[whole[:length]] for length in (1, 2, 3) if whole[:length] in self.lines}


@dataclasses.dataclass(frozen=True, slots=True)
class ChosenReference:
    """Where the list is; only this travels."""

    uri: str
    digest: str

    def load(self) -> Chosen:
        """The list. Raises ConfigError, and PreflightError where it is not the one the run began with."""
        found = read_chosen(self.uri)
        if found.digest != self.digest:
            raise PreflightError(_AT, "the list has changed since the run began", "start the run again")
        return found


def read_chosen(uri: str) -> Chosen:
    """The list that is there. Raises ConfigError, which names a line and quotes nothing of it."""
    try:
        content = read_bytes(uri)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(_AT, "the list cannot be read as UTF-8 text", "check its name and permissions") from None
    paths: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = _PATH.fullmatch(line.strip())
        if found is None:
            raise ConfigError(_AT, f"line {number} is no path", "write /studies/UID[/series/UID[/instances/UID]]")
        paths.setdefault(tuple(uid for uid in found.groups() if uid is not None), number)
    if not paths:
        raise ConfigError(_AT, "the list names nothing", "name studies, series or instances in it")
    return Chosen(paths, hashlib.sha256(content).hexdigest())
