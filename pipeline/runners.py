"""What of a command line is Beam's: the runner, and options that are none of ours."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions, StandardOptions, TestOptions, WorkerOptions
from apache_beam.options.pipeline_options import _BeamArgumentParser as BeamArgumentParser
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.transforms.resources import resource_hints_from_options

from transforms.model.errors import ConfigError

DEFAULT_RUNNER = "FnApiRunner"
"""DirectRunner first tries to download another runner, and may silently drop to a five times slower one (DESIGN 1)."""

_OTHERS = "use FnApiRunner, PrismRunner, PortableRunner or DataflowRunner"

DATAFLOW = "DataflowRunner"

LOSES_OUTPUTS = frozenset({"daskrunner", "pysparkrunner", "beampysparkrunner"})
"""Runners that lose tagged outputs silently (measured); in lower case, since Beam takes their names in any."""

LOCAL_RUNNERS = frozenset({"fnapirunner", "directrunner", "bundlebaseddirectrunner", "switchingdirectrunner", "prismrunner"})

_REMOTE_RUNNERS = frozenset({DATAFLOW.lower(), "portablerunner"})

TAKES_ENVIRONMENT = frozenset({"directrunner", "switchingdirectrunner", "prismrunner"})
"""Of these, those that are Prism or may become it, whose workers are where --environment_type says."""

OF_THE_LAUNCH = (
    "launcher_machine_type",
    "enable_launcher_vm_serial_port_logging",
    "dump_heap_on_oom",
    "save_heap_dumps_to_gcs_path",
    "streaming_mode",
)
"""What the environment of a Flex Template has beyond Beam's options (Dataflow API, FlexTemplateRuntimeEnvironment): the service settles
it before the launcher starts, or it is of Java's workers or of streams, which are none of ours."""


def leaves(runner: str) -> bool:
    """Whether the launcher is done when the job is submitted."""
    return runner.lower() == DATAFLOW.lower()


class Refusing(argparse.ArgumentParser):
    """A parser that refuses as we do."""

    def error(self, message: str) -> None:  # type: ignore[override]  # raises like the original, but our own error
        """Raise ConfigError."""
        raise ConfigError("options", re.sub(r"^argument ", "", message), "see dicom-deid run --help")


class _BeamParser(Refusing, BeamArgumentParser):
    pass


def is_given(option: str, kind: type[PipelineOptions], beam: Sequence[str]) -> bool:
    """Whether a command line names an option of one of Beam's kinds, be it with its default value."""
    parser = _BeamParser(allow_abbrev=False)
    kind._add_argparse_args(parser)
    parser.set_defaults(**{option: None})
    return getattr(parser.parse_known_args(list(beam))[0], option) is not None


def runner_of(beam: list[str]) -> str:
    """The runner that is named, or ours. Raises ConfigError for one that loses outputs, and for one that this graph was not tried on."""
    named = (StandardOptions(beam).runner or DEFAULT_RUNNER).rpartition(".")[2]
    name = named if named.lower().endswith("runner") else f"{named}Runner"  # Beam takes the short names too
    if name.lower() in LOSES_OUTPUTS:
        raise ConfigError("--runner", "this runner silently loses outcomes and Provenance", _OTHERS, named)
    if name.lower() == "flinkrunner":
        why = "it starts a job server of its own, which it downloads, and no run was ever checked on that"
        raise ConfigError(
            "--runner", why, "start Flink's job server, and name it by --runner=PortableRunner --job_endpoint=HOST:PORT", named
        )
    if name.lower() not in LOCAL_RUNNERS | _REMOTE_RUNNERS:
        raise ConfigError("--runner", "it is none on which a run was ever checked", _OTHERS, named)
    return name


def refuse_unknown(beam: list[str]) -> None:
    """Raise ConfigError for what is no option of Beam's either, nor of a Flex Template's launcher, and for values that nobody can mean."""
    known_to_beam = _BeamParser(allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(known_to_beam)
    for name in OF_THE_LAUNCH:
        known_to_beam.add_argument(f"--{name}", nargs="?")
    _, unknown = known_to_beam.parse_known_args(beam)
    for flag in unknown:
        name = flag.split("=")[0]
        if name.startswith("-"):
            raise ConfigError("options", "neither ours nor one of Apache Beam's", "see dicom-deid run --help", name)
    if unknown:
        raise ConfigError("options", "a word stands where an option should", "write every value behind its --option")
    if TestOptions(beam).dry_run:
        why = "Beam's own runners run all the same, and for Dataflow it leaves an operation that no job has"
        raise ConfigError("--dry_run", why, "ask dicom-deid plan what a run would do")
    if DirectOptions(beam).direct_num_workers < 0:
        raise ConfigError("--direct_num_workers", "a number of workers is 0 (one a core) or more", "give another")
    if (DebugOptions(beam).number_of_worker_harness_threads or 0) < 0:
        raise ConfigError("--number_of_worker_harness_threads", "a core has one or more", "give another number, or leave it out")
    _require_valid(PipelineOptions(beam))
    try:
        resource_hints_from_options(PipelineOptions(beam))
    except ValueError:
        raise ConfigError("--resource_hints", "Beam knows no such hint, or no such value of it", "write min_ram=8GB, for example") from None


def _require_valid(options: PipelineOptions) -> None:
    """Raise ConfigError for values that do not go together. Beam would say it itself, when a run is under way."""
    validator, workers = PipelineOptionsValidator(options, None), options.view_as(WorkerOptions)
    errors = [*validator.validate(), *validator.validate_num_workers(workers), *validator.validate_worker_region_zone(workers)]
    if errors:
        raise ConfigError("options", f"Apache Beam does not take them ({errors[0].rstrip('.')})", "correct that")
