"""What breaks a run names a type and a place, never a value; what stages wait for quotas is counted as the engine knows it."""

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter

from transforms.model.dicomweb import TokenBucket
from transforms.model.errors import ConfigError, InstanceProblem
from transforms.model.transform import InstanceDoFn, nameless


class _Breaks(beam.DoFn):
    @nameless
    def process(self, element):
        yield 1
        raise element


def run(error):
    with beam.Pipeline(runner="FnApiRunner") as p:
        _ = p | beam.Create([0]) | beam.Map(lambda _: error) | beam.ParDo(_Breaks())


def test_a_foreign_exception_keeps_its_text_to_itself(caplog):
    with pytest.raises(RuntimeError) as caught:
        run(OSError(2, "gone", "/secret/DOE^JANE.dcm"))
    assert "FileNotFoundError at model/transform.py:" in str(caught.value)
    assert "DOE" not in str(caught.value) + caplog.text


def test_our_own_sentences_pass():
    with pytest.raises(Exception, match="correct the list"):
        run(ConfigError("--source", "a line names no file", "correct the list"))


def bucket():
    """Lets a call through every 0.6 s, by a clock that jumps."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    return TokenBucket(100, lambda: now[0], sleep)


class _Calls(InstanceDoFn):
    """Asks a store ten times; what it is asked about may be none of its instances."""

    stage = "read"

    def reference(self, element):
        return element

    def work(self, element):
        calls = bucket()
        for _ in range(10):
            calls.take()
        if element == "wrong":
            raise InstanceProblem("read", "GONE", "it is gone")
        return [element]


class _Lists(beam.DoFn):
    @nameless
    def process(self, element):
        calls = bucket()
        for _ in range(10):
            calls.take()
            yield element


@pytest.mark.parametrize("stage", [_Calls, _Lists])
@pytest.mark.parametrize("element", ["right", "wrong"])
def test_waiting_for_a_quota_is_counted_under_the_name_that_dataflow_knows(stage, element):
    pipeline = beam.Pipeline(runner="FnApiRunner")
    _ = pipeline | beam.Create([element, element]) | beam.ParDo(stage())
    result = pipeline.run()
    (counter,) = result.metrics().query(MetricsFilter().with_name("cumulativeThrottlingSeconds"))["counters"]
    assert counter.key.metric.namespace == "dicom_deid"
    assert counter.result in (10, 11)  # twice nine calls wait 0.6 s each; only whole seconds are told
