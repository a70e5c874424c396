"""The long-running operation: identity, state, counts, finish; `OUT/operations/<id>.json` in the API's shape."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.accounting import PixelTimes, together
from pipeline.operation_row import standing
from pipeline.still_held import carry_over, leave_quarantine, set_aside, told_and_waiting
from pipeline.tables import Tables
from transforms.bigquery.operation import TableAnswer
from transforms.model import spool
from transforms.model.errors import ConfigError, InstanceProblem, OutcomeKind
from transforms.model.names import Asked, OperationName
from transforms.model.places import listed
from transforms.model.storage import create_if_absent, remove_all, replace
from transforms.model.workspace import OperationFolder, Workspace
from transforms.write.destination import Destination
from transforms.write.marks import take_back

Clock = Callable[[], dt.datetime]

METADATA_TYPE = "type.googleapis.com/google.cloud.healthcare.v1beta1.OperationMetadata"
RESPONSE_TYPE = "type.googleapis.com/google.cloud.healthcare.v1beta1.deidentify.DeidentifyDicomStoreSummary"
METHOD = "google.cloud.healthcare.v1beta1.dicom.DicomService.DeidentifyDicomStore"
INTERNAL = 13
"""google.rpc.Code.INTERNAL."""
_ACCOUNTS = _PIXELS, _WAITED = "pixels", "throttledSeconds"
"""What runs add to the state's metadata, and later states keep."""


