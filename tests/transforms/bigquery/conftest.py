"""Provenance as the provenance room builds it, and what a row of the table may hold."""

import datetime as dt
import sys
from pathlib import Path

import pytest
from hypothesis import strategies as st

from transforms.bigquery.schema import Schema, provenance_table
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
NAME = OperationName("0123456789abcdef", f"{LOCAL_DATASET}/dicomStores/aaaa", f"{LOCAL_DATASET}/dicomStores/bbbb", LOCAL_FHIR_STORE)

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).filter(str.strip)
boxes = st.builds(
    lambda frame, left, top, width, height, text, confidence: BoxFinding(frame, left, top, left + width, top + height, text, confidence),
    st.integers(0, 3), st.integers(0, 500), st.integers(0, 500), st.integers(1, 99), st.integers(1, 99), texts, st.none() | st.floats(0, 1),
)  # fmt: skip
tags = st.builds(
    TagFinding,
    st.from_regex("[0-9A-F]{8}", fullmatch=True),
    st.sampled_from(Action),
    texts,
    path=st.sampled_from(["", "00081140[0]", "00081140[0].00081199[2]"]),
    original=st.none() | texts,
    replaced=st.none() | texts,
)


def written(tags=(), boxes=(), number=1):
    return WrittenInstance(
        ref=InstanceRef(f"{number:016x}", "/secret/path.dcm", 9000),
        source=InstanceUids("1.2.3", "1.2.3.4", f"1.2.3.4.{number}"),
        target=InstanceUids("2.25.1", "2.25.2", f"2.25.3.{number}"),
        columns=640,
        rows=480,
        frames=4,
        structured_size=5321,
        tags=tuple(tags),
        boxes=tuple(boxes),
        search=PixelSearch.FAST,
        started=START,
        recorded=START + dt.timedelta(milliseconds=1250),
    )


@pytest.fixture
def provenance(secret):
    """A function from the findings of an instance to its Provenance."""

    def build(tags=(), boxes=(), number=1, shape=Shape.GOOGLE):
        return ProvenanceBuilder(NAME, secret, Phi.INCLUDE, shape).build(written(tags, boxes, number))

    return build


@pytest.fixture
def instances():
    """A function that makes a written instance of findings."""
    return written


@pytest.fixture
def findings():
    """Strategies: lists of changed elements and of boxes."""
    return st.lists(tags, max_size=6), st.lists(boxes, max_size=6)


PYTHON = {"STRING": str, "TIMESTAMP": str, "FLOAT": float, "INTEGER": int, "BOOLEAN": bool}


def conform(row, fields, path="row"):
    columns = {field.name: field for field in fields}
    for name, value in row.items():
        assert name in columns, f"{path}.{name} is no column"
        field = columns[name]
        assert isinstance(value, list) == field.repeated, f"{path}.{name} is in the wrong mode"
        for item in value if field.repeated else [value]:
            if field.fields:
                conform(item, field.fields, f"{path}.{name}")
            else:
                assert isinstance(item, PYTHON[field.type]), f"{path}.{name} is of the wrong type"


@pytest.fixture
def conforms():
    """A function that fails for a row which BigQuery would refuse."""
    return lambda row, schema=Schema.ANALYTICS_V2: conform(row, provenance_table(schema).fields)
