import pytest

from transforms.model.dicom_store import is_store, store_at
from transforms.model.dicomweb import TokenBucket
from transforms.model.errors import ConfigError

NAME = "projects/p/locations/us/datasets/d/dicomStores/s"


@pytest.mark.parametrize(
    ("given", "endpoint", "name", "url"),
    [
        (NAME, "https://healthcare.googleapis.com/v1", NAME, f"https://healthcare.googleapis.com/v1/{NAME}/dicomWeb"),
        (NAME, "http://127.0.0.1:1/v1beta1/", NAME, f"http://127.0.0.1:1/v1beta1/{NAME}/dicomWeb"),
        (NAME, "https://host", NAME, f"https://host/v1/{NAME}/dicomWeb"),
        (f"https://host/v1/{NAME}", None, NAME, f"https://host/v1/{NAME}/dicomWeb"),
        (f"https://host/v1/{NAME}/dicomWeb/", None, NAME, f"https://host/v1/{NAME}/dicomWeb"),
        ("http://host/dicom-web/", None, "http://host/dicom-web", "http://host/dicom-web"),
        ("http://host/x/dicomWeb", None, "http://host/x", "http://host/x/dicomWeb"),
    ],
)
def test_a_store_has_one_name_however_it_is_reached(given, endpoint, name, url):
    store = store_at("--source", given, endpoint)
    assert (store.name, store.url) == (name, url)
    assert store.base == (f"https://healthcare.googleapis.com/{NAME}" if name == NAME else name)
    assert store.resource == (url.removesuffix("/dicomWeb") if name == NAME else None)


@pytest.mark.parametrize("given", ["http://user:SECRET@host/dicom-web", "https://host/dicom-web?key=SECRET"])
def test_no_password_becomes_a_name(given):
    with pytest.raises(ConfigError, match="--source") as refused:
        store_at("--source", given, None)
    assert "SECRET" not in str(refused.value)


def test_a_name_without_a_server_is_refused():
    with pytest.raises(ConfigError, match="--healthcare_endpoint"):
        store_at("--source", NAME, None)
    with pytest.raises(ConfigError, match="--healthcare_endpoint"):
        store_at("--source", NAME, "host")


def test_what_is_a_store():
    assert is_store(NAME)
    assert not is_store("/data/" + NAME)
    assert not is_store("gs://bucket/in")
    assert not is_store("projects/p")


class Time:
    def __init__(self):
        self.now, self.slept = 100.0, 0.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds


@pytest.mark.parametrize(("per_minute", "seconds"), [(60, 59.0), (600, 5.9), (None, 0.0)])
def test_calls_are_spread_over_the_minute(per_minute, seconds):
    time = Time()
    bucket = TokenBucket(per_minute, time.clock, time.sleep)
    for _ in range(60):
        bucket.take()
    assert time.slept == pytest.approx(seconds, abs=0.05)


def test_after_a_pause_no_more_than_a_second_is_caught_up():
    time = Time()
    bucket = TokenBucket(120, time.clock, time.sleep)
    time.now += 600
    for _ in range(20):
        bucket.take()
    assert time.slept == pytest.approx(17 / 2, abs=0.6)
