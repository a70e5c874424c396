"""What all stages over instances have in common: a fault becomes an outcome, and is counted."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.model.errors import InstanceProblem
from transforms.model.quiet import quiet_libraries
from transforms.model.records import Outcome

OUTCOME = "outcome"
"""The tag of the output on which a stage puts outcomes."""


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
        except InstanceProblem as problem:
            known = problem
        except Exception as error:  # noqa: BLE001 - the last net: the text of a foreign exception may hold PHI, its type does not
            known = InstanceProblem(self.stage, "UNEXPECTED", f"{type(error).__name__} in this stage; please report it with the library versions")
        Metrics.counter("dicom_deid", f"{self.stage}_{known.kind.value}").inc()
        return [TaggedOutput(OUTCOME, Outcome.of(self.reference(element), known))]
