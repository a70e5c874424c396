"""Fixtures every room may use: a fixed key, real DICOM files, a workspace."""

import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from transforms.model.keys import KeyReference, Secret
from transforms.model.workspace import Workspace

KEY_HEX = "6b" * 32


@pytest.fixture
def key_uri(tmp_path: Path) -> str:
    path = tmp_path / "key" / "test.key"
    path.parent.mkdir()
    path.write_text(KEY_HEX)
    path.chmod(0o600)
    return f"file:{path}"


@pytest.fixture
def secret(key_uri: str) -> Secret:
    return KeyReference(key_uri).load()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(str(tmp_path / "workspace"))
    workspace.make()
    return workspace


@pytest.fixture
def real_file():
    """A function from the name of a file that pydicom or pydicom-data ships to its path; never downloads."""

    def find(name: str) -> Path:
        path = get_testdata_file(name, download=False)
        assert path is not None, f"{name} is not shipped"
        return Path(path)

    return find


TOOLS = ("dciodvfy", "dcmdump", "gdcminfo")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", action="store_true", help="fail, rather than skip, where a real server or tool is missing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and config.getoption("--servers"):
        raise pytest.UsageError(f"--servers needs {', '.join(missing)}")
    for item in items:
        if missing and "servers" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
