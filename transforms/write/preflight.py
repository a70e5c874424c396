"""Whether the destination can be written, tried before the first instance is read."""

from __future__ import annotations

import os
import secrets

from transforms.model.errors import PreflightError
from transforms.model.places import place_of
from transforms.model.storage import create_if_absent


def check_destination(destination: str) -> None:
    """Make the folder, and a hidden empty file in it as an instance would be made, which goes at once.

    Raises PreflightError where the disk or its permissions do not let us.
    """
    probe = place_of(destination) / f".{secrets.token_hex(8)}.probe"
    try:
        try:
            create_if_absent(probe, b"")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        why = f"files cannot be put there ({os.strerror(error.errno) if error.errno else error})"
        raise PreflightError("--destination", why, "make the folder writable, or name another", destination) from None
