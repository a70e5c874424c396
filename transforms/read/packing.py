"""A file on its way to the other files of its SOP instance, in as few bytes as it takes: a run holds one for every file."""

from __future__ import annotations

import dataclasses
import os
import struct

from transforms.model.records import InstanceRef

NAME_BYTES = 16
"""Length of the name under which the files of one SOP instance meet."""

_HEAD = struct.Struct(f">{NAME_BYTES}s8sQ?")


@dataclasses.dataclass(frozen=True)
class Packing:
    """Packs the references of files below `root` (a path without a trailing slash; others keep their whole path)."""

    root: str

    def packed(self, name: bytes, ref: InstanceRef) -> bytes:
        """Name, reference, size and the path below the root. `ref` has neither `distinct` nor `hold` yet."""
        below = ref.uri.startswith(f"{self.root}/")
        path = ref.uri[len(self.root) + 1 :] if below else ref.uri
        return _HEAD.pack(name, bytes.fromhex(ref.reference), ref.size, below) + os.fsencode(path)

    def unpacked(self, packed: bytes) -> tuple[bytes, InstanceRef]:
        """What was packed."""
        name, reference, size, below = _HEAD.unpack_from(packed)
        path = os.fsdecode(packed[_HEAD.size :])
        return name, InstanceRef(reference.hex(), f"{self.root}/{path}" if below else path, size)
