"""The confidential folder is closed to others, or there is none."""

import stat

import pytest

from transforms.model.errors import PreflightError
from transforms.model.workspace import Workspace


def test_an_open_folder_is_closed(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    Workspace(str(tmp_path / "open")).make()
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o700


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nothing"])
def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="--workspace"):
        Workspace(str(tmp_path / place)).make()
