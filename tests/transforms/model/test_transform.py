"""What breaks a run names a type and a place, never a value."""

import apache_beam as beam
import pytest

from transforms.model.errors import ConfigError
from transforms.model.transform import nameless


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