def timestamp(moment: dt.datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as FHIR instants and API timestamps are written."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclasses.dataclass(frozen=True)
class Counts:
    """Counts of an operation over all its runs (DESIGN, Four outcomes)."""

    listed: int = 0
    """Sources found by the latest run."""
    done: int = 0
    """Of these, written by an earlier run of the same operation."""
    new: int = 0
    """Written by the latest run."""
    held: int = 0
    failed: int = 0
    not_found: int = 0
    """Of these, lines of the request's list of instances that name nothing in the source."""
    skipped: int = 0
    proven: int = 0
    """Instances with a Provenance in the spool, of all runs."""
    answered: int = 0
    """Of these, accepted by the FHIR store, in any run."""
    dead: int = 0
    """Of these, refused for good."""
    held_too: bool = False
    """Whether held instances have a Provenance (`--provenance_for_held`)."""
    rows: int = 0
    """Rows of the operation in the table, its own among them."""
    refused_rows: int = 0
    """Provenance that the table could not take."""
    unproven: int = 0
    """Instances that an unfinished run published, that no Provenance tells of, and that the destination did not let us take back."""

    @property
    def written(self) -> int:
        """Instances in the destination."""
        return self.done + self.new

    @property
    def reconciled(self) -> bool:
        """Whether nothing got lost on the way."""
        instances = self.listed == self.written + self.held + self.failed + self.skipped
        told = self.proven >= self.written + (self.held if self.held_too else 0)
        tabled = self.rows + self.refused_rows == self.proven + 1
        return instances and told and tabled and self.proven == self.answered + self.dead and not self.unproven

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> Counts:
        """Counts from (name, number) pairs; numbers of one name add up."""
        numbers: dict[str, Any] = collections.Counter()
        for name, number in pairs:
            numbers[name] += number
        return cls(**numbers)


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation in its workspace."""

    name: OperationName
    workspace: Workspace

    @property
    def folder(self) -> OperationFolder:
        """Where it keeps what it makes."""
        return self.workspace.operation(self.name.operation_id)

    def state(self) -> dict[str, Any] | None:
        """The state as last written; None before the first run."""
        try:
            found: dict[str, Any] = json.loads(self.folder.state_file.read_text())
        except FileNotFoundError:
            return None
        return found

    def begin(self, now: dt.datetime) -> dt.datetime:
        """Start the operation, or find it: its start time is that of its first run. One that broke off is under way again."""
        known = self.state()
        created = known["metadata"]["createTime"] if known else timestamp(now)
        if known is None or "error" in known:
            self._save(self._metadata(created, {"pending": "0", "success": "0", "failure": "0"}), done=False)
        return dt.datetime.fromisoformat(created)

    def progress(self, finished: int, expected: int) -> None:
        """Say how far a run is. A finished operation that is run again keeps its state until it finishes anew."""
        known = self.state()
        if known is not None and not known["done"]:
            pending = max(expected - finished, 0)
            counter = {"pending": str(pending), "success": str(min(finished, expected)), "failure": "0"}
            self._save(self._metadata(known["metadata"]["createTime"], counter), done=False)

    def finish(self, counts: Counts, now: dt.datetime) -> None:
        """Write the final state; a run that changed nothing leaves it as it was."""
        known = self.state()
        created = known["metadata"]["createTime"] if known else timestamp(now)
        metadata = self._metadata(created, _counter(counts))
        metadata["outcomes"] = {name: str(getattr(counts, name)) for name in ("listed", "written", "held", "failed", "skipped")}
        if counts.not_found:
            metadata["outcomes"]["notFound"] = str(counts.not_found)
        if known is not None and "response" in known and known["metadata"] == {**known["metadata"], **metadata}:
            return
        self._save(metadata | {"endTime": timestamp(now)}, done=True, response={"@type": RESPONSE_TYPE})

    def account(self, times: PixelTimes | None, waited: int, before: Mapping[str, Any] | None) -> None:
        """Add what the pixels of a run took, and the seconds its workers waited, to those of earlier runs; a killed one told nobody.

        `before`: the state before the run; one that changed nothing leaves no trace.
        """
        state = self.state()
        if state is None or state == before:
            return
        metadata = state["metadata"]
        if times is not None:
            metadata[_PIXELS] = together(metadata[_PIXELS], times) if _PIXELS in metadata else times
        if waited:
            metadata[_WAITED] = metadata.get(_WAITED, 0) + waited
        replace(self.folder.state_file, _as_json(state))

    def bind(self, asked: Asked) -> None:
        """Remember what the first run was asked for, as soon as it starts."""
        create_if_absent(self.folder.asked_file, json.dumps(asked).encode() + b"\n", 0o600)

    def asked(self) -> Asked | None:
        """What its first run was asked for; None before that."""
        return Asked(*json.loads(self.folder.asked_file.read_bytes())) if self.folder.asked_file.exists() else None

    def hold_to(self, asked: Asked) -> None:
        """Raise ConfigError if the operation was asked for anything else, since what is done would count as this, or is half purged."""
        self._require_whole()
        if self.asked() not in (None, asked):
            why = "an operation of this name was asked for something else (source, destination, config, key, stores or Provenance options)"
            raise ConfigError("--operation_id", why, "repeat its command exactly, or choose another name", self.name.operation_id)

    def fail(self, message: str, now: dt.datetime, code: int = INTERNAL) -> None:
        """Record that the run as a whole broke off. `message` holds no PHI."""
        known = self.state()
        metadata = (known or {}).get("metadata") or self._metadata(timestamp(now), {})
        self._save(metadata | {"endTime": timestamp(now)}, done=True, error={"code": code, "message": message})

    def _metadata(self, created: str, counter: Mapping[str, str]) -> dict[str, Any]:
        return {"@type": METADATA_TYPE, "apiMethodName": METHOD, "createTime": created, "counter": dict(counter)}

    def _save(self, metadata: dict[str, Any], done: bool, **result: Any) -> None:
        known = self.state()  # whoever replays or cancels knows the operation by its id alone
        kept = {name: known["metadata"][name] for name in _ACCOUNTS if name in known["metadata"]} if known else {}
        state = {"name": known["name"] if known else self.name.name, "metadata": {**metadata, **kept}, "done": done, **result}
        replace(self.folder.state_file, _as_json(state))

    def counts(self) -> Counts | None:
        """The counts the graph left behind; None if it did not come to its end."""
        try:
            return Counts(**json.loads(self.folder.counts_file.read_text()))
        except FileNotFoundError:
            return None

    def counted(self) -> Counts:
        """The counts of its latest run. Raises ConfigError where that did not come to its end, or the operation is half purged."""
        self._require_whole()
        counts = self.counts()
        if counts is None:
            raise ConfigError("--operation", "its latest run did not come to its end", "start its run command again")
        return counts

    def _require_whole(self) -> None:
        if self.folder.purge_file.exists():
            raise ConfigError("--operation", "a purge of it broke off", "start that again: dicom-deid purge ID --yes")

    def clear(self) -> None:
        """Called before a run: what is found afterwards of counts and outcomes is then its own."""
        set_aside(self.folder)
        self.folder.submitted_file.unlink(missing_ok=True)
        remove_all(self.folder.outcomes)

    def submitted(self, job: bytes) -> None:
        """A job elsewhere, of this record, goes on with the run, or is about to; its launcher lets go of the workspace."""
        replace(self.folder.submitted_file, job)

    @property
    def is_elsewhere(self) -> bool:
        """Whether others have it in hand than a run in this workspace: a job that was submitted, or a server that will run it."""
        return self.is_submitted or self.folder.request_file.exists()

    @property
    def is_submitted(self) -> bool:
        """Whether a job elsewhere has it, as far as is known here (`dataflow_job.how_it_ended` asks there)."""
        return self.folder.submitted_file.exists()

    def keep(self, counts: Counts) -> None:
        """Write the counts down."""
        replace(self.folder.counts_file, json.dumps(dataclasses.asdict(counts)).encode() + b"\n")

    @property
    def known_name(self) -> OperationName:
        """With the name of its destination, which its own Provenance has, whoever looks."""
        try:
            resource = json.loads(self.folder.provenance_file.read_bytes())
        except FileNotFoundError:  # nothing was published
            return self.name
        return dataclasses.replace(self.name, destination_store=resource["target"][0]["identifier"]["value"])

    def conclude(
        self, pairs: Iterable[tuple[str, int]], destination: Destination, tables: Tables, clock: Clock, held_too: bool = False
    ) -> Counts:
        """The last step of the graph: nothing stays published that is not proven; outcomes and tables for people, counts, final state.

        Where it breaks off there are no counts, so that nobody takes the run for one that came to its end.
        """
        unproven = take_back(self.folder, self.name, destination)
        told, waiting = told_and_waiting(self.folder)
        with contextlib.suppress(InstanceProblem):  # the next run, or release, tries it again, and says so
            leave_quarantine(self.folder, told)
        earlier = carry_over(self.folder, destination, waiting)
        self.tell_outcomes()
        found = Counts.of([*pairs, ("listed", earlier), ("held", earlier)])
        counts = dataclasses.replace(found, proven=self._proven(), held_too=held_too, unproven=unproven)
        with contextlib.ExitStack() as broken_off:
            broken_off.callback(self.folder.counts_file.unlink, missing_ok=True)
            counts = self.settle(counts, tables, clock)
            broken_off.pop_all()
        return counts

    def others(self) -> Iterator[Operation]:
        """The other operations of the workspace, in the order of their names; their stores stay unnamed."""
        for place in listed(self.workspace.operations, "*.json"):
            if place.stem != self.name.operation_id:
                yield operation_of(self.workspace, place.stem)

    def recounted(self, counts: Counts, destination: Destination, answered: int, dead: int, loaded: TableAnswer | None) -> Counts:
        """The counts once instances were released: what was held, or failed while an earlier run's waited, is written.

        What a release published and could not tell of is taken back, or counted.
        """
        counts = dataclasses.replace(counts, unproven=take_back(self.folder, self.known_name, destination))
        kinds = collections.Counter(entry["outcome"] for entry in standing(self.folder))
        held, failed, skipped = (kinds[kind] for kind in (OutcomeKind.HELD, OutcomeKind.FAILED, OutcomeKind.SKIPPED))
        new = counts.new + counts.held + counts.failed + counts.skipped - held - failed - skipped
        counts = dataclasses.replace(counts, held=held, failed=failed, skipped=skipped, new=new)
        counts = dataclasses.replace(counts, answered=answered, dead=dead, proven=self._proven())
        return dataclasses.replace(counts, rows=loaded.rows, refused_rows=loaded.refused) if loaded else counts

    def _proven(self) -> int:
        return len(spool.references(self.folder.spool, held=None))

    def tell_outcomes(self) -> None:
        """Write the outcomes that stand down for people to read."""
        replace(self.workspace.outcomes_file, self._outcome_lines())

    def settle(self, counts: Counts, tables: Tables, clock: Clock) -> Counts:
        """Write down counts and final state, and what the tables say of them; the counts, with those of the table."""
        self.keep(counts)
        self.finish(counts, clock())
        counted = tables.update(self.folder, clock)
        if counted is not None:
            counts = dataclasses.replace(counts, rows=counted[0], refused_rows=counted[1])
            self.keep(counts)
        self.folder.submitted_file.unlink(missing_ok=True)
        return counts

    def others_outcomes(self) -> Iterator[bytes]:
        """The lines of `outcomes.ndjson` that are of other operations."""
        if self.workspace.outcomes_file.exists():
            with self.workspace.outcomes_file.open("rb") as lines:
                yield from (line for line in lines if json.loads(line)["operation"] != self.name.operation_id)

    def _outcome_lines(self) -> Iterator[bytes]:
        """`outcomes.ndjson` with this operation's lines anew; those of other operations stay."""
        mine = self.name.operation_id
        yield from self.others_outcomes()
        for entry in standing(self.folder):
            yield json.dumps({"operation": mine, **entry}).encode() + b"\n"


def find_operation(workspace: Workspace, operation_id: str | None) -> Operation:
    """An operation of the workspace by its id, the only one if none is named; its stores stay unnamed. Raises ConfigError."""
    ids = sorted(path.stem for path in workspace.operations.glob("*.json"))
    if operation_id is None and len(ids) == 1:
        operation_id = ids[0]
    if operation_id is None or operation_id not in ids:
        why = "there is no such operation in the workspace" if operation_id else "the workspace does not hold exactly one operation"
        raise ConfigError("--operation", why, f"name one of: {', '.join(ids) or 'none'}")
    return operation_of(workspace, operation_id)


def operation_of(workspace: Workspace, operation_id: str) -> Operation:
    """The operation of that id; its stores stay unnamed."""
    return Operation(OperationName(operation_id, "", "", ""), workspace)


def _as_json(state: Mapping[str, Any]) -> bytes:
    return json.dumps(state, indent=1).encode() + b"\n"


def _counter(counts: Counts) -> dict[str, str]:
    return {
        "pending": "0",
        "success": str(counts.written),
        "failure": str(counts.held + counts.failed),
        "secondarySuccess": str(counts.answered),
        "secondaryFailure": str(counts.dead),
    }
