"""Fixtures of the scrubber's tests: a file or data set as the read stage hands it on."""

import datetime as dt
import functools
import io
import json
import re
import subprocess

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from transforms.model.config import parse_config
from transforms.model.plan import ALL_TEXT, NO_TEXT, ActionPlan, Profile
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult
from transforms.model.resolve import resolve, with_api_vrs_only
from transforms.proof.prover import Prover
from transforms.tags.scrubber import Scrubber

UNTOUCHED = PixelResult()
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@pytest.fixture
def opened():
    """A function from the bytes of a file to its OpenInstance."""

    def make(content: bytes, pixels: PixelResult = UNTOUCHED, **ref) -> OpenInstance:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        found = [str(dataset.get(name) or f"2.25.{number}") for number, name in enumerate(UIDS)]
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        return OpenInstance(InstanceRef("00" * 8, "/x.dcm", len(content), **ref), InstanceUids(*found), dataset, NOON, pixels)

    return make


@pytest.fixture
def file_bytes():
    """A function from a data set to the bytes of a Part 10 file of it."""

    def make(dataset: Dataset, syntax: str = pydicom.uid.ExplicitVRLittleEndian) -> bytes:
        whole = Dataset()
        whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.1"
        whole.StudyInstanceUID, whole.SeriesInstanceUID = "1.2.3.4.2", "1.2.3.4.3"
        whole.update(dataset)
        whole.file_meta = FileMetaDataset()
        whole.file_meta.TransferSyntaxUID = syntax
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, whole, enforce_file_format=True)
        return buffer.getvalue()

    return make


@pytest.fixture
def scrub(secret, opened):
    """A function from the bytes of a file to (ScrubbedInstance, the new file parsed)."""

    def run(content: bytes, profile: Profile = Profile.BASIC, *, keep_uids: bool = False, redact: bool = True, **instance):
        scrubbed = Scrubber(ActionPlan(profile, keep_uids, ALL_TEXT if redact else NO_TEXT), secret).scrub(opened(content, **instance))
        return scrubbed, pydicom.dcmread(io.BytesIO(scrubbed.content))

    return run


@pytest.fixture
def deidentify(secret, opened, file_bytes):
    """A function from a config and a data set to (ScrubbedInstance, the new file parsed, holds of the proof)."""

    def run(config: dict, dataset: Dataset, *, api_vrs_only: bool = False):
        plan = resolve(parse_config(json.dumps(config)))
        plan = with_api_vrs_only(plan) if api_vrs_only else plan
        scrubbed = Scrubber(plan, secret).scrub(opened(file_bytes(dataset)))
        return scrubbed, pydicom.dcmread(io.BytesIO(scrubbed.content)), Prover(plan).prove(scrubbed).holds

    return run


@pytest.fixture
def new_errors(tmp_path):
    """A function from a source and its output to the errors that dciodvfy shows on the output and not on the source."""

    @functools.cache
    def shown(name: str, content: bytes) -> set[str]:
        file = tmp_path / f"{name}.dcm"
        file.write_bytes(content)
        done = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, check=False)
        lines = {line.removeprefix("Error - ") for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("Error")}
        return {re.sub(r"\[\d+\]|(?<= = )<[^>]*>?", "", line) for line in lines}  # without item numbers and values

    def compare(source: bytes, output: bytes) -> set[str]:
        return shown("output", output) - shown("source", source)

    return compare
