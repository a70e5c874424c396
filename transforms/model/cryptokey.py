"""A raw `cryptoKey` of a config: in memory only; in every copy of the config it reads `<redacted key:FINGERPRINT>` (DESIGN 4)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pydantic_core import core_schema

from transforms.model.keys import AES_LENGTHS, fingerprint


class CryptoKey:
    """Key material of one transformation. Refuses to be pickled or shown."""

    def __init__(self, encoded: str) -> None:
        """From base64, standard or URL-safe, as JSON carries bytes. Raises ValueError without the content."""
        try:
            material = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            material = b""
        if len(material) not in AES_LENGTHS:
            raise ValueError("a key is base64 of 16, 24 or 32 bytes")
        self._material = material

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that tell two keys apart and nothing else."""
        return fingerprint(self._material)

    def file_content(self) -> bytes:
        """What its own file in the workspace holds, as KeyReference reads it."""
        return f"{self._material.hex()}\n".encode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CryptoKey) and self._material == other._material

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> str:
        raise TypeError("key material is never serialised")

    def __repr__(self) -> str:
        return f"<redacted key:{self.fingerprint}>"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )
