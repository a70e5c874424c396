"""An instance as the write stage hands it on, and the operation it belongs to."""

import datetime as dt

import pytest

from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance

START = dt.datetime(2026, 3, 1, 9, 30, 0, 250_000, dt.timezone(dt.timedelta(hours=-4)))


@pytest.fixture
def name():
    return OperationName("0123456789abcdef", f"{LOCAL_DATASET}/dicomStores/aaaa", f"{LOCAL_DATASET}/dicomStores/bbbb", LOCAL_FHIR_STORE)


@pytest.fixture
def written():
    """The page's instance: a frame of 2000 x 2000 with one box, and a cleaned CountryOfResidence."""
    return WrittenInstance(
        ref=InstanceRef("00000000000000aa", "/secret/Doe/1.dcm", 9000),
        source=InstanceUids("1.2.3", "1.2.3.4", "1.2.3.4.5"),
        target=InstanceUids("2.25.1", "2.25.2", "2.25.3"),
        columns=2000,
        rows=2000,
        frames=2,
        structured_size=5321,
        tags=(TagFinding("00102150", Action.CLEANED, "Matched VR: LO", "", "US", "LOCATION", "LOCATION", byte_start=0, byte_end=2),),
        boxes=(BoxFinding(0, 100, 100, 200, 200, "John Doe", 0.7, "PERSON_NAME"),),
        search=PixelSearch.FAST,
        started=START,
        recorded=START + dt.timedelta(seconds=1.5),
    )
