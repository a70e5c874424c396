"""`dicom-deid explain`: what a config would do, with a file to each of its elements, and why. Nothing is written."""

from __future__ import annotations

import dataclasses
import datetime as dt
import secrets
from collections.abc import Iterator

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from pipeline.documents import read_document
from transforms.inspection.engine import requests_sent
from transforms.inspection.wanted import require_known
from transforms.model.config import SAFE_CONFIG, parse_config
from transforms.model.keys import KEY_BYTES, Purpose, Secret
from transforms.model.plan import API_TEXT_VRS, PSEUDONYMS, ActionPlan, ImagePlan, PatientMode, PatientPlan, TextMode
from transforms.model.records import InstanceRef, TagFinding
from transforms.model.resolve import with_api_vrs_only, without_keys
from transforms.read.open import open_instance, read_content
from transforms.tags import elements
from transforms.tags.consent import leaves_identity
from transforms.tags.patients import with_patients
from transforms.tags.policy import admit
from transforms.tags.scrubber import Scrubber

KEPT = "KEPT"


def explain(
    config: str | None, file: str | None, *, api_vrs_only: bool = False, patients: PatientPlan = PSEUDONYMS, dlp_parent: str = ""
) -> Iterator[str]:
    """The lines to print. No value of the file is in them. Raises ConfigError, InstanceProblem."""
    plan = without_keys(parse_config(read_document("--config", config).text) if config else SAFE_CONFIG)
    plan = with_patients(with_api_vrs_only(plan) if api_vrs_only else plan, patients)
    plan = dataclasses.replace(plan, dlp_parent=dlp_parent)
    require_known(plan)
    yield from _of_plan(plan)
    if file is not None:
        yield ""
        yield from _of_file(plan, file)


def _of_plan(plan: ActionPlan) -> Iterator[str]:
    yield f"profile: {plan.profile}"
    if plan.options:
        yield f"options of PS3.15: {', '.join(sorted(option.replace('_', ' ') for option in plan.options))}"
    for number, rule in enumerate(plan.rules, 1):
        yield f"action {number}: {rule.verb} {rule.query.text}"
    yield f"UIDs of study, series and instance: {'kept' if plan.keep_primary_uids else 'regenerated'}"
    yield f"text in pixels: {_of_image(plan.image)}"
    yield f"patients, by the Basic profile: {_of_patients(plan.patients)}"
    if plan.cleans_text:
        named = "".join(f"{info_type} by {made.kind}, " for info_type, made in plan.text.by_info_type)
        yield f"text that inspection finds: {named}the rest {f'by {plan.text.default.kind}' if plan.text.default else 'left'}"
    if plan.cleans_text and plan.api_vrs_only:
        yield f"inspected are texts of {', '.join(sorted(API_TEXT_VRS))}"
    if plan.dlp_parent and (plan.cleans_text or plan.image.mode is TextMode.SENSITIVE):
        yield f"language is looked for by Cloud DLP in {plan.dlp_parent}"
    if plan.trial:
        yield f"clinical trial: {', '.join(f'{keyword_for_tag(tag)} {value!r}' for tag, value in plan.trial)}, its subject the patient"
    lines = leaves_identity(plan)
    yield "can leave identity behind:" if lines else "leaves no identity behind by plan"
    yield from (f"  {line}" for line in lines)


def _of_patients(patients: PatientPlan) -> str:
    if patients.map_uri:
        return "by the map; others are held"
    return "a keyed pseudonym each" if patients.mode is PatientMode.PSEUDONYM else "ids and names emptied"


def _of_image(image: ImagePlan) -> str:
    if image.mode is not TextMode.SENSITIVE:
        return "all redacted" if image.mode is TextMode.ALL else "left"
    kinds = "what is sensitive" if image.only is None else ", ".join(sorted(image.only)) or "what the patterns match"
    told = [f"without {', '.join(sorted(image.exclude))}"] if image.exclude else []
    told += (
        [f"{len(image.patterns)} pattern{'s' if len(image.patterns) > 1 else ''}"] if image.patterns and image.only != frozenset() else []
    )
    told += ["the header's own phrases"] if image.phrases else []
    return "; ".join([f"{kinds} redacted, and what cannot be read surely", *told])


def _of_file(plan: ActionPlan, file: str) -> Iterator[str]:
    """One line for each element of the file: where, what would happen, why."""
    secret = Secret(secrets.token_bytes(KEY_BYTES))
    content = read_content(file)
    reference = InstanceRef("", file, len(content))
    opened = open_instance(reference, content, secret.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
    admit(opened.dataset)
    sent_before = requests_sent()
    scrubbed = Scrubber(plan, secret).scrub(opened)
    told: dict[tuple[str, str], list[TagFinding]] = {}
    for finding in scrubbed.findings:
        told.setdefault((finding.path, finding.tag), []).append(finding)
    for where, tag in _elements(opened.dataset, ""):
        yield from _lines(where, tag, told.get((where, f"{tag:08X}"), []))
    yield from (f"would be held: {hold.sentence}" for hold in scrubbed.holds)
    if plan.dlp_parent:
        yield f"requests to Cloud DLP for this: {requests_sent() - sent_before}, and those for lines that are read in its pixels"


def _lines(where: str, tag: int, findings: list[TagFinding]) -> Iterator[str]:
    name = f"{where + '.' if where else ''}{tag:08X} {keyword_for_tag(tag)}".rstrip()
    if not findings:
        yield f"{name}: {KEPT}"
    for finding in findings:
        kind = f" {finding.info_type}" if finding.info_type else ""
        yield f"{name}: {finding.action}{kind} ({finding.reason})"


def _elements(dataset: Dataset, where: str) -> Iterator[tuple[str, int]]:
    for tag in elements.tags(dataset):
        yield where, tag
        items = elements.sequence(elements.at(dataset, tag), dataset)
        for number, item in enumerate(items or ()):
            yield from _elements(item, f"{where}.{tag:08X}[{number}]".lstrip("."))
