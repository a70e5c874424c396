"""Sources that claim the same SOP Instance UID: which is written, which is a copy, which are held."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable

from transforms.model.records import InstanceRef

UID_COLLISION = "UID_COLLISION"
DISTINCT_DIGITS = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Resolved:
    """What becomes of one group."""

    instances: tuple[InstanceRef, ...]
    """One for each content, in the order of their URIs; with `hold` or `distinct` set where contents differ."""
    duplicates: tuple[InstanceRef, ...]
    """The others, each equal byte for byte to one of `instances`."""


def resolve(group: Iterable[tuple[InstanceRef, str]], done: Collection[str], distinct: bool) -> Resolved:
    """Decide over whole files that share a SOP Instance UID, each given with the SHA-256 of its content in hex.

    Of equal files the one that an earlier run of the operation finished (`done`, references) stands for all, else the
    one whose URI comes first, so that a decision once made stays. Different contents cannot both be the instance:
    all are held, unless `distinct`, where each has its content's hash mixed into its new UID.
    """
    by_content: defaultdict[str, list[InstanceRef]] = defaultdict(list)
    for ref, digest in sorted(group, key=lambda member: (member[0].reference not in done, member[0].uri)):
        by_content[digest].append(ref)
    chosen = {digest: refs[0] for digest, refs in by_content.items()}
    if len(chosen) > 1:
        mark = _mark_distinct if distinct else _mark_held
        chosen = {digest: mark(ref, digest) for digest, ref in chosen.items()}
    return Resolved(
        instances=tuple(sorted(chosen.values(), key=lambda ref: ref.uri)),
        duplicates=tuple(copy for refs in by_content.values() for copy in refs[1:]),
    )


def _mark_distinct(ref: InstanceRef, digest: str) -> InstanceRef:
    return dataclasses.replace(ref, distinct=digest[:DISTINCT_DIGITS])


def _mark_held(ref: InstanceRef, _digest: str) -> InstanceRef:
    return dataclasses.replace(ref, hold=UID_COLLISION)
