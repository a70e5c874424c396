"""A planted set through the whole product, judged by who knows nothing of it: the targets are met."""

import json
import shutil
import subprocess

import pytest

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import Check, read_key
from benchmarks.judge.outputs import match
from benchmarks.judge.plant import plant
from benchmarks.judge.policies import CONTENTS, STRUCTURED
from benchmarks.judge.product import CONFIGS
from benchmarks.judge.report import rows, shortfalls


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Two patients in two character sets and transfer syntaxes: ten instances."""
    folder = tmp_path_factory.mktemp("planted")
    plant(9, folder, patients=2, studies=1, slices=2)
    return folder


@pytest.fixture(scope="module", params=[STRUCTURED, CONTENTS])
def finished(request, planted, deidentify, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "config.json").write_text(json.dumps(CONFIGS[request.param]))
    return request.param, deidentify(planted / "source", folder, "--config", folder / "config.json", "--allow_identifiable")


def test_the_targets_are_met(planted, finished):
    policy, run = finished
    assert run.code == 0, run.output
    answers = read_key(planted / "key.jsonl")
    matched = match(answers, planted / "source", run.destination)
    given = list(verdicts(answers, policy, matched))
    table = rows(given)
    assert shortfalls(table, len(matched.strangers) + len(matched.unreadable)) == [], [verdict for verdict in given if not verdict.passed]
    asked = {row.name for row in table}
    assert asked >= set(Check) - {Check.RUNS_AGREE, Check.PATID_CONSISTENT}
    assert table[-1].total > 1000


@pytest.mark.servers("dcmdump", "gdcminfo")
@pytest.mark.parametrize("tool", [("dcmdump", "-q"), ("gdcminfo",)])
def test_other_readers_read_every_output(finished, tool):
    outputs = sorted(finished[1].destination.rglob("*.dcm"))
    assert len(outputs) == 10
    for path in outputs:
        read = subprocess.run([shutil.which(tool[0]), *tool[1:], path], capture_output=True, text=True, check=False)
        assert read.returncode == 0, read.stderr
        assert "E:" not in read.stderr
