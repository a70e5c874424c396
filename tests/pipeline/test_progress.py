"""The bar counts what workers of any process finished."""

import multiprocessing

from pipeline.progress import finished, tick, watched


def test_processes_count_together(tmp_path):
    file = tmp_path / "progress"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(tick, [(number, str(file)) for number in range(40)]) == list(range(40))
    assert finished(file) == 40


def test_the_last_count_is_reported_and_no_file_stays(tmp_path, capsys):
    file, seen = tmp_path / "progress", []
    file.write_bytes(b"left by a killed run")
    with watched(file, 3, seen.append):
        for number in range(3):
            tick(number, str(file))
    assert seen[-1] == 3
    assert not file.exists()
    assert "3 of 3 instances" in capsys.readouterr().err
