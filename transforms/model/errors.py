"""The four families of expected faults; each renders to one sentence that a person can act on."""

from __future__ import annotations

import dataclasses
import enum


class OutcomeKind(enum.StrEnum):
    """What became of one instance (DESIGN, Four outcomes)."""

    WRITTEN = "written"
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclasses.dataclass
class _Explained(Exception):  # noqa: N818 - its subclasses are the errors
    """Fields instead of prose: where, what was found, why that is wrong, and the mend. Never PHI."""

    at: str
    why: str
    mend: str
    got: str = ""

    def __str__(self) -> str:
        found = f" is {self.got!r}" if self.got else ""
        return f"{self.at}{found}: {self.why}; {self.mend}."

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        return type(self), (self.at, self.why, self.mend, self.got)


class ConfigError(_Explained):
    """A wrong option, request or DeidentifyConfig; `at` is the option's name or the JSON path. Exit code 2."""


class PreflightError(_Explained):
    """The run cannot start: a store, key or workspace does not meet a requirement. Exit code 2."""


class StoreError(_Explained):
    """A store answered what it should not have, after all tries."""


class InstanceProblem(Exception):  # noqa: N818 - the field's word is outcome; it is not an error of the program
    """One instance cannot go on: it becomes an outcome with this stage, code and sentence.

    `code` is upper snake case and stable; `sentence` never holds a value, a source name or text of the instance.
    """

    def __init__(self, stage: str, code: str, sentence: str, kind: OutcomeKind = OutcomeKind.FAILED) -> None:
        super().__init__(stage, code, sentence, kind)
        self.stage, self.code, self.sentence, self.kind = stage, code, sentence, kind

    def __str__(self) -> str:
        return f"{self.stage} {self.code}: {self.sentence}"


class CancelledError(Exception):
    """The operation was cancelled, or the run given up: it ends here, and publishes nothing more."""
