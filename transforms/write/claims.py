"""Whether a published file belongs to an instance that some operation has finished: its Provenance is in a spool."""

from __future__ import annotations

from transforms.model.places import listed, place_of
from transforms.model.records import InstanceUids
from transforms.model.spool import HELD
from transforms.model.workspace import OperationFolder


def is_claimed(folder: OperationFolder, target: InstanceUids) -> bool:
    """Whether a finished shard of the operation, or of another one in its workspace, names `target`.

    Reads all shards: for the rare case of a file that should not be there.
    """
    name = f'{target.path}"'.encode()
    shards = listed(place_of(folder.root).parent, f"*/{folder.spool.name}/*.ndjson")
    return any(name in shard.read_bytes() for shard in shards if not shard.name.startswith(HELD))
