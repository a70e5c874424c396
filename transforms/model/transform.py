"""What all stages over instances have in common: a fault becomes an outcome, and is counted."""

from __future__ import annotations

import abc
import functools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.model import waiting
from transforms.model.errors import CancelledError, ConfigError, InstanceProblem, PreflightError, StoreError
from transforms.model.quiet import quiet_libraries
from transforms.model.records import InstanceRef, OpenInstance, Outcome, ScrubbedInstance, ShardRef, WrittenInstance

_ONE_KEY = b""
OUTCOME = "outcome"
"""The tag of the output on which a stage puts outcomes."""
NAMESPACE = "dicom_deid"
"""Of all counters."""
THROTTLED = "cumulativeThrottlingSeconds"
"""The name by which Dataflow's autoscaler knows waiting from work, in whatever namespace (Beam's own connectors count by it)."""


def tell_waiting(seconds: float = 0.0) -> None:
    """Count what this thread waited for quotas, whole seconds at a time: these `seconds`, and what clients noted (`waiting`)."""
    waiting.note(seconds)
    whole = waiting.take_whole()
    if whole:
        Metrics.counter(NAMESPACE, THROTTLED).inc(whole)


class InstanceDoFn(beam.DoFn, abc.ABC):
    """A stage's work on one instance. What it cannot do becomes an `Outcome` on the tag OUTCOME, without a value in it."""

    stage: str

    def setup(self) -> None:
        """Called once a worker; keys and engines are made here, never pickled."""
        quiet_libraries()

    @abc.abstractmethod
    def reference(self, element: Any) -> str:
        """The opaque reference of the instance at hand."""

    @abc.abstractmethod
    def work(self, element: Any) -> Iterable[Any]:
        """The stage's output for one instance; raises InstanceProblem."""

    def process(self, element: Any) -> Iterable[Any]:
        """Beam's entry; collects `work` first, so that a fault half way leaves nothing half emitted."""
        try:
            return list(self.work(element))
        except CancelledError:
            raise
        except InstanceProblem as problem:
            known = problem
        except Exception as error:  # noqa: BLE001 - the last net: the text of a foreign exception may hold PHI, its type does not
            sentence = f"{type(error).__name__} at {_place(error)}; please report it with the library versions"
            known = InstanceProblem(self.stage, "UNEXPECTED", sentence)
        finally:
            tell_waiting()
        return [self.outcome(element, known)]

    def outcome(self, element: Any, problem: InstanceProblem) -> TaggedOutput:
        """The outcome that a problem makes of the instance at hand, counted; for a stage with something to say beside it."""
        Metrics.counter(NAMESPACE, f"{self.stage}_{problem.kind.value}").inc()
        return TaggedOutput(OUTCOME, Outcome.of(self.reference(element), problem))


def nameless(process: Callable[[Any, Any], Iterable[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
    """For a DoFn's `process` that has no instance to blame: what breaks the run names a type and a place, and waiting is told.

    Beam logs the text of exceptions, and a foreign text may hold a source name.
    """

    @functools.wraps(process)
    def named(self: Any, element: Any) -> Iterator[Any]:
        try:
            for made in process(self, element):
                tell_waiting()
                yield made
            tell_waiting()
        except (ConfigError, PreflightError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a name
            raise RuntimeError(f"{type(error).__name__} at {_place(error)}") from None

    return named


def _place(error: Exception) -> str:
    """`room/module.py:line` of our own code that met the error; a place is no value."""
    rooms = Path(__file__).parents[1]
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(rooms)]
    return f"{Path(ours[-1].filename).relative_to(rooms)}:{ours[-1].lineno}"


class InstanceRefCoder(beam.coders.Coder):
    """A reference as JSON: half the size of a pickle, which matters where a run holds one for every instance."""

    def encode(self, value: InstanceRef) -> bytes:
        """The fields in their order; a file name that is no UTF-8 keeps its escaped bytes."""
        return json.dumps([value.reference, value.uri, value.size, value.distinct, value.hold]).encode()

    def decode(self, encoded: bytes) -> InstanceRef:
        """The reference again."""
        return InstanceRef(*json.loads(encoded))

    def is_deterministic(self) -> bool:
        """True: one reference has one encoding."""
        return True


beam.coders.registry.register_coder(InstanceRef, InstanceRefCoder)


class NeverEncoded(beam.coders.Coder):
    """The coder of what stays inside one fused stage: if a runner tries to move it, the run stops at once (DESIGN 1)."""

    def encode(self, value: Any) -> bytes:
        """Refuse."""
        raise TypeError(f"{type(value).__name__} carries an instance's bytes or findings and may not cross a stage boundary")

    def decode(self, encoded: bytes) -> Any:  # noqa: ARG002 - the signature is Beam's
        """Refuse."""
        raise TypeError("nothing of this kind is ever encoded")

    def estimate_size(self, value: Any) -> int:  # noqa: ARG002 - the signature is Beam's
        """No size: Beam samples sizes by encoding, which would pickle whole instances now and then."""
        return 0

    def is_deterministic(self) -> bool:
        """True: nothing is encoded, so nothing is encoded differently."""
        return True


for _kind in (OpenInstance, ScrubbedInstance, WrittenInstance):
    beam.coders.registry.register_coder(_kind, NeverEncoded)


def typed(elements: beam.PCollection[Any], kind: type) -> beam.PCollection[Any]:
    """Say what the elements of one output of several are, which Beam cannot infer; it decides on their coder."""
    elements.element_type = kind
    return elements


def under_one_key(shards: beam.PCollection[ShardRef]) -> beam.PCollection[tuple[bytes, str]]:
    """The shards' names under one key, and an empty name, so that what is grouped is there where no shard is."""
    named = shards | "OneKey" >> beam.Map(_keyed).with_output_types(tuple[bytes, str])
    always = shards.pipeline | "Begin" >> beam.Impulse() | "Always" >> beam.Map(_nothing).with_output_types(tuple[bytes, str])
    return (named, always) | "AllNames" >> beam.Flatten()


def _keyed(shard: ShardRef) -> tuple[bytes, str]:
    return _ONE_KEY, shard.name


def _nothing(_impulse: bytes) -> tuple[bytes, str]:
    return _ONE_KEY, ""
