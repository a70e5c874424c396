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
INSTALLED = Path(__file__).parents[1] / ".venv" / "servers"
"""Where `scripts/test --servers` puts what is not on the path: a folder for each part that `@pytest.mark.servers` may name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", action="store_true", help="fail, rather than skip, where a real server or tool is missing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_shares(item)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = {part for mark in item.iter_markers("servers") for part in mark.args or TOOLS}
    if lacking := ", ".join(sorted(part for part in needs if not _is_installed(part))):
        if item.config.getoption("--servers"):
            pytest.fail(f"--servers needs {lacking}")
        pytest.skip(f"not installed: {lacking} (scripts/test --servers)")


def _shares(item: pytest.Item) -> str:
    """Tests that share costly fixtures stay in one process: those of a file, and all that talk to the FHIR servers."""
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return folder if folder == "servers" else item.path.name


def _is_installed(part: str) -> bool:
    return shutil.which(part) is not None if part in TOOLS else (INSTALLED / part / "installed").exists()
