"""One keyed pseudonym for a patient, fit for PatientID (LO) and PatientName (PN) alike (PS3.15 E.1.1, code Z)."""

from __future__ import annotations

from transforms.model.keys import PurposeKey

LENGTH = 16
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Consonants only: neither a name nor a number can come about by chance. 20**16 is over 2**69."""


def patient_identity(issuer: str, patient_id: str, study_uid: str) -> bytes:
    """What identifies the patient: PatientID within its issuer, without padding, else the study (DESIGN 4)."""
    patient = patient_id.strip(" \0")
    parts = ("id", issuer.strip(" \0"), patient) if patient else ("study", study_uid.strip(" \0"))
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in encoded)


def pseudonym(key: PurposeKey, identity: bytes) -> str:
    """The 16 letters that stand for a patient; `key` is of Purpose.PATIENT, `identity` from `patient_identity`."""
    number = key.integer(identity, below=len(ALPHABET) ** LENGTH)
    letters = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)
