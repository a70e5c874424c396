"""The bar counts what workers of any process finished."""

import multiprocessing
import time

from pipeline.progress import finished, tick, watched


def test_processes_count_together(tmp_path):
    file = tmp_path / "progress"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(tick, [(number, str(file)) for number in range(40)]) == list(range(40))
    assert finished(file) == 40


def test_the_last_count_is_reported_and_no_file_stays(tmp_path, capsys):
    file, seen = tmp_path / "progress", []

    def report(count, expected):
        seen.append((count, expected))
        raise OSError("a full disk does not stop the bar")

    file.write_bytes(b"left by a killed run")
    with watched(file, 3, report):
        for number in range(3):
            tick(number, str(file))
    assert seen[-1] == (3, 3)
    assert not file.exists()
    assert "3 of 3 instances" in capsys.readouterr().err


def test_the_last_line_says_the_last_count_however_early_it_was_reached(tmp_path, capsys):
    file, seen = tmp_path / "progress", []
    with watched(file, 1, lambda *counts: seen.append(counts)):
        tick(1, str(file))
        while (1, 1) not in seen:
            time.sleep(0.05)
    assert "1 of 1 instances" in capsys.readouterr().err
