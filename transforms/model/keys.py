"""One secret, and from it a key for each purpose by HKDF with fixed labels (DESIGN 4).

Only a `KeyReference` is ever pickled or written down; a `Secret` exists in a process after `load`.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import hmac
import re
import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from transforms.model.errors import PreflightError
from transforms.model.key_material import is_wrapped, read_material, shown
from transforms.model.places import Place
from transforms.model.storage import create_if_absent

KEY_BYTES = 32
AES_LENGTHS = (16, 24, 32)
"""Bytes of a key in a config (API: CryptoHashConfig, DateShiftConfig)."""


class Purpose(enum.StrEnum):
    """The fixed HKDF labels; a value made for one purpose says nothing about another."""

    UID = "uid"
    DATE = "date"
    HASH = "hash"
    PATIENT = "patient"
    OPERATION = "operation"
    PROVENANCE = "provenance"


class PurposeKey:
    """HMAC-SHA256 under the key of one purpose. Refuses to be pickled or shown."""

    def __init__(self, material: bytes) -> None:
        self._material = material

    def digest(self, data: bytes) -> bytes:
        """32 bytes of HMAC-SHA256 over `data`."""
        return hmac.digest(self._material, data, "sha256")

    def hex(self, *parts: str, digits: int = 32) -> str:
        """`digits` (at most 64) lower-case hex digits over the parts, which are kept apart by their lengths."""
        encoded = [part.encode(errors="surrogatepass") for part in parts]  # file names need not be valid UTF-8
        return self.digest(b"".join(len(part).to_bytes(8, "big") + part for part in encoded)).hex()[:digits]

    def integer(self, data: bytes, below: int) -> int:
        """An integer in [0, below); the bias is under 2**-200 for any `below` in use."""
        return int.from_bytes(self.digest(data), "big") % below

    def __reduce__(self) -> str:
        raise TypeError("key material is never serialised")

    def __repr__(self) -> str:
        return "PurposeKey(...)"


def fingerprint(material: bytes) -> str:
    """Eight hex digits that tell two keys apart and nothing else."""
    return hashlib.sha256(b"dicom-deid/fingerprint" + material).hexdigest()[:8]


class Secret:
    """The run's one secret of 32 bytes."""

    def __init__(self, material: bytes) -> None:
        if len(material) != KEY_BYTES:
            raise ValueError(f"the secret has {KEY_BYTES} bytes")
        self._material = material

    def purpose(self, purpose: Purpose) -> PurposeKey:
        """The key of one purpose (HKDF-SHA256, no salt, `info` = dicom-deid/<purpose>)."""
        return _derived(self._material, purpose)

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that tell two keys apart and nothing else."""
        return fingerprint(self._material)

    def __reduce__(self) -> str:
        raise TypeError("key material is never serialised")

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"


@dataclasses.dataclass(frozen=True)
class KeyReference:
    """Where key material is, in one of the forms of `key_material`: 64 hex digits, or what Cloud KMS unwraps to 32 bytes."""

    uri: str

    def load(self) -> Secret:
        """The secret. Raises PreflightError that never shows the content: what was given for a name may be the key itself."""
        why, mend = "the key is not 64 hex digits", "make one with: openssl rand -hex 32"
        return Secret(self._bytes("--key_uri", why, mend, (KEY_BYTES,)))

    def purpose_key(self, purpose: Purpose) -> PurposeKey:
        """The key of one purpose, made of a config's key of AES length instead of the run's secret. Raises PreflightError."""
        why, mend = "this is no key of 128, 192 or 256 bits", "give the config with its key again"
        return _derived(self._bytes("config.text", why, mend, AES_LENGTHS), purpose)

    def _bytes(self, at: str, why: str, mend: str, lengths: tuple[int, ...]) -> bytes:
        content = read_material(self.uri, at)
        if is_wrapped(self.uri) and len(content) in lengths:
            return content
        digits = content.strip()
        if not re.fullmatch(rb"[0-9a-fA-F]*", digits) or len(digits) not in {2 * length for length in lengths}:
            raise PreflightError(at, why, mend, shown(self.uri))
        return bytes.fromhex(digits.decode("ascii"))


def _derived(material: bytes, purpose: Purpose) -> PurposeKey:
    info = f"dicom-deid/{purpose.value}".encode()
    return PurposeKey(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(material))


def make_key_file(path: Place) -> None:
    """Make a fresh secret at `path` with mode 0600, unless there is a file already; never seen half written."""
    create_if_absent(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode(), 0o600)
