"""What `dicom-deid plan` says: counts are exact, times are measured by a fair sample."""

import dataclasses
import json
import math
import subprocess
import sys

import pydicom
import pytest
from cloud_dlp import PARENT
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.cpu import cpu_seconds
from pipeline.plan import SAMPLE_SECONDS, Plan, make_plan, spread
from transforms.model.config import SAFE_CONFIG
from transforms.model.plan import ALL_TEXT, NO_TEXT, ActionPlan, Profile
from transforms.model.resolve import resolve
from transforms.pixels.redactor import redactor_of
from transforms.read.open import read_content

ASKING = ActionPlan(Profile.CONTENTS, False, NO_TEXT, dlp_parent=PARENT)
files = st.lists(st.integers(0, 10**9), min_size=1, max_size=200).map(lambda sizes: [(f"/{n}", size) for n, size in enumerate(sizes)])


@given(files, st.integers(1, 30))
def test_a_sample_is_drawn_from_all_sizes_and_always_alike(files, most):
    chosen = spread(files, most)
    assert chosen == spread(files[::-1], most)
    assert len(set(chosen)) == len(chosen) == min(most, len(files))
    assert set(chosen) <= set(files)
    ordered = sorted(files, key=lambda file: (file[1], file[0]))
    part = len(files) / len(chosen)
    places = sorted(ordered.index(one) for one in chosen)
    assert all(abs(place + 0.5 - (number + 0.5) * part) <= 1 for number, place in enumerate(places))


@pytest.mark.parametrize(
    ("quota", "workers", "bound"), [(600, 1, "de-identifying"), (60, 1, "the FHIR"), (600, 20, "the FHIR"), (None, 1, "de-id")]
)
def test_the_longer_of_the_two_bounds(quota, workers, bound):
    plan = Plan(instances=5999, size=10**9, sampled=20, cpu_each=0.5, workers=workers, write_ops_per_minute=quota)
    assert plan.writes == 6000
    assert plan.deidentifying == pytest.approx(5999 / 120 / workers)
    assert plan.writing == (quota and 6000 / quota)
    assert plan.lines()[-1].startswith(f"bound by: {bound}")


def test_a_job_that_its_launcher_leaves_takes_both_times_one_after_the_other():
    plan = Plan(instances=5999, size=10**9, sampled=20, cpu_each=0.5, workers=10, write_ops_per_minute=600)
    assert plan.wall == plan.writing == 10
    left = dataclasses.replace(plan, is_left=True)
    assert left.wall == pytest.approx(10 + 5999 / 1200)
    assert "both: 10.0 min, at the same time" in plan.lines()
    assert any(line.startswith("both: 15.0 min, one after the other") for line in left.lines())
    assert dataclasses.replace(left, write_ops_per_minute=None).wall == left.deidentifying


