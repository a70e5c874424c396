"""ListInstances and ReadInstance: from a source to references, and from a reference to an open instance."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from pydicom.dataset import FileDataset

from transforms.model import names, spool
from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.keys import KeyReference, Purpose
from transforms.model.large import digest_of
from transforms.model.pictures import is_searched
from transforms.model.quiet import quiet_libraries
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, Outcome
from transforms.model.references import References
from transforms.model.transform import OUTCOME, InstanceDoFn, InstanceRefCoder, nameless, typed
from transforms.model.workspace import OperationFolder
from transforms.read import collisions
from transforms.read.chosen import ChosenReference
from transforms.read.open import open_instance
from transforms.read.origin import Origin
from transforms.read.packing import NAME_BYTES, Packing
from transforms.read.structure import check

_INSTANCES, _LISTED, _DONE, _NAMED, _LINE = "instances", "listed", "done", "named", "line"
_WITH_PIXELS, _TAGS_ONLY = "with_pixels", "tags_only"
_ONE_KEY = b""
_KEYED, _LINE_OF = beam.typehints.Tuple[int, bytes], beam.typehints.Tuple[bytes, int]
_CHUNK = 64
"""Files in one element on their way to the identifying workers: what crosses costs memory, an element more than its bytes."""
_BUCKETS = 4096
"""Groups in which same instances meet: enough to keep many workers busy, few enough that a group's cost is shared."""
NOT_FOUND = "NOT_FOUND"
"""The code of a line of a request's list that names nothing in the source."""
_COPY = "the file equals another source byte for byte; that one stands for both"
_DUPLICATE = InstanceProblem("list", "DUPLICATE", _COPY, OutcomeKind.SKIPPED)


def utc_now() -> dt.datetime:
    """The clock of a real run."""
    return dt.datetime.now(dt.UTC)


class Listed(NamedTuple):
    """What listing found. Everything in it is under 1 kB."""

    instances: beam.PCollection[InstanceRef]
    """To be read, with `hold` or `distinct` set where sources share a SOP Instance UID."""
    outcomes: beam.PCollection[Outcome]
    """Skipped copies, and lines of the request's list that name nothing."""
    done: beam.PCollection[str]
    """References that an earlier run of the operation finished."""
    listed: beam.PCollection[int]
    """How many files were found, be it 0, and how many lines of the list name none; each is also on one of the other three."""


class Done(Protocol):
    """Where it stands what is done already; only this travels."""

    def load(self) -> Callable[[InstanceRef, InstanceUids], InstanceRef]:
        """What gives the reference of an instance of these UIDs back if it is still to be done, and raises InstanceProblem if not."""


class Opened(NamedTuple):
    """Open instances on two branches that never meet before WriteInstance."""

    with_pixels: beam.PCollection[OpenInstance]
    """Those that have a picture to search, be it an overlay only."""
    tags_only: beam.PCollection[OpenInstance]
    outcomes: beam.PCollection[Outcome]


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class ListInstances(beam.PTransform):
    """Find the instances of a source, remember which reference is which, and settle who shares a SOP Instance UID."""

    source: Origin
    folder: OperationFolder
    key: KeyReference
    on_uid_collision: str
    """`hold` or `distinct`."""
    chosen: ChosenReference | None = None
    """A line of it that names no instance is an outcome of its own: failed, NOT_FOUND."""

    def expand(self, begin: beam.pvalue.PBegin) -> Listed:
        """PBegin to Listed."""
        found = (
            begin
            | "Source" >> beam.Impulse()
            | "List" >> beam.ParDo(_List(self.source, self.folder, self.key)).with_outputs(_LISTED, main=_INSTANCES)
        )
        pack = Packing(self.source.root)
        settle = beam.ParDo(_Settle(self.source, self.folder, pack, self.on_uid_collision == "distinct"))
        identify = beam.ParDo(_Identify(self.source, self.key, pack, self.chosen))
        identified = (
            typed(found[_INSTANCES], _NUMBERED) | "Spread" >> beam.GroupByKey() | "Identify" >> identify.with_outputs(_LINE, main=_NAMED)
        )
        settled = (
            typed(identified[_NAMED], _KEYED)
            | "SameInstance" >> beam.GroupByKey()
            | "Settle" >> settle.with_outputs(OUTCOME, _DONE, main=_INSTANCES)
        )
        outcomes, listed = typed(settled[OUTCOME], Outcome), typed(found[_LISTED], int)
        if self.chosen is not None:
            missing = self._missing(begin, typed(identified[_LINE], _LINE_OF), self.chosen)
            outcomes = (outcomes, missing.outcomes) | "AllOutcomes" >> beam.Flatten()
            listed = (listed, missing.listed) | "AllListed" >> beam.Flatten()
        return Listed(typed(settled[_INSTANCES], InstanceRef), outcomes, typed(settled[_DONE], str), listed)

    def _missing(self, begin: beam.pvalue.PBegin, lines: beam.PCollection[tuple[bytes, int]], chosen: ChosenReference) -> _Missing:
        """The lines of a list that are not among `lines`, which have found something."""
        missing = (
            (lines, begin | "NoLine" >> beam.Create([(_ONE_KEY, 0)]))
            | "Lines" >> beam.Flatten()
            | "AllLines" >> beam.GroupByKey()
            | "NotFound" >> beam.ParDo(_NotFound(chosen, self.folder, self.key)).with_outputs(_LISTED, main=OUTCOME)
        )
        return _Missing(typed(missing[OUTCOME], Outcome), typed(missing[_LISTED], int))


