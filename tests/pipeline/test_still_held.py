"""What waits in the quarantine may be released as it was held last, however many runs broke off since."""

from pipeline.still_held import carry_over, leave_quarantine, set_aside, told_and_waiting
from transforms.model import spool
from transforms.model.records import InstanceUids

A, B, C, D, E = (digit * 16 for digit in "abcde")


def hold(folder, *references, told="first"):
    """What a run leaves of instances that it holds."""
    release = {one: {"held": "RESIDUAL_TOKEN", "target": [f"2.25.{int(one, 16)}"] * 3} for one in references}
    entries = [(one, {"provenance": told, "release": release[one]}) for one in references]
    spool.write_entries(folder.releasable, entries)
    folder.quarantine.mkdir(parents=True, exist_ok=True)
    for one in references:
        (folder.quarantine / f"{one}.dcm").touch()


def releasable(folder):
    return {entry["reference"]: entry["provenance"] for entry in spool.read_all(folder.releasable)}


def test_what_is_not_held_anew_is_carried_over_and_told_of_once(folder, destination):
    hold(folder, A, B, C, D, E)
    set_aside(folder)
    hold(folder, A, told="second")
    spool.write_entries(folder.spool, [(B, {})])  # written now
    (folder.quarantine / f"{C}.dcm").unlink()
    spool.write_entries(folder.outcomes, [(D, {"outcome": "failed"})])
    for _ in range(2):
        assert carry_over(folder, destination, told_and_waiting(folder)[1]) == 1
        assert releasable(folder) == {A: "second", D: "first", E: "first"}
        told = {entry["reference"]: entry["outcome"] for entry in spool.read_all(folder.outcomes)}
        assert told == {D: "failed", E: "held"}


def test_runs_that_broke_off_lose_nothing_and_the_latest_counts(folder, destination):
    hold(folder, A, B)
    set_aside(folder)
    hold(folder, B, C, told="second")  # and killed
    set_aside(folder)
    set_aside(folder)
    assert releasable(folder) == {}
    assert carry_over(folder, destination, told_and_waiting(folder)[1]) == 3
    assert releasable(folder) == {A: "first", B: "second", C: "second"}


def test_a_start_that_is_killed_leaves_all_there_is(folder, destination):
    hold(folder, A)
    folder.counts_file.write_text("{}")
    set_aside(folder)
    hold(folder, A)  # it was killed before that was gone
    set_aside(folder)
    assert carry_over(folder, destination, told_and_waiting(folder)[1]) == 1
    assert releasable(folder) == {A: "first"}


def test_what_another_has_taken_the_place_of_is_not_held_for_ever(folder, destination):
    hold(folder, A, B)
    set_aside(folder)
    destination.publish(InstanceUids(*[f"2.25.{int(A, 16)}"] * 3), b"of the same UIDs")
    assert carry_over(folder, destination, told_and_waiting(folder)[1]) == 1
    assert releasable(folder) == {B: "first"}


def test_a_finished_run_leaves_nothing_set_aside(folder, destination):
    hold(folder, A)
    set_aside(folder)
    (folder.quarantine / f"{A}.dcm").unlink()
    assert carry_over(folder, destination, told_and_waiting(folder)[1]) == 0
    folder.counts_file.write_text("{}")
    set_aside(folder)
    assert not folder.set_aside.exists()


def test_what_is_published_by_now_waits_no_more(folder):
    hold(folder, A, B)
    spool.write_entries(folder.spool, [(A, {})])
    leave_quarantine(folder, told_and_waiting(folder)[0])
    assert [path.stem for path in folder.quarantine.iterdir()] == [B]
