"""SpoolProvenance: from published (or held) instances to spool shards of their Provenance."""

from __future__ import annotations

import dataclasses
import enum
import logging
import math
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pydantic
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue
from fhir.resources.R4B.provenance import Provenance

from transforms.model import spool
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference
from transforms.model.names import OperationName
from transforms.model.quiet import quiet_libraries
from transforms.model.records import ShardRef, WrittenInstance
from transforms.model.transform import NAMESPACE
from transforms.model.workspace import OperationFolder
from transforms.provenance.identifiers import replaced_identifiers
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape
from transforms.provenance.values import Json

VALIDATED = 100
"""How many resources each worker validates by fhir.resources (2 to 40 ms each) before it trusts the builder."""

log = logging.getLogger(__name__)


class Told(enum.StrEnum):
    """Of which instances is told, and what."""

    WRITTEN = "written"
    """What was published."""
    HELD = "held"
    """What is in the quarantine, and that it is there."""
    RELEASABLE = "releasable"
    """Of what is in the quarantine, what will be told if a person releases it; in a folder of its own, and sent nowhere."""


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class SpoolProvenance(beam.PTransform):
    """Build each instance's Provenance and spool it; only the references of finished shards go on.

    `phi` and `shape` are the values of `--provenance_phi` and `--provenance_shape`. An instance that comes here is
    published already, so it is never lost: where its findings cannot be told its Provenance says so, and a resource
    that fails validation is spooled all the same (the store decides). Both are counted: `provenance_without_findings`,
    `provenance_invalid`. `validate_all`: not the first VALIDATED only. `told` says what of: held instances go to shards of
    their own; since a held instance is processed again by every run, one whose Provenance is spooled is not spooled again.
    `identifiers`: each instance's old and new identifiers stand beside its Provenance, for the mapping files.
    """

    name: OperationName
    key: KeyReference
    folder: OperationFolder
    phi: str
    shape: str
    validate_all: bool = False
    told: Told = Told.WRITTEN
    identifiers: bool = False

    def expand(self, written: beam.PCollection[WrittenInstance]) -> beam.PCollection[ShardRef]:
        """Raises ConfigError for an unknown `phi` or `shape`."""
        for option, value, kind in (("--provenance_phi", self.phi, Phi), ("--provenance_shape", self.shape, Shape)):
            if value not in list(kind):
                raise ConfigError(option, "this value is unknown", f"allowed: {', '.join(kind)}", value)
        make = _Spool(self.name, self.key, self.folder, Phi(self.phi), Shape(self.shape), self.validate_all, self.told, self.identifiers)
        return written | "Spool" >> beam.ParDo(make).with_output_types(ShardRef)


class _Spool(beam.DoFn):
    def __init__(
        self,
        name: OperationName,
        key: KeyReference,
        folder: OperationFolder,
        phi: Phi,
        shape: Shape,
        validate_all: bool,
        told: Told,
        identifiers: bool,
    ) -> None:
        self._name, self._key, self._folder, self._phi, self._shape, self._told = name, key, folder, phi, shape, told
        self._identifiers = identifiers
        self._to_validate = math.inf if validate_all else VALIDATED

    def setup(self) -> None:
        quiet_libraries()
        self._builder = ProvenanceBuilder(self._name, self._key.load(), self._phi, self._shape)
        self._spooled = spool.references(self._folder.spool, held=True) if self._told is Told.HELD else set()

    def start_bundle(self) -> None:
        folder = self._folder.releasable if self._told is Told.RELEASABLE else self._folder.spool
        self._shard = spool.Shard(folder, spool.HELD if self._told is Told.HELD else "")

    def process(self, written: WrittenInstance) -> Iterator[ShardRef]:
        if written.ref.reference in self._spooled:
            return
        more: dict[str, Any] = replaced_identifiers(written.tags) if self._identifiers else {}
        if self._told is Told.RELEASABLE:
            more["release"] = {"held": written.held, "methods": written.release.methods, "target": dataclasses.astuple(written.target)}
            written = written.released
        self._shard.add(written.ref.reference, {"provenance": self._provenance(written), **more})
        if self._shard.full:
            yield self._closed()

    def finish_bundle(self) -> Iterable[WindowedValue]:
        if len(self._shard):
            window = GlobalWindow()
            yield WindowedValue(self._closed(), window.max_timestamp(), [window])

    def _closed(self) -> ShardRef:
        """Nothing is told by a run that another has taken the place of: what it published may be taken back by now."""
        self._folder.require_in_hand()
        return self._shard.close()

    def _provenance(self, written: WrittenInstance) -> Json:
        try:
            resource = self._builder.build(written)
        except Exception as error:  # noqa: BLE001 - the instance is published: it must not go without a Provenance
            kind = type(error).__name__
            Metrics.counter(NAMESPACE, "provenance_without_findings").inc()
            log.error("%s: its Provenance is without findings (%s); please report it", written.ref.reference, kind)
            resource = self._builder.without_findings(written, kind)
        if self._to_validate:
            self._to_validate -= 1
            self._validate(written.ref.reference, resource)
        return resource

    def _validate(self, reference: str, resource: Json) -> None:
        try:
            Provenance.model_validate(resource)
        except pydantic.ValidationError as error:
            Metrics.counter(NAMESPACE, "provenance_invalid").inc()
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            log.warning("%s: its Provenance is not valid R4 at %s (%s)", reference, ".".join(map(str, first["loc"])), first["type"])
