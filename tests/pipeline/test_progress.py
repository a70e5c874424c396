"""The bar counts what workers of any process finished."""

import multiprocessing
import time
from pathlib import Path

from pipeline.progress import finished, tick, watched


def test_processes_count_together(tmp_path):
    file = tmp_path / "progress"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(tick, [(number, str(file)) for number in range(40)]) == list(range(40))
    assert finished(file) == 40


def test_the_last_count_is_reported_and_no_file_stays(workspace, capsys):
    seen = []

    def report(count, expected):
        seen.append((count, expected))
        raise OSError("a full disk does not stop the bar")

    with watched(workspace, 3, report) as file:
        for number in range(3):
            tick(number, file)
    assert seen[-1] == (3, 3)
    assert not list(Path(workspace.root).iterdir())
    assert "3 of 3 instances" in capsys.readouterr().err


def test_the_last_line_says_the_last_count_however_early_it_was_reached(workspace, capsys):
    seen = []
    with watched(workspace, 1, lambda *counts: seen.append(counts)) as file:
        tick(1, file)
        while (1, 1) not in seen:
            time.sleep(0.05)
    assert "1 of 1 instances" in capsys.readouterr().err