class _Missing(NamedTuple):
    outcomes: beam.PCollection[Outcome]
    listed: beam.PCollection[int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Chunk:
    """Files that cross to the identifying workers as one element."""

    refs: tuple[InstanceRef, ...]


class _ChunkCoder(beam.coders.Coder):
    """References one after the other, compressed: neighbours have most of their path in common."""

    def __init__(self) -> None:
        self._ref = InstanceRefCoder()

    def encode(self, value: _Chunk) -> bytes:
        """References hold no line break once they are JSON."""
        return zlib.compress(b"\n".join(map(self._ref.encode, value.refs)))

    def decode(self, encoded: bytes) -> _Chunk:
        """The chunk again."""
        return _Chunk(tuple(map(self._ref.decode, zlib.decompress(encoded).split(b"\n"))))

    def is_deterministic(self) -> bool:
        """True: one chunk has one encoding."""
        return True


beam.coders.registry.register_coder(_Chunk, _ChunkCoder)
_NUMBERED = beam.typehints.Tuple[int, _Chunk]
"""Under keys of their own chunks go to many workers, as by a Reshuffle, which has four steps more."""


class _List(beam.DoFn):
    """From a source to the references of its files, chunk by chunk, and to the source list in the workspace."""

    def __init__(self, source: Origin, folder: OperationFolder, key: KeyReference) -> None:
        self._source, self._folder, self._key_ref = source, folder, key

    def setup(self) -> None:
        self._key = self._key_ref.load().purpose(Purpose.OPERATION)

    @nameless
    def process(self, _impulse: bytes) -> Iterator[tuple[int, _Chunk] | TaggedOutput]:
        shard = spool.Shard(self._folder.sources)
        files, found = self._source.instances(), 0
        while refs := tuple(InstanceRef(names.reference(self._key, uri), uri, size) for uri, size in itertools.islice(files, _CHUNK)):
            for ref in refs:
                shard.add(ref.reference, {"uri": ref.uri})
            if shard.full:
                shard.close()
            yield found, _Chunk(refs)
            found += len(refs)
        if len(shard):
            shard.close()
        yield TaggedOutput(_LISTED, found)


class _Identify(beam.DoFn):
    """Name each file by the SOP instance it claims to be, or by itself where it claims none, and key it by its bucket.

    Beside them go the numbers of the lines of a list that name one of these files.
    """

    def __init__(self, source: Origin, key: KeyReference, pack: Packing, chosen: ChosenReference | None) -> None:
        self._source, self._key_ref, self._pack, self._chosen_ref = source, key, pack, chosen

    def setup(self) -> None:
        quiet_libraries()
        self._key = self._key_ref.load().purpose(Purpose.OPERATION)
        self._chosen = self._chosen_ref.load() if self._chosen_ref is not None else None

    @nameless
    def process(self, numbered: tuple[int, Iterable[_Chunk]]) -> Iterator[tuple[int, bytes] | TaggedOutput]:
        lines: set[int] = set()
        for ref in itertools.chain.from_iterable(chunk.refs for chunk in numbered[1]):
            if self._chosen is None:
                uid = self._source.sop_instance(ref.uri, ref.size)
            else:
                uids = self._source.uids(ref.uri, ref.size)
                uid = uids.instance
                lines |= self._chosen.naming(uids)
            name = self._key.digest(f"sop-instance {uid or ref.reference}".encode())[:NAME_BYTES]
            yield int.from_bytes(name[:2], "big") % _BUCKETS, self._pack.packed(name, ref)
        yield from (TaggedOutput(_LINE, (_ONE_KEY, line)) for line in sorted(lines))


class _NotFound(beam.DoFn):
    """An outcome for each line of a list that names nothing which was listed; in the source list it stands as that line."""

    def __init__(self, chosen: ChosenReference, folder: OperationFolder, key: KeyReference) -> None:
        self._chosen, self._folder, self._key_ref = chosen, folder, key

    @nameless
    def process(self, found: tuple[bytes, Iterable[int]]) -> Iterator[Outcome | TaggedOutput]:
        key = self._key_ref.load().purpose(Purpose.OPERATION)
        missing = sorted(set(self._chosen.load().lines.values()).difference(found[1]))
        names_of = {line: f"{self._chosen.uri}, line {line}" for line in missing}
        refs = {line: names.reference(key, name) for line, name in names_of.items()}
        spool.write_entries(self._folder.sources, ((refs[line], {"uri": names_of[line]}) for line in missing))
        for line in missing:
            sentence = f"line {line} of the request's filterConfig names nothing that the source has"
            yield Outcome.of(refs[line], InstanceProblem("list", NOT_FOUND, sentence))
        if missing:
            yield TaggedOutput(_LISTED, len(missing))


class _Settle(beam.DoFn):
    """Decide over each SOP instance of a bucket; every reference comes out once, on one of three outputs."""

    def __init__(self, source: Origin, folder: OperationFolder, pack: Packing, distinct: bool) -> None:
        self._source, self._folder, self._pack, self._distinct = source, folder, pack, distinct
        self._done = References()

    def setup(self) -> None:
        quiet_libraries()
        self._done = spool.references(self._folder.spool)

    @nameless
    def process(self, bucket: tuple[int, Iterable[bytes]]) -> Iterator[InstanceRef | TaggedOutput]:
        groups: dict[bytes, list[InstanceRef]] = {}
        for packed in bucket[1]:
            name, ref = self._pack.unpacked(packed)
            groups.setdefault(name, []).append(ref)
        for name in sorted(groups):
            yield from self._settled(groups[name])

    def _settled(self, members: list[InstanceRef]) -> Iterator[InstanceRef | TaggedOutput]:
        settled = self._settle(members) if len(members) > 1 else collisions.Resolved(tuple(members), ())
        for ref in settled.instances:
            yield TaggedOutput(_DONE, ref.reference) if ref.reference in self._done else ref
        for ref in settled.duplicates:
            if ref.reference in self._done:
                yield TaggedOutput(_DONE, ref.reference)
            else:
                yield TaggedOutput(OUTCOME, Outcome.of(ref.reference, _DUPLICATE))

    def _settle(self, members: list[InstanceRef]) -> collisions.Resolved:
        """Only whole files can collide; a broken one goes on alone, for ReadInstance to say what is wrong with it."""
        whole: list[tuple[InstanceRef, str]] = []
        broken: list[InstanceRef] = []
        for ref in members:
            try:
                content = self._source.content(ref.uri, ref.size)
                check(content)
                whole.append((ref, digest_of(content).hex()))
            except InstanceProblem:
                broken.append(ref)
        settled = collisions.resolve(whole, self._done, self._distinct)
        return dataclasses.replace(settled, instances=(*settled.instances, *broken))


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class ReadInstance(beam.PTransform):
    """Read and parse each instance; what is not whole DICOM, or not admitted, becomes an outcome."""

    source: Origin
    key: KeyReference
    admit: Callable[[FileDataset], None]
    """Raises InstanceProblem for an object that is not processed."""
    clock: Callable[[], dt.datetime] = utc_now
    chosen: ChosenReference | None = None
    """Others are skipped, as FILTERED."""
    done: Done | None = None
    """What is left out because it is done already."""
    overlays: bool = False
    """Whether overlays are searched, and so instances that have no other picture."""

    def expand(self, instances: beam.PCollection[InstanceRef]) -> Opened:
        """InstanceRef to Opened."""
        read = beam.ParDo(_Open(self.source, self.key, self.admit, self.clock, self.chosen, self.done, self.overlays))
        opened = instances | "Open" >> read.with_outputs(OUTCOME, _TAGS_ONLY, main=_WITH_PIXELS)
        return Opened(
            with_pixels=typed(opened[_WITH_PIXELS], OpenInstance),
            tags_only=typed(opened[_TAGS_ONLY], OpenInstance),
            outcomes=typed(opened[OUTCOME], Outcome),
        )


class _Open(InstanceDoFn):
    stage = "read"

    def __init__(
        self,
        source: Origin,
        key: KeyReference,
        admit: Callable[[FileDataset], None],
        clock: Callable[[], dt.datetime],
        chosen: ChosenReference | None,
        done: Done | None,
        overlays: bool,
    ) -> None:
        self._source, self._overlays = source, overlays
        self._key_ref, self._admit, self._clock, self._chosen_ref, self._done_ref = key, admit, clock, chosen, done

    def setup(self) -> None:
        super().setup()
        self._key = self._key_ref.load().purpose(Purpose.UID)
        self._chosen = self._chosen_ref.load() if self._chosen_ref is not None else None
        self._undone = self._done_ref.load() if self._done_ref is not None else None

    def reference(self, element: InstanceRef) -> str:
        return element.reference

    def work(self, element: InstanceRef) -> Iterator[OpenInstance | TaggedOutput]:
        started = self._clock()
        if (listed := self._source.listed_uids(element.uri)) is not None:
            self._wanted(element, listed)  # before its bytes are asked for
        opened = open_instance(element, self._source.content(element.uri, element.size), self._key, started)
        opened = dataclasses.replace(opened, ref=self._wanted(element, opened.source))
        self._admit(opened.dataset)
        yield opened if is_searched(opened.dataset, self._overlays) else TaggedOutput(_TAGS_ONLY, opened)

    def _wanted(self, ref: InstanceRef, source: InstanceUids) -> InstanceRef:
        """The reference, with what is known of others of its UIDs. Raises InstanceProblem where the instance is to be skipped."""
        if self._chosen is not None and not self._chosen.naming(source):
            raise InstanceProblem("read", "FILTERED", "the request's filterConfig does not name it", OutcomeKind.SKIPPED)
        return self._undone(ref, source) if self._undone is not None else ref
