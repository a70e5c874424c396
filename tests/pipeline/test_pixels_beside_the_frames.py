"""From a config to the published bytes: a name in an overlay that stays is cleared, and no thumbnail stays at all."""

import datetime as dt
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset

from pipeline.main import main
from pipeline.options import parse
from pipeline.request import read_request, redactor
from transforms.model.keys import Purpose, Secret
from transforms.model.records import InstanceRef
from transforms.read.open import open_instance
from transforms.tags.scrubber import Scrubber

ALL_TEXT = {"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}
BASIC = {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}
CONFIGS = {
    "KEEP_ALL_PROFILE": {"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}, **ALL_TEXT},
    "DEIDENTIFY_TAG_CONTENTS": {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, **ALL_TEXT},
    "keepList": {"dicom": {"keepList": {"tags": ["60003000", "60000010", "60000011"]}}, **ALL_TEXT},
    "keepTag": {
        "dicomTagConfig": BASIC
        | {"actions": [{"keepTag": {}, "queries": ["60xxxxxx", "IconImageSequence"]}], "options": {"cleanImage": ALL_TEXT["image"]}}
    },
}


def drawing() -> np.ndarray:
    """A name over a long line."""
    bits = np.zeros((128, 256), np.uint8)
    bits[100:102, 5:240] = 1
    return cv2.putText(bits, "KOWALSKI", (12, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1, 2)


@pytest.fixture
def content(real_file) -> bytes:
    dataset, icon = pydicom.dcmread(real_file("MR_small.dcm")), Dataset()
    dataset.add_new(0x60000010, "US", 128)
    dataset.add_new(0x60000011, "US", 256)
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60003000, "OW", np.packbits(drawing(), bitorder="little").tobytes())
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.SamplesPerPixel = 128, 256, 8, 1
    icon.add_new(0x7FE00010, "OB", (255 * drawing()).tobytes())
    dataset.IconImageSequence, dataset.BurnedInAnnotation = [icon], "NO"
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def run(config: dict, content: bytes, secret: Secret, folder: Path) -> FileDataset:
    """What is published of the instance under a config."""
    (folder / "in").mkdir()
    places = ["--source", f"{folder}/in", "--destination", f"{folder}/out", "--workspace", f"{folder}/work"]
    settings = parse([*places, "--config", json.dumps(config), "--text_search", "fast", "--allow_identifiable"])
    plan = read_request(settings).plan
    opened = open_instance(InstanceRef("0" * 16, "/x", 0), content, secret.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
    return pydicom.dcmread(io.BytesIO(Scrubber(plan, secret).scrub(redactor(settings, plan)().redact(opened)).content))


def test_a_whole_run_searches_the_overlay_of_an_instance_without_samples(content, key_uri, tmp_path):
    """A presentation state carries overlays by its standard, and no samples at all."""
    state = pydicom.dcmread(io.BytesIO(content))
    del state.PixelData
    state.SOPClassUID = state.file_meta.MediaStorageSOPClassUID = pydicom.uid.GrayscaleSoftcopyPresentationStateStorage
    (tmp_path / "in").mkdir()
    state.save_as(tmp_path / "in" / "state.dcm")
    places = [f"--source={tmp_path / 'in'}", f"--destination={tmp_path / 'out'}", f"--workspace={tmp_path / 'work'}"]
    config = json.dumps(CONFIGS["KEEP_ALL_PROFILE"])
    assert main([*places, f"--key_uri={key_uri}", f"--config={config}", "--text_search=fast", "--allow_identifiable"]) == 0
    (published,) = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    left = np.unpackbits(np.frombuffer(published[0x60003000].value, np.uint8), bitorder="little").reshape(128, 256)
    assert not left[:90].any()
    assert np.array_equal(left[90:], drawing()[90:])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_name_beside_the_frames_is_not_published(config, content, secret, tmp_path):
    published = run(CONFIGS[config], content, secret, tmp_path)
    left = np.unpackbits(np.frombuffer(published[0x60003000].value, np.uint8), bitorder="little").reshape(128, 256)
    assert not left[:90].any()
    assert np.array_equal(left[90:], drawing()[90:])
    assert "IconImageSequence" not in published


def test_beside_a_thumbnail_that_stays_nothing_is_claimed_of_the_image(content, secret, tmp_path):
    """Under REDACT_NO_TEXT nobody has looked: the icon is kept as the config says, and the source's claim is not repeated."""
    actions = [{"keepTag": {}, "queries": ["IconImageSequence"]}]
    config = {"dicomTagConfig": BASIC | {"actions": actions, "options": {"cleanImage": {"textRedactionMode": "REDACT_NO_TEXT"}}}}
    published = run(config, content, secret, tmp_path)
    assert published.IconImageSequence[0].PixelData == (255 * drawing()).tobytes()
    assert "BurnedInAnnotation" not in published
    assert published.PatientIdentityRemoved == "NO"
