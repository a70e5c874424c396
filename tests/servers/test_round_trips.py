"""How often an instance asks a store and waits for its answer: what a run takes where stores are far away (docs/scale.md)."""

import collections
import os
from urllib.parse import urlsplit

import pydicom
import pytest
from requests.adapters import HTTPAdapter

from pipeline.main import main
from transforms.model.storage import create_if_absent

FEW, MORE = 2, 6


@pytest.fixture
def asked(monkeypatch):
    """Requests by port and method, as they are sent, over all threads."""
    counted, send = collections.Counter(), HTTPAdapter.send

    def count(adapter, request, *words, **options):
        counted[urlsplit(request.url).port, request.method] += 1
        return send(adapter, request, *words, **options)

    monkeypatch.setattr(HTTPAdapter, "send", count)
    return counted


@pytest.fixture
def an_instance(asked, tmp_path, key_uri):
    """`an_instance(prepare, *urls)`: requests to each server, by method, that one instance more costs.

    `prepare(n)` makes a source of n instances, and gives it and a destination.
    """

    def run(prepare, count):
        places = prepare(count)
        asked.clear()
        options = [f"--{name}={place}" for name, place in zip(("source", "destination"), places, strict=True)]
        assert main([*options, f"--workspace={tmp_path / str(count)}", f"--key_uri={key_uri}"]) == 0
        return dict(asked)

    def difference(prepare, *urls):
        few, more = run(prepare, FEW), run(prepare, MORE)
        ports = [urlsplit(url).port for url in urls]
        each = {key: (number - few.get(key, 0)) / (MORE - FEW) for key, number in more.items()}
        return [{method: number for (at, method), number in each.items() if at == port and number} for port in ports]

    return difference


@pytest.mark.servers("storage")
def test_between_buckets(an_instance, bucket, real_file, tmp_path):
    def prepare(count):
        plan = pydicom.dcmread(real_file("rtplan.dcm"))
        for number in range(count):
            plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number + 1}"
            plan.save_as(tmp_path / "made.dcm")
            create_if_absent(f"{bucket}/{count}/{number}.dcm", (tmp_path / "made.dcm").read_bytes())
        return f"{bucket}/{count}", f"{bucket}/out{count}"

    assert an_instance(prepare, os.environ["STORAGE_EMULATOR_HOST"]) == [{"GET": 3, "POST": 1}]


@pytest.mark.servers("orthanc")
def test_between_dicom_stores(an_instance, stores, put_plans):
    def prepare(count):
        for store in (stores.source, stores.destination):
            store.clear()
        put_plans(stores.source, count)
        return stores.source.url, stores.destination.url

    source, destination = an_instance(prepare, stores.source.url, stores.destination.url)
    assert source == {"GET": 1}
    assert destination["POST"] == 1
    assert destination["GET"] <= 1  # but for the first of a transfer syntax, which is read back
