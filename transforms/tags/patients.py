"""Who a patient is in the result: a keyed pseudonym and shift of dates, or what a patient map says.

A map is CSV, in UTF-8, with a line for each patient and these columns: `issuer` and `id` as in the source (Issuer of Patient ID,
which may be empty, and Patient ID), `subject` (the new Patient ID and name), and optionally `days` (the shift of all dates).
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import io
import re

from transforms.model.errors import ConfigError, PreflightError
from transforms.model.keys import PurposeKey
from transforms.model.plan import ActionPlan, PatientMode, PatientPlan
from transforms.model.storage import read_bytes
from transforms.tags.dates import patient_shift
from transforms.tags.pseudonym import patient_identity, pseudonym

_COLUMNS = ("issuer", "id", "subject")
_SUBJECT = re.compile(r"(?! )[ -~]{1,64}(?<! )")
_FORBIDDEN = frozenset("\\^=")
"""They part values (LO) and components and groups of a name (PN)."""
_MOST_DAYS = 36_500


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """What a map says of a patient."""

    name: str
    shift: dt.timedelta | None
    """None: the keyed shift."""


@dataclasses.dataclass(frozen=True, slots=True)
class PatientMap:
    """The patients of a map by `patient_identity`."""

    subjects: dict[bytes, Subject]
    digest: str
    """SHA-256 of the file, in hex digits."""


def read_patient_map(uri: str) -> PatientMap:
    """The map that is there. Raises ConfigError, which names a line and quotes nothing of it."""
    try:
        content = read_bytes(uri)
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        columns = list(rows.fieldnames or ())
        if not set(_COLUMNS) <= set(columns) <= {*_COLUMNS, "days"} or len(columns) != len(set(columns)):
            raise _refused(f"its first line is not {','.join(_COLUMNS)} or {','.join(_COLUMNS)},days")
        subjects: dict[bytes, Subject] = {}
        for row in rows:
            identity, subject = _read(row, rows.line_num)
            if identity in subjects:
                raise _refused(f"line {rows.line_num} names a patient again")
            subjects[identity] = subject
    except (OSError, UnicodeDecodeError, csv.Error):
        raise _refused("the file cannot be read as CSV in UTF-8") from None
    return PatientMap(subjects, hashlib.sha256(content).hexdigest())


def patient_plan(mode: str, map_uri: str | None) -> PatientPlan:
    """The plan of `--patient_id` and `--patient_map`. Raises ConfigError."""
    if map_uri and mode == PatientMode.EMPTY:
        raise ConfigError("--patient_id", "a patient map says what stands for each patient", "give --patient_map or --patient_id empty")
    return PatientPlan(PatientMode(mode), map_uri or "", read_patient_map(map_uri).digest if map_uri else "")


def with_patients(plan: ActionPlan, patients: PatientPlan) -> ActionPlan:
    """The plan with these patients. Raises ConfigError where the trial that it states would be without a subject (Type 1C)."""
    if plan.trial and patients.mode is PatientMode.EMPTY:
        why = "its subject is what stands for the patient, and --patient_id empty leaves nothing"
        raise ConfigError("config.dicomTagConfig.clinicalTrial", why, "choose one of them")
    return dataclasses.replace(plan, patients=patients)


def _read(row: dict[str, str], line: int) -> tuple[bytes, Subject]:
    if None in row or None in row.values():
        raise _refused(f"line {line} has not as many fields as the first")
    if not row["id"].strip():
        raise _refused(f"line {line} has no id")
    name, days = row["subject"].strip(), row.get("days", "").strip()
    if not _SUBJECT.fullmatch(name) or _FORBIDDEN & set(name):
        raise _refused(f"the subject in line {line} is not 1 to 64 ASCII characters without backslash, ^ and =")
    if days and (not re.fullmatch(r"[+-]?\d{1,5}", days) or not 0 < abs(int(days)) <= _MOST_DAYS):
        raise _refused(f"the days in line {line} are not a whole number from -{_MOST_DAYS} to {_MOST_DAYS} other than 0")
    return patient_identity(row["issuer"], row["id"], ""), Subject(name, dt.timedelta(days=int(days)) if days else None)


def _refused(why: str) -> ConfigError:
    return ConfigError("--patient_map", why, "correct the file")


class Patients:
    """Names and shifts of patients under a plan. Made once a worker."""

    def __init__(self, plan: PatientPlan, key: PurposeKey) -> None:
        """`key` is of Purpose.PATIENT. Raises ConfigError, and PreflightError where the map is not the one the run began with."""
        self._mode, self._key = plan.mode, key
        found = read_patient_map(plan.map_uri) if plan.map_uri else None
        if found is not None and found.digest != plan.map_digest:
            raise PreflightError("--patient_map", "the file has changed since the run began", "start the run again")
        self._subjects = found.subjects if found is not None else None

    def name(self, identity: bytes) -> str | None:
        """What stands for the patient in Patient ID and Patient's Name; None where they are to be empty."""
        if self._mode is PatientMode.EMPTY:
            return None
        subject = (self._subjects or {}).get(identity)
        return subject.name if subject is not None else pseudonym(self._key, identity)

    def shift(self, key: PurposeKey, identity: bytes) -> dt.timedelta:
        """The shift of the patient's dates; `key` is that of the transformation."""
        subject = (self._subjects or {}).get(identity)
        return subject.shift if subject is not None and subject.shift is not None else patient_shift(key, identity)

    def is_unlisted(self, identity: bytes) -> bool:
        """Whether there is a map and the patient is not in it."""
        return self._subjects is not None and identity not in self._subjects
