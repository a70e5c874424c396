"""Names outside: opaque where they stand for a place on disk, the API's own where they are published."""

from transforms.model.keys import Purpose
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName, instance_name, local_store, reference
from transforms.model.records import InstanceUids

UIDS = InstanceUids("1.2", "1.3", "1.4")


def test_a_folder_s_store_is_keyed_and_has_no_host(secret):
    key = secret.purpose(Purpose.OPERATION)
    store = local_store(key, "/home/doe/scans")
    assert store.startswith(f"{LOCAL_DATASET}/dicomStores/")
    assert len(store.rsplit("/", 1)[1]) == 16
    assert "doe" not in store
    assert store != local_store(key, "/home/doe/scan")
    assert store != local_store(secret.purpose(Purpose.UID), "/home/doe/scans")


def test_an_instance_is_named_as_in_the_store(secret):
    assert instance_name("projects/p/dicomStores/d", UIDS) == "projects/p/dicomStores/d/dicomWeb/studies/1.2/series/1.3/instances/1.4"


def test_references_and_stores_of_one_path_differ(secret):
    key = secret.purpose(Purpose.OPERATION)
    assert reference(key, "/a") != reference(key, "/b")
    assert reference(key, "/a") not in local_store(key, "/a")
    assert len(reference(key, "/a")) == 16


def operation(fhir_store: str) -> OperationName:
    return OperationName("op1", "source", "destination", fhir_store)


def test_an_operation_lives_in_the_dataset_of_its_store():
    assert operation("projects/p/locations/l/datasets/d/fhirStores/f").name == "projects/p/locations/l/datasets/d/operations/op1"
    for store in (LOCAL_FHIR_STORE, "http://127.0.0.1:8080/fhir"):
        assert operation(store).name == f"{LOCAL_DATASET}/operations/op1"
    assert operation(LOCAL_FHIR_STORE).provenance_id == "operation-op1"
