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


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("http://127.0.0.1/x", ["http://localhost/x", "http://LocalHost:80/x/", "http://[::1]/x/dicomWeb", "http://127.0.0.1:80/x//"]),
        ("https://pacs.example/Root", ["https://PACS.example/Root", "https://pacs.example:443/Root/", "https://pacs.example./Root"]),
        ("http://pacs.example:443/x", ["http://Pacs.Example:443/x/"]),
        ("https://[2001:db8::1]:8443/x", ["https://[2001:DB8::1]:8443/x/"]),
    ],
)
def test_one_store_in_all_its_spellings_is_one(name, others):
    for spelling in (name, *others):
        assert store_at("--source", spelling, None).name == name
        assert store_at("--source", spelling, None).url == spelling.rstrip("/")  # and is asked as it was written


def test_what_leads_elsewhere_has_another_name():
    given = ("http://h/x", "https://h/x", "http://h:81/x", "http://h/X", "http://h/x/y", "http://g/x", "http://localhost/x")
    assert len({store_at("--source", name, None).name for name in given}) == len(given)


@pytest.mark.parametrize("given", ["http:///x", "http://host:port/x", "https://[::1/x"])
def test_what_names_no_server_is_refused(given):
    with pytest.raises(ConfigError, match=r"--source: this is no URL of a server"):
        store_at("--source", given, None)


@pytest.mark.parametrize(
    "given", ["http://user:SECRET@host/dicom-web", "https://host/dicom-web?key=SECRET", "https://host/dicom-web#SECRET"]
)
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
