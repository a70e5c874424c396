"""Dataflow's own API as far as it is about jobs (v1b3, projects.locations.jobs: create, get, list), over the service's own messages."""

import datetime as dt
import http.server
import json
import re
from contextlib import contextmanager

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment
from google.cloud import dataflow_v1beta3 as dataflow
from on_loopback import Answering, listening

from transforms.model.storage import read_bytes

JOBS = re.compile(r"/v1b3/projects/(?P<project>[^/]+)/locations/[^/]+/jobs(/(?P<id>[^/?]+))?(\?.*)?")
CREATED = "2026-01-01T00:00:00Z"


class DataflowService:
    """Jobs by their ids. Of the project `closed` nobody is told anything."""

    def __init__(self):
        self.jobs = {}
        self.shut = False
        """Whether the next call is refused."""
        self.url = ""
        """By a name that Beam takes for this machine, and so calls by plain HTTP."""

    def put(self, identity, name, state, created=CREATED):
        """A job as it is from now on; one that is there keeps the time at which it was made."""
        created = self.jobs[identity].create_time if identity in self.jobs else created
        self.jobs[identity] = dataflow.Job(id=identity, name=name, current_state=f"JOB_STATE_{state}", create_time=created)

    def work_on(self, identity):
        """Run a job to its end as its workers would: the very pipeline that was staged, and nothing else that its launcher had.

        This process stands for the image, whose name is all that is changed.
        """
        job = self.jobs[identity]
        options = dataflow.Environment.to_dict(job.environment)["sdk_pipeline_options"]["options"]
        pipeline = beam_runner_api_pb2.Pipeline.FromString(read_bytes(options["pipelineUrl"]))
        for environment in pipeline.components.environments.values():
            environment.CopyFrom(EmbeddedPythonEnvironment.default().to_runner_api(None))
        FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([]))
        job.current_state = dataflow.JobState.JOB_STATE_DONE

    def answer(self, path, body):
        """Status and JSON of one call; `body` where a job is created."""
        called = JOBS.fullmatch(path)
        shut, self.shut = self.shut, False
        if called is None or shut or called["project"] == "closed":
            return 403, json.dumps({"error": {"code": 403, "message": "none"}})
        if body:
            job = dataflow.Job.from_json(body)
            job.id, job.current_state, job.create_time = f"2026-{len(self.jobs)}", "JOB_STATE_QUEUED", dt.datetime.now(dt.UTC)
            self.jobs[job.id] = job
            return 200, dataflow.Job.to_json(job)
        if called["id"] is None:
            named = [job for job in self.jobs.values() if f"name={job.name}" in path]
            return 200, dataflow.ListJobsResponse.to_json(dataflow.ListJobsResponse(jobs=named))
        if called["id"] not in self.jobs:
            return 404, json.dumps({"error": {"code": 404, "message": "none"}})
        return 200, dataflow.Job.to_json(self.jobs[called["id"]])


@contextmanager
def serving(service):
    """The service on loopback, at its `url`."""

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = service.answer(self.path, body)
            self.answer(status, text.encode(), "application/json")

        do_POST = do_GET  # noqa: N815

    with listening(Handler) as url:
        service.url = url.replace("127.0.0.1", "localhost")
        yield
