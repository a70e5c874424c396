import os

import pytest

from transforms.model.errors import PreflightError
from transforms.write.preflight import check_destination


def test_a_destination_that_can_be_written_is_made_and_left_empty(tmp_path):
    check_destination(str(tmp_path / "new" / "destination"))
    assert list((tmp_path / "new" / "destination").iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match=r"--destination is .*file/below'.*make the folder writable"):
        check_destination(str(tmp_path / "file" / "below"))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc")  # noqa: PTH112
def test_a_disk_that_takes_no_files_is_named():
    with pytest.raises(PreflightError, match="cannot be put there"):
        check_destination("/proc/self")  # read-only whoever asks, root too
