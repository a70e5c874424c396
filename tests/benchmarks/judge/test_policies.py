"""Under the policies that no whole run is judged by (`e2e/test_judged`), scrubber and proof meet the target; nobody looks into pixels."""

import csv
import datetime as dt
import json

import pytest

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import Check, read_key
from benchmarks.judge.outputs import match
from benchmarks.judge.plant import plant
from benchmarks.judge.policies import CONTENTS, DATES, KEPT, LISTED, MINIMAL, POLICIES, RETAINED
from benchmarks.judge.product import CONFIGS
from benchmarks.judge.report import rows, shortfalls
from transforms.model.config import parse_config
from transforms.model.keys import Purpose
from transforms.model.records import InstanceRef
from transforms.model.resolve import resolve
from transforms.proof.prover import Prover
from transforms.read.open import open_instance
from transforms.tags.scrubber import Scrubber

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Two patients in two character sets and transfer syntaxes: eight instances."""
    folder = tmp_path_factory.mktemp("planted")
    plant(77, folder, patients=2, studies=1, slices=1)
    return folder


@pytest.fixture
def scrubbed(planted, secret, tmp_path):
    """A function from a policy to the folder of what is published under it, and the map of UIDs."""

    def run(policy):
        plan = resolve(parse_config(json.dumps(CONFIGS[policy])))
        scrubber, prover, published = Scrubber(plan, secret), Prover(plan), tmp_path / policy
        published.mkdir()
        with (tmp_path / "uids.csv").open("w", newline="") as file:
            uids = csv.writer(file)
            uids.writerow(("id_old", "id_new"))
            for number, path in enumerate(sorted((planted / "source").rglob("*.dcm"))):
                content = path.read_bytes()
                opened = open_instance(InstanceRef(f"{number:016x}", str(path), len(content)), content, secret.purpose(Purpose.UID), NOON)
                done = prover.prove(scrubber.scrub(opened))
                assert done.holds == (), path.name
                uids.writerow((done.opened.source.instance, done.target.instance))
                (published / f"{number}.dcm").write_bytes(done.content)
        return published, tmp_path / "uids.csv"

    return run


@pytest.mark.parametrize("policy", [DATES, RETAINED, MINIMAL, LISTED])
def test_the_target_is_met(planted, scrubbed, policy):
    published, uid_map = scrubbed(policy)
    answers = read_key(planted / "key.jsonl")
    matched = match(answers, planted / "source", published, uid_map)
    given = [verdict for verdict in verdicts(answers, policy, matched) if verdict.check is not Check.PIXELS_HIDDEN]
    table = rows(given)
    assert shortfalls(table, len(matched.strangers) + len(matched.unreadable)) == [], [verdict for verdict in given if not verdict.passed]
    assert table[-1].total > 450


def test_policies_ask_for_what_sets_them_apart(planted):
    """So that none of them passes for want of checks."""
    asked = {policy: set() for policy in POLICIES}
    for answer in read_key(planted / "key.jsonl"):
        for one in answer.checks:
            for policy in POLICIES:
                if one.is_due(policy):
                    asked[policy].add((one.check, one.path))
    assert (Check.TEXT_RETAINED, "00080020") in asked[RETAINED] - asked[CONTENTS]  # Study Date
    assert (Check.TEXT_RETAINED, "00181000") in asked[RETAINED] - asked[LISTED]  # Device Serial Number
    assert (Check.TEXT_RETAINED, "0020000D") in asked[RETAINED] - asked[MINIMAL]
    assert (Check.TAG_RETAINED, "00100040") in asked[LISTED] - asked[MINIMAL]  # Patient's Sex
    assert (Check.TEXT_RETAINED, "00281053") in asked[MINIMAL]  # Rescale Slope
    assert (Check.TEXT_RETAINED, "00080070") not in asked[MINIMAL]
    assert "Manufacturer" in KEPT
    assert all((Check.TEXT_REMOVED, "00100010") in due and (Check.DATE_SHIFTED, "00100030") in due for due in asked.values())
