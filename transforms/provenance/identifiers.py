"""Which identifiers of an instance were replaced by which: what the mapping files are made of. Confidential."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.model.records import Action, TagFinding

UIDS, PATIENTS = "uids", "patients"
"""The members of a spool entry that hold pairs of old and new."""
_PATIENT_ID = "00100020"


def replaced_identifiers(findings: Iterable[TagFinding]) -> dict[str, list[list[str]]]:
    """Pairs of old and new without padding, sorted, each once: of UIDs, and of Patient IDs that another stands for."""
    uids: set[tuple[str, str]] = set()
    patients: set[tuple[str, str]] = set()
    for finding in findings:
        old, new = finding.original or "", finding.replaced or ""
        if finding.action is Action.REGENERATED_UID:
            uids |= _pairs(old.split("\\"), new.split("\\"))
        elif finding.tag == _PATIENT_ID and finding.action is Action.RESET:
            patients |= _pairs([old], [new])
    return {UIDS: [list(pair) for pair in sorted(uids)], PATIENTS: [list(pair) for pair in sorted(patients)]}


def _pairs(old: Iterable[str], new: Iterable[str]) -> set[tuple[str, str]]:
    stripped = ((one.strip(" \0"), other.strip(" \0")) for one, other in zip(old, new, strict=True))
    return {(one, other) for one, other in stripped if one and other and one != other}
