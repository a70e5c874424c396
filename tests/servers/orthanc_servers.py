"""Two Orthancs as DICOM stores of one dataset, by the Healthcare API's paths: `src` and `dst`."""

import dataclasses
import json
import sys

import requests
from fhir_servers import HERE, INSTALLED, Server

PLACE = INSTALLED / "orthanc"
NAME = "projects/p/locations/l/datasets/d/dicomStores/{}"


@dataclasses.dataclass
class Store:
    """One Orthanc."""

    server: Server
    name: str

    @property
    def url(self):
        """As --source and --destination take it; below its dicomWeb is DICOMweb."""
        return f"{self.server.url}/v1/{self.name}"

    def clear(self):
        for study in requests.get(f"{self.server.url}/studies", timeout=30).json():
            requests.delete(f"{self.server.url}/studies/{study}", timeout=30).raise_for_status()

    def remove(self, uid):
        """The instance of this SOP Instance UID."""
        asked = {"Level": "Instance", "Query": {"SOPInstanceUID": uid}}
        (identity,) = requests.post(f"{self.server.url}/tools/find", json=asked, timeout=30).json()
        requests.delete(f"{self.server.url}/instances/{identity}", timeout=30).raise_for_status()

    def put(self, content):
        """By Orthanc's own REST API."""
        requests.post(f"{self.server.url}/instances", data=content, timeout=30).raise_for_status()

    def contents(self):
        """SOP Instance UID → the file, by Orthanc's own REST API."""
        found = {}
        for identity in requests.get(f"{self.server.url}/instances", timeout=30).json():
            uid = requests.get(f"{self.server.url}/instances/{identity}/content/0008,0018", timeout=30).text.rstrip("\0 ")
            found[uid] = requests.get(f"{self.server.url}/instances/{identity}/file", timeout=30).content
        return found


@dataclasses.dataclass
class Stores:
    """Both, started."""

    source: Store
    destination: Store

    def stop(self):
        self.source.server.stop()
        self.destination.server.stop()


def orthanc(folder):
    """Both over folders of their own."""
    return Stores(*(_start(folder / store, NAME.format(store)) for store in ("src", "dst")))


def _start(folder, name):
    folder.mkdir()
    settings = {
        "Name": "tests",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str((PLACE / plugin).resolve()) for plugin in ("dicomweb.so", "gdcm.so")],
        "HttpPort": 0,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "OverwriteInstances": False,
        "MaximumStorageCacheSize": 32,
        "DicomWeb": {
            "Enable": True,
            "EnableWado": False,
            "StudiesMetadata": "Full",
            "SeriesMetadata": "Full",
            "Root": f"/v1/{name}/dicomWeb/",
        },
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    script = 'sed "s/\\"HttpPort\\": 0/\\"HttpPort\\": $1/" settings.json >orthanc.json && LD_PRELOAD="$2" exec Orthanc orthanc.json'
    words = ["sh", "-c", script, "sh", "{port}", PLACE / "on_loopback.so"]
    return Store(Server([sys.executable, HERE / "held.py", *words], folder), name)
