"""Which instances a request chooses."""

import pytest

from transforms.model.errors import ConfigError, PreflightError
from transforms.model.records import InstanceUids
from transforms.read.chosen import ChosenReference, read_chosen


@pytest.fixture
def chosen(tmp_path):
    def read(text):
        (tmp_path / "paths.txt").write_bytes(text.encode())
        return read_chosen(str(tmp_path / "paths.txt"))

    return read


def test_a_study_a_series_or_an_instance(chosen):
    found = chosen("/studies/1.1\r\n\r\n/studies/1.2/series/2.1\nstudies/1.3/series/3.1/instances/3.1.1\n")
    inside = [("1.1", "9", "9"), ("1.2", "2.1", "9"), ("1.3", "3.1", "3.1.1")]
    outside = [("1.2", "2.2", "9"), ("1.3", "3.1", "3.1.2"), ("1.4", "1.1", "1.1"), ("1", "1", "1")]
    assert [found.naming(InstanceUids(*uids)) for uids in inside] == [{1}, {3}, {4}]
    assert not any(found.naming(InstanceUids(*uids)) for uids in outside)


def test_all_lines_that_name_an_instance_are_told_and_of_equal_ones_the_first(chosen):
    found = chosen("/studies/1.1/series/2.1\n/studies/1.1\nstudies/1.1/\n")
    assert found.naming(InstanceUids("1.1", "2.1", "3")) == {1, 2}
    assert found.naming(InstanceUids("1.1", "2.2", "3")) == {2}


@pytest.mark.parametrize("line", ["SMITH", "/studies/", "/studies/1/instances/2", "/series/1", "/studies/SMITH", "/studies/1/series/2/x"])
def test_a_line_that_is_no_path_is_refused_and_not_quoted(chosen, line):
    with pytest.raises(ConfigError, match=r"filterConfig\.resourcePathsGcsUri: line 2 is no path") as refused:
        chosen(f"/studies/1.2\n{line}\n")
    assert "SMITH" not in str(refused.value)


def test_a_list_that_names_nothing_or_is_not_there_is_refused(chosen, tmp_path):
    with pytest.raises(ConfigError, match="names nothing"):
        chosen("\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_chosen(str(tmp_path / "none"))


def test_a_list_that_changes_during_a_run_stops_it(chosen, tmp_path):
    reference = ChosenReference(str(tmp_path / "paths.txt"), chosen("/studies/1.2\n").digest)
    assert reference.load().lines == {("1.2",): 1}
    chosen("/studies/1.3\n")
    with pytest.raises(PreflightError, match="has changed"):
        reference.load()
