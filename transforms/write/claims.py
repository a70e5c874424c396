"""Whether a published file belongs to an instance that the operation has finished: its Provenance is in the spool."""

from __future__ import annotations

from transforms.model.places import Place
from transforms.model.records import InstanceUids
from transforms.model.spool import shard_names


def is_claimed(spool: Place, target: InstanceUids) -> bool:
    """Whether a finished shard names `target`. Reads all shards: for the rare case of a file that should not be there."""
    name = f'{target.path}"'.encode()
    return any(name in (spool / f"{shard}.ndjson").read_bytes() for shard in shard_names(spool, held=False))
