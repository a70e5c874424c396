"""What a run's source has, listed once: by the launcher, before anything is made, where it waits for the run."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import tempfile
from typing import BinaryIO, cast

from pipeline.options import Settings
from pipeline.runners import leaves
from transforms.model.large import LARGE
from transforms.model.storage import replace
from transforms.model.workspace import OperationFolder
from transforms.read.listing import Apart, Listing, write_listing
from transforms.read.origin import Origin

_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Sources:
    """A source as far as it was listed."""

    origin: Origin
    count: int
    """Instances; where the job is to list, only whether there is one."""
    listed: BinaryIO | None
    """The listing; None where the job makes its own."""

    def for_workers(self, folder: OperationFolder) -> Origin:
        """What the graph lists: what the launcher has listed, which the operation then keeps, or else the source."""
        if self.listed is None:
            return self.origin
        self.listed.seek(0)
        replace(folder.listing_file, iter(functools.partial(self.listed.read, _CHUNK), b""))
        return Listing(self.origin, str(folder.listing_file))


def list_sources(settings: Settings, origin: Origin) -> Sources:
    """List a source. Raises ConfigError, too, if an instance of it is of the destination, the workspace or the quarantine.

    A launcher that does not wait looks for a first instance, and leaves the rest to the job, which is refused in the same way at its
    first step. A list of names it goes through: a name without a file is better told at once.
    """
    quarantine = [settings.quarantine] if settings.quarantine else []
    apart = Apart(origin, (settings.destination, settings.workspace.root, *quarantine))
    if leaves(settings.runner) and not settings.source.endswith(".txt"):
        return Sources(apart, len([*itertools.islice(apart.instances(), 1)]), None)
    listed = cast(BinaryIO, tempfile.SpooledTemporaryFile(LARGE))  # noqa: SIM115 - it goes with its owner
    return Sources(apart, write_listing(apart, listed), listed)