def test_real_instances_are_measured_and_broken_ones_do_not_stop_it(real_file, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(real_file("CT_small.dcm").read_bytes()[:2000])
    paths = [real_file("CT_small.dcm"), real_file("rtplan.dcm"), broken, tmp_path / "gone"]
    plan = make_plan([(str(path), 1000) for path in paths], read_content, resolve(SAFE_CONFIG), redactor_of(ALL_TEXT), 2, 600)
    assert (plan.instances, plan.size, plan.sampled, plan.writes) == (4, 4000, 4, 5)
    assert 0 < plan.cpu_each < 60


@pytest.mark.parametrize(("plan_of", "waiting"), [(resolve(SAFE_CONFIG), 7), (ASKING, 14)])
def test_what_is_asked_for_counts_as_waiting_and_the_rest_by_cpu(real_file, cloud_dlp, plan_of, waiting):
    """A clock that goes ten seconds at every look, and CPU that goes three; only Cloud DLP lets the stages wait."""
    wall, taken = iter(range(0, 10**6, 10)), iter(range(0, 10**6, 3))
    clocks = {"clock": lambda: float(next(wall)), "busy": lambda: float(next(taken))}
    files = [(str(real_file("rtplan.dcm")), 1000)]
    plan = make_plan(files, read_content, plan_of, redactor_of(NO_TEXT), 1, None, **clocks)
    assert (plan.cpu_each, plan.waiting_each) == (3 + 3, waiting)
    assert plan.seconds_each == 3 + 3 + waiting


@pytest.mark.parametrize(("threads", "each"), [(1, 0.22), (2, 0.11), (5, 0.044), (6, 0.04), (60, 0.04)])
def test_threads_share_the_waiting_of_a_core_and_not_its_work(threads, each):
    plan = Plan(1000, 0, 20, cpu_each=0.04, workers=10, write_ops_per_minute=60_000, waiting_each=0.18, threads=threads)
    assert plan.seconds_each == pytest.approx(each)
    assert plan.deidentifying == pytest.approx(1000 * each / 10 / 60)
    waits = each > 0.08
    assert plan.lines()[-1] == f"bound by: {'waiting for sources and servers' if waits else 'de-identifying'}"
    assert f"10 workers of {threads} thread{'s' if threads > 1 else ''}" in plan.lines()[2]
    assert f"which {math.ceil(1000 * each - 1e-9)} cores would feed" in plan.lines()[3]


def test_the_threads_of_the_plan_are_those_of_the_run(described, tmp_path, capsys):
    words = ["--source", described, "--destination", tmp_path / "out", "--workspace", tmp_path / "work"]
    assert main(["plan", *map(str, words), "--number_of_worker_harness_threads=4"]) == 0
    assert "with 1 worker of 1 thread (" in capsys.readouterr().out  # here there is one a worker


def test_cpu_is_that_of_programs_too_whether_they_have_ended_or_not():
    def spent(burn):
        before = cpu_seconds()
        with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            program.stdout.readline()
            running = cpu_seconds() - before
            program.stdin.close()
        return running, cpu_seconds() - before

    running, ended = spent("import time; end = 0.5\nwhile time.process_time() < end: pass\nprint(flush=True); input()")
    assert 0.4 < running <= ended + 0.02


def test_a_slow_source_is_sampled_no_longer_than_it_takes_to_know(real_file):
    times = iter(range(0, 10**6, 10))
    plan = make_plan(
        [(str(real_file("rtplan.dcm")), 1000)] * 20,
        read_content,
        resolve(SAFE_CONFIG),
        redactor_of(ALL_TEXT),
        1,
        None,
        clock=lambda: float(next(times)),
        busy=lambda: 0.0,
    )
    assert (plan.cpu_each, plan.waiting_each) == (0, 10)
    assert plan.sampled * 10 <= SAMPLE_SECONDS
    assert 1 <= plan.sampled < 20


@pytest.fixture
def described(real_file, tmp_path):
    """Four files: three with texts of their own, and one with those of the first."""
    folder = tmp_path / "described"
    folder.mkdir()
    for number, ward in enumerate(("Ward Nine", "Ward Ten", "Ward Eleven", "Ward Nine")):
        dataset = pydicom.dcmread(real_file("rtplan.dcm"))
        dataset.StudyDescription = f"seen at {ward}"
        dataset.private_block(0x0099, "ACME", create=True).add_new(1, "UN", f"sent to {ward}".encode())
        dataset.save_as(folder / f"{number}.dcm")
    return folder


def test_requests_to_cloud_dlp_are_counted_in_the_sample_and_told_for_all(described, cloud_dlp):
    files = [(str(path), path.stat().st_size) for path in sorted(described.iterdir())]
    plan = make_plan(files, read_content, ASKING, redactor_of(NO_TEXT), 1, None)
    assert (plan.requests_sampled, cloud_dlp.calls, plan.requests) == (3, 3, 3)
    assert "requests to Cloud DLP: about 3 (3 for the 4 of the sample)" in plan.lines()
    assert dataclasses.replace(plan, instances=1001).requests == 751


def test_without_cloud_dlp_nothing_is_said_of_it(described):
    files = [(str(path), path.stat().st_size) for path in described.iterdir()]
    plan = make_plan(files, read_content, resolve(SAFE_CONFIG), redactor_of(ALL_TEXT), 1, None)
    assert plan.requests is None
    assert "Cloud DLP" not in "".join(plan.lines())


@pytest.mark.parametrize(("words", "inspected"), [((), True), (("--api_vrs_only",), False)])
def test_the_plan_that_is_measured_is_that_of_the_run(described, cloud_dlp, tmp_path, capsys, words, inspected):
    places = ["--source", described, "--destination", tmp_path / "out", "--workspace", tmp_path / "work", "--allow_identifiable"]
    config = json.dumps({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "image": {"textRedactionMode": "REDACT_NO_TEXT"}})
    engine = ["--config", config, "--inspection_engine", "dlp", "--dlp_parent", PARENT]
    assert main(["plan", *map(str, places), *engine, *words]) == 0
    asked = {text for texts in cloud_dlp.asked for text in texts}
    assert "seen at Ward Nine" in asked
    assert ("sent to Ward Nine" in asked) is inspected
    assert "requests to Cloud DLP: about 3" in capsys.readouterr().out
