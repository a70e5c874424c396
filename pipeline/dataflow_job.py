"""Whether the job of a submitted run is over: Dataflow is asked, since a job that fails as a whole says nothing in the workspace."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transforms.model.endpoints import rest_endpoint
from transforms.model.errors import PreflightError
from transforms.model.workspace import OperationFolder

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult

_UNKNOWN = "Dataflow knows of no such job"
"""In place of a state: a template was made of it (`--template_location`), and nobody has started that, or it is gone."""
_FOLLOWED = "another job has its name by now"
"""In place of a state: of one name one job is at work at most (Dataflow API, projects.jobs)."""
_OVER = frozenset({"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED", _UNKNOWN, _FOLLOWED})
"""States that a job does not leave (Dataflow API, JobState)."""
_FLEX = "FLEX_TEMPLATE_PYTHON_PY_FILE"
"""What the environment of a Flex Template's launcher has: the program that it starts, which is ours."""
_SECONDS = 60.0
"""In which the service answers."""
_CLOCKS = dt.timedelta(minutes=5)
"""By which the launcher's clock and the service's may differ. Of one name one job is at work at most, so others are further away."""


@dataclasses.dataclass(frozen=True)
class DataflowJob:
    """One job of a region."""

    project: str
    region: str
    name: str
    identity: str
    """Empty: only the name is known, and the job is the latest of that name which was made between these moments."""
    since: str = ""
    """ISO 8601; empty: at any time before."""
    until: str = ""
    """The same; empty: at any time after."""

    def may_be(self, made: dt.datetime) -> bool:
        """Whether a job of that name, made then, may be this one, by clocks that may differ."""
        is_late = bool(self.until) and made > dt.datetime.fromisoformat(self.until) + _CLOCKS
        is_early = bool(self.since) and made < dt.datetime.fromisoformat(self.since) - _CLOCKS
        return not is_late and not is_early

    def to_json(self) -> bytes:
        """To be kept in a workspace."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"


def job_to_be(options: PipelineOptions, now: dt.datetime) -> DataflowJob:
    """The job that a launch is about to make, of which the name alone is known yet. That of a Flex Template's launcher is there already."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions  # noqa: PLC0415 - who asks after a job does without Beam

    google = options.view_as(GoogleCloudOptions)
    made = {"until" if _is_of_flex_template(google) else "since": now.isoformat()}
    return DataflowJob(google.project, google.region, google.job_name, "", **made)


def job_made(job: DataflowJob, result: DataflowPipelineResult) -> DataflowJob:
    """The same once it is made. Where a template is, it is not known better, and the launcher of a Flex Template is not told."""
    return dataclasses.replace(job, identity=result.job_id()) if result.has_job else job


def own_name(beam: Sequence[str]) -> str | None:
    """The name of the job that the launcher of a Flex Template, if we are it, is about to become; the service has made it already."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions  # noqa: PLC0415

    google = GoogleCloudOptions(list(beam))
    name: str | None = google.job_name
    return name if _is_of_flex_template(google) else None


def _is_of_flex_template(google: GoogleCloudOptions) -> bool:
    """Whether we are the launcher of one; the image alone is no launch."""
    return _FLEX in os.environ and bool(google.template_location)


def how_it_ended(folder: OperationFolder, own: str | None = None) -> str | None:
    """The last state of the job that has an operation, such as `FAILED`, or why there can be none.

    None while it is at work, or where none is known of. `own` is the name of the job that is just launched: an earlier one of that name
    is over. Raises PreflightError where Dataflow does not say.
    """
    try:
        job = DataflowJob(**json.loads(folder.submitted_file.read_bytes()))
    except FileNotFoundError:
        return None
    state = _FOLLOWED if job.name == own and not job.identity else _state(job)
    return state if state in _OVER else None


def _state(job: DataflowJob) -> str:
    import google.auth.exceptions  # noqa: PLC0415 - these take long to import, and only those who ask wait
    from google.api_core.exceptions import GoogleAPICallError, NotFound  # noqa: PLC0415
    from google.cloud import dataflow_v1beta3 as dataflow  # noqa: PLC0415
    from google.cloud.dataflow_v1beta3.services.jobs_v1_beta3.transports import JobsV1Beta3RestTransport  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        transport = JobsV1Beta3RestTransport(**rest_endpoint("DATAFLOW", "dataflow.googleapis.com", "--operation_id"))
        client = dataflow.JobsV1Beta3Client(transport=transport)
        place = {"project_id": job.project, "location": job.region}
        if job.identity:
            found = client.get_job({**place, "job_id": job.identity}, timeout=_SECONDS)
        else:
            named = client.list_jobs({**place, "name": job.name}, timeout=_SECONDS)
            found = max((one for one in named if job.may_be(one.create_time)), key=lambda one: one.create_time, default=None)
    except NotFound:
        return _UNKNOWN
    except (GoogleAPICallError, google.auth.exceptions.GoogleAuthError, RequestException) as error:
        why = f"Dataflow does not say whether its job is at work ({type(error).__name__})"
        raise PreflightError("--operation_id", why, "grant roles/dataflow.viewer, or look at the job yourself") from None
    if found is None:
        return _UNKNOWN
    return dataflow.JobState(found.current_state).name.removeprefix("JOB_STATE_")
