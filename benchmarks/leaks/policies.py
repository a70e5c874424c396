"""The policies of the benchmark, and what each makes of a planted data set."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any, NamedTuple

import pydicom
from pydicom.datadict import keyword_for_tag

from benchmarks.leaks.look import Left, left
from benchmarks.leaks.planted import Planted
from transforms.model.config import parse_config
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Secret
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult
from transforms.model.resolve import resolve
from transforms.proof.prover import Prover
from transforms.tags.scrubber import Scrubber

BASIC = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
STARTED = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


class PolicyConfig(NamedTuple):
    """A config, and what it leaves by consent."""

    config: dict[str, Any]
    kept_kinds: frozenset[str] = frozenset()
    kept_tags: frozenset[str] = frozenset()


def _basic(**options: bool) -> dict[str, Any]:
    return {"dicomTagConfig": {"profileType": BASIC, "ps315Options": options}}


POLICIES = {
    "basic": PolicyConfig(_basic()),
    "minimal": PolicyConfig({"dicomTagConfig": {"profileType": "MINIMAL_KEEP_LIST_PROFILE"}}),
    "dates": PolicyConfig(
        _basic(retainLongitudinalModifiedDates=True, cleanDescriptors=True, cleanStructuredContent=True, cleanGraphics=True)
    ),
    "full": PolicyConfig(_basic(retainLongitudinalFullDates=True, retainPatientCharacteristics=True, retainSafePrivate=True)),
    "uids": PolicyConfig(
        _basic(retainUids=True, retainDeviceIdentity=True, retainInstitutionIdentity=True), frozenset({"study", "series", "instance"})
    ),
    "contents": PolicyConfig(CONTENTS),
    "hashed": PolicyConfig({**CONTENTS, "text": {"transformations": [{"infoTypes": [], "cryptoHashConfig": {}}]}}),
    "keepList": PolicyConfig(
        {"dicom": {"keepList": {"tags": ["PatientID", "StudyDescription", "SeriesDescription", "Modality"]}}},
        frozenset({"id"}),
        frozenset({"00081030", "0008103E", "00080060"}),
    ),
}


class Outcome(NamedTuple):
    """What became of one data set."""

    kind: str
    """clean, held, failed or leak."""
    told: list[str]
    """What is left, or why it is held."""


class Policy:
    """One policy with its scrubber and second look."""

    def __init__(self, policy: PolicyConfig) -> None:
        plan = resolve(parse_config(json.dumps(policy.config)))
        self._policy, self._scrubber, self._prover = policy, Scrubber(plan, Secret(b"k" * 32)), Prover(plan)

    def run(self, source: Planted) -> Outcome:
        """Scrub, prove, look."""
        opened = _opened(source)
        try:
            proven = self._prover.prove(self._scrubber.scrub(opened))
        except InstanceProblem as problem:
            return Outcome("failed", [problem.code])
        if proven.holds:
            return Outcome("held", [str(hold) for hold in proven.holds])
        remaining = [one for one in left(proven.content, source.words) if not self._consented(one)]
        return Outcome("leak" if remaining else "clean", [_line(one) for one in remaining])

    def _consented(self, one: Left) -> bool:
        return one.kind in self._policy.kept_kinds or one.where in self._policy.kept_tags


def _opened(source: Planted) -> OpenInstance:
    dataset = pydicom.dcmread(io.BytesIO(source.content))
    uids = InstanceUids(*(source.words[level] for level in ("study", "series", "instance")))
    return OpenInstance(InstanceRef("00" * 8, "/planted", len(source.content)), uids, dataset, STARTED, PixelResult())


def _line(one: Left) -> str:
    return f"{one.kind} in {one.where} {keyword_for_tag(int(one.where[-8:], 16))} {one.vr} {one.value!r}"
