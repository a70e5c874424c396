import datetime as dt
import hashlib
import io
import pickle
from pathlib import Path

import apache_beam as beam
import pydicom
from apache_beam.testing.util import assert_that, equal_to

from transforms.model.keys import KeyReference
from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.tags.scrubber import Scrubber
from transforms.tags.transform import ScrubTags, _Scrub

PLAN = ActionPlan(Profile.BASIC, False, ALL_TEXT)


def open_instance(path: str) -> OpenInstance:
    dataset = pydicom.dcmread(io.BytesIO(Path(path).read_bytes()), force=True)
    return OpenInstance(
        InstanceRef(Path(path).name, path, 1), InstanceUids("1.2", "1.3", "1.4"), dataset, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_instances_come_out_as_the_scrubber_makes_them_and_faults_as_outcomes(real_file, key_uri, secret):
    good = [str(real_file(name)) for name in ("CT_small.dcm", "MR_small_RLE.dcm")]
    bad = str(real_file("empty_charset_LEI.dcm"))
    expected = [digest(Scrubber(PLAN, secret).scrub(open_instance(path)).content) for path in good]
    with beam.Pipeline(runner="FnApiRunner") as p:
        scrubbed = p | beam.Create([*good, bad]) | beam.Map(open_instance) | ScrubTags(PLAN, KeyReference(key_uri))
        assert_that(scrubbed.instances | beam.Map(lambda instance: digest(instance.content)), equal_to(expected), label="instances")
        codes = scrubbed.outcomes | "Codes" >> beam.Map(
            lambda outcome: (outcome.reference, outcome.kind.value, outcome.stage, outcome.code)
        )
        assert_that(codes, equal_to([("empty_charset_LEI.dcm", "failed", "tags", "NO_SOP_CLASS")]), label="outcomes")


def test_the_key_is_not_pickled_with_the_stage(key_uri):
    pickled = pickle.dumps(_Scrub(PLAN, KeyReference(key_uri)))
    assert b"6b6b6b" not in pickled
    assert b"k" * 32 not in pickled
