"""A workspace with the spool of an operation, its Provenance built by the provenance room."""

import base64
import bz2
import contextlib
import datetime as dt
import json
import re
import zlib

import pytest

from pipeline.local.table import build
from transforms.model.config import SAFE_CONFIG
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.model.spool import write_entries
from transforms.model.storage import replace
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.operation import operation_provenance
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
DOE = TagFinding("00100010", Action.RESET, "Matched ID: 00100010 (Basic Z, 2026d)", original="Doe^John", replaced="A1B2")
NESTED = TagFinding("00081155", Action.REGENERATED_UID, "Matched ID: 00081155 (Basic U, 2026d)", "00081140[0]", "1.2.9", "2.25.9")
BOX = BoxFinding(0, 10, 20, 110, 40, "DOE JOHN", 0.9)
OTHER_BOX = BoxFinding(0, 10, 50, 90, 70, "F 42", 0.625)


def written(number, tags=(), boxes=()):
    """Instance `number`: read `number` seconds after the start, and published 1.25 s later."""
    started = START + dt.timedelta(seconds=number)
    return WrittenInstance(
        ref=InstanceRef(f"{number:016x}", f"/secret/{number}.dcm", 9000),
        source=InstanceUids("1.2.3", "1.2.3.4", f"1.2.3.4.{number}"),
        target=InstanceUids("2.25.1", "2.25.2", f"2.25.3{number}"),
        columns=640,
        rows=480,
        frames=1,
        structured_size=5321,
        tags=tuple(tags),
        boxes=tuple(boxes),
        search=PixelSearch.FAST,
        started=started,
        recorded=started + dt.timedelta(milliseconds=1250),
    )


@pytest.fixture
def spool_operation(workspace, secret):
    """A function that spools the Provenance of an operation and its instances, each list of instances a shard."""

    def spool(operation_id, *shards, shape=Shape.GOOGLE):
        stores = (f"{LOCAL_DATASET}/dicomStores/{store}" for store in ("aaaa", "bbbb"))
        name, folder = OperationName(operation_id, *stores, LOCAL_FHIR_STORE), workspace.operation(operation_id)
        builder = ProvenanceBuilder(name, secret, Phi.INCLUDE, shape)
        replace(folder.provenance_file, json.dumps(operation_provenance(name, SAFE_CONFIG.to_json(), START, START)).encode())
        for shard in shards:
            write_entries(folder.spool, [(instance.ref.reference, {"provenance": builder.build(instance)}) for instance in shard])
        return folder

    return spool


@pytest.fixture
def made_instances():
    """Three instances: two boxes on one frame and a changed name; a nested UID and a name; nothing found."""
    return [written(1, [DOE], [BOX, OTHER_BOX]), written(2, [DOE, NESTED]), written(3)]


@pytest.fixture
def make_instance():
    """A function from a number and findings to a written instance."""
    return written


@pytest.fixture
def tabled(workspace, spool_operation, made_instances):
    """A workspace whose table holds one operation of three instances."""
    spool_operation("op1", made_instances)
    assert build(workspace) == {"op1": 4}
    return workspace


@pytest.fixture
def unpacked():
    """A function from a serialized graph to what its pickles hold: Beam compresses them, so that nothing is found in the bytes."""

    def unpack(graph):
        found = [graph]
        for text in re.findall(rb"(?:eNp|QlpoO)[A-Za-z0-9+/]{20,}=*", graph):  # as zlib and bz2 begin, in base64
            packed = base64.b64decode(text[: len(text) // 4 * 4])
            with contextlib.suppress(zlib.error, OSError):
                found.append((zlib.decompressobj() if text[:1] == b"e" else bz2.BZ2Decompressor()).decompress(packed))
        return b"".join(found)

    return unpack
