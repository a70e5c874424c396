"""One secret, and from it a key for each purpose by HKDF with fixed labels (DESIGN 4).

Only a `KeyReference` is ever pickled or written down; a `Secret` exists in a process after `load`.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from transforms.model.errors import PreflightError
from transforms.model.storage import create_if_absent

KEY_BYTES = 32


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
    """Where the secret is: `file:PATH` or `env:NAME`, each holding 64 hex digits."""

    uri: str

    def load(self) -> Secret:
        """The secret. Raises PreflightError that never shows the content: what was given for a name may be the key itself."""
        return Secret(self._bytes("the key is not 64 hex digits", "make one with: openssl rand -hex 32", (KEY_BYTES,)))

    def purpose_key(self, purpose: Purpose) -> PurposeKey:
        """The key of one purpose, made of a `cryptoKey` of AES length instead of the run's secret. Raises PreflightError."""
        mend = "give the config with its cryptoKey again"
        return _derived(self._bytes("this is no key of 128, 192 or 256 bits in hex digits", mend, (16, 24, 32)), purpose)

    def _bytes(self, why: str, mend: str, lengths: tuple[int, ...]) -> bytes:
        scheme, _, rest = self.uri.partition(":")
        if scheme == "file" and rest:
            try:
                text = Path(rest).read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError):
                raise PreflightError(
                    "--key_uri", "the key file cannot be read as text", "check its path and permissions", self._shown
                ) from None
        elif scheme == "env" and rest:
            text = os.environ.get(rest, "")
        else:
            raise PreflightError(
                "--key_uri", "only file:PATH and env:NAME are understood", "name the key in one of these forms", self._shown
            )
        digits = text.strip()
        if not re.fullmatch(r"[0-9a-fA-F]*", digits) or len(digits) not in {2 * length for length in lengths}:
            raise PreflightError("--key_uri", why, mend, self._shown)
        return bytes.fromhex(digits)

    @property
    def _shown(self) -> str:
        """The reference for a message; nothing where the key itself may have been given in place of its name."""
        return "" if re.search(r"[0-9a-fA-F]{32}", self.uri) else self.uri


def _derived(material: bytes, purpose: Purpose) -> PurposeKey:
    info = f"dicom-deid/{purpose.value}".encode()
    return PurposeKey(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(material))


def make_key_file(path: Path) -> None:
    """Make a fresh secret at `path` with mode 0600, unless there is a file already; never seen half written."""
    create_if_absent(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode(), 0o600)
