"""With Cloud DLP as the engine an instance costs one request, and nothing of it is published that was not inspected."""

import dataclasses
import io
import json

import pydicom
import pytest
from pydicom.dataset import Dataset

from transforms.inspection import engine
from transforms.model.config import parse_config
from transforms.model.errors import InstanceProblem
from transforms.model.resolve import resolve
from transforms.tags.scrubber import Scrubber

PARENT = "projects/p/locations/europe-west4"
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
REAL = "CT_small MR_small MR_small_bigendian rtplan test-SR ExplVR_BigEnd reportsi SC_rgb_rle_2frame".split()


@pytest.fixture
def through_dlp(cloud_dlp, secret, opened):
    """A function from a config and the bytes of a file to the ScrubbedInstance."""

    def run(config, content):
        plan = dataclasses.replace(resolve(parse_config(json.dumps(config))), dlp_parent=PARENT)
        return Scrubber(plan, secret).scrub(opened(content))

    return run


def with_texts():
    dataset = Dataset()
    dataset.StudyDescription = "seen by Rosamund Pike"
    dataset.ImageComments = "of 検査 😀 in Köthen, then to Rosamund Pike"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    item = Dataset()
    item.SeriesDescription = "Köthen"
    dataset.ReferencedSeriesSequence = [item]
    block = dataset.private_block(0x0029, "ACME", create=True)
    block.add_new(1, "UN", b"for Rosamund Pike")
    return dataset


def test_an_instance_is_one_request_and_an_equal_one_none(through_dlp, cloud_dlp, file_bytes):
    content = file_bytes(with_texts())
    new = pydicom.dcmread(io.BytesIO(through_dlp(CONTENTS, content).content))
    assert new.StudyDescription == "seen by [PERSON_NAME]"
    assert new.ImageComments == "of 検査 😀 in [LOCATION], then to [PERSON_NAME]"
    assert new.ReferencedSeriesSequence[0].SeriesDescription == "[LOCATION]"
    assert new[0x00291001].value == b"for [PERSON_NAME]\0"
    assert cloud_dlp.calls == 1
    through_dlp(CONTENTS, content)
    assert cloud_dlp.calls == 1


def test_findings_say_the_bytes_of_the_value(through_dlp, file_bytes):
    scrubbed = through_dlp(CONTENTS, file_bytes(with_texts()))
    value = "of 検査 😀 in Köthen, then to Rosamund Pike".encode()
    spots = {(one.info_type, value[one.byte_start : one.byte_end].decode()) for one in scrubbed.findings if one.tag == "00204000"}
    assert spots == {("LOCATION", "Köthen"), ("PERSON_NAME", "Rosamund Pike")}


@pytest.mark.parametrize("name", REAL)
def test_all_that_is_asked_was_heard_before(through_dlp, cloud_dlp, real_file, name):
    content = real_file(f"{name}.dcm").read_bytes()
    scrubbed = through_dlp(CONTENTS, content)
    assert cloud_dlp.calls <= 1
    engine._dlp_engine.cache_clear()
    cloud_dlp.asked.clear()
    assert through_dlp(CONTENTS, content).content == scrubbed.content


def test_only_what_will_be_cleaned_is_sent(through_dlp, cloud_dlp, file_bytes):
    cleaned = {"dicomTagConfig": {"actions": [{"queries": ["StudyDescription"], "cleanTextTag": {}}]}}
    through_dlp(cleaned, file_bytes(with_texts()))
    assert cloud_dlp.asked == [["seen by Rosamund Pike"]]
    assert "PERSON_NAME" in cloud_dlp.info_types
    through_dlp({"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}, file_bytes(with_texts()))
    assert cloud_dlp.calls == 1


def test_info_types_of_the_config_are_those_that_are_asked_for(through_dlp, cloud_dlp, file_bytes):
    config = {**CONTENTS, "text": {"excludeInfoTypes": ["LOCATION"]}}
    new = pydicom.dcmread(io.BytesIO(through_dlp(config, file_bytes(with_texts())).content))
    assert new.ImageComments == "of 検査 😀 in Köthen, then to [PERSON_NAME]"
    assert "LOCATION" not in cloud_dlp.info_types
    assert {"PERSON_NAME", "DATE", "AGE"} <= set(cloud_dlp.info_types)


def test_what_the_service_does_not_inspect_is_not_published(through_dlp, cloud_dlp, file_bytes):
    cloud_dlp.always = 403
    with pytest.raises(InstanceProblem, match="INSPECTION_REFUSED"):
        through_dlp(CONTENTS, file_bytes(with_texts()))
