"""How much of what was found a Provenance repeats: `--provenance_phi include|hash|omit` (DESIGN 9).

It governs `quote`, `text-original`, `extracted-text` and the name of the source instance. `text-replaced` and the
target's name are part of the de-identified output and stay (where a plan keeps the UIDs, the target's are the source's).
"""

from __future__ import annotations

import dataclasses
import enum

from transforms.model.keys import PurposeKey
from transforms.model.names import instance_name
from transforms.model.records import InstanceUids
from transforms.provenance.values import MAX_TEXT, text_value

HASH_DIGITS = 32


class Phi(enum.StrEnum):
    """The three answers; `include` is the API page's behaviour."""

    INCLUDE = "include"
    HASH = "hash"
    OMIT = "omit"

    @property
    def policy(self) -> str:
        """A URI that tells a reader of the operation's Provenance what stands in place of texts."""
        return f"urn:dicom-deid:provenance-phi:{self.value}"


@dataclasses.dataclass(frozen=True)
class Disclosure:
    """One answer, applied. `key` is of `Purpose.HASH`: equal texts, UIDs among them, have equal hashes in
    every run with the key.
    """

    phi: Phi
    key: PurposeKey

    def text(self, text: str | None, limit: int = MAX_TEXT) -> str | None:
        """An original text as it may stand in the resource; None where nothing may."""
        value = text_value(text, limit)
        if value is None or text is None or self.phi is Phi.OMIT:
            return None
        return self._hash(text) if self.phi is Phi.HASH else value

    def source(self, store: str, uids: InstanceUids) -> str:
        """The source instance's name: in full, with a hash for each UID, or the store alone."""
        if self.phi is Phi.OMIT:
            return store
        if self.phi is Phi.INCLUDE:
            return instance_name(store, uids)
        hashed = (self._hash(uid) for uid in (uids.study, uids.series, uids.instance))
        return instance_name(store, InstanceUids(*hashed))

    def _hash(self, text: str) -> str:
        return self.key.digest(text.encode("utf-8", "surrogatepass")).hex()[:HASH_DIGITS]
