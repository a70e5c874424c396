"""Publishing: whole or not at all, never over something else, closed to others in the quarantine."""

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from transforms.model.errors import InstanceProblem
from transforms.write.local import digest, holds, publish, quarantine, remove

SIZE = 16 << 20

KILLED_WRITER = """
import sys
from pathlib import Path
from transforms.write.local import publish
content = bytes(range(256)) * ({size} // 256)
folder = Path(sys.argv[1])
print("ready", flush=True)
n = 0
while True:
    publish(folder / "1.2" / f"{{n}}.dcm", content)
    n += 1
"""


def test_the_same_again_is_fine_and_another_is_refused(tmp_path):
    path = tmp_path / "1.2" / "1.3" / "1.4.dcm"
    publish(path, b"one")
    publish(path, b"one")
    for other in (b"two", b"longer", b""):
        with pytest.raises(InstanceProblem) as refused:
            publish(path, other)
        assert (refused.value.stage, refused.value.code) == ("write", "DESTINATION_EXISTS")
        assert str(tmp_path) not in str(refused.value)
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in path.parent.iterdir()] == ["1.4.dcm"]


def test_a_killed_writer_leaves_no_half_file(tmp_path):
    whole = bytes(range(256)) * (SIZE // 256)
    script = KILLED_WRITER.format(size=SIZE)
    seen = 0
    for round_ in range(12):
        folder = tmp_path / str(round_)
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": "."},
        )
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.011 * round_)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for file in folder.rglob("*"):
            if file.is_file():
                assert file.suffix == ".dcm"
                assert file.read_bytes() == whole
                seen += 1
                file.unlink()
    assert seen > 0


def test_a_full_disk_is_an_outcome_and_leaves_nothing(tmp_path):
    script = f"""
import resource, signal, sys
from pathlib import Path
from transforms.model.errors import InstanceProblem
from transforms.write.local import publish, quarantine
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for put in (publish, quarantine):
    try:
        put(Path(sys.argv[1]) / put.__name__ / "x.dcm", b"x" * {2 << 20})
    except InstanceProblem as problem:
        print(problem.code, sys.argv[1] in str(problem))
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1 << 20
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.stdout.split() == ["CANNOT_WRITE", "False", "CANNOT_WRITE", "False"]
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_file_where_a_folder_must_be_is_an_outcome(tmp_path):
    (tmp_path / "1.2").write_text("in the way")
    with pytest.raises(InstanceProblem) as refused:
        publish(tmp_path / "1.2" / "1.3" / "1.4.dcm", b"one")
    assert refused.value.code == "CANNOT_WRITE"
    assert str(tmp_path) not in str(refused.value)


def test_the_quarantine_is_the_owner_s_and_holds_the_latest(tmp_path):
    path = tmp_path / "quarantine" / "ref.dcm"
    quarantine(path, b"one")
    quarantine(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    remove(path, "quarantine")
    remove(path, "quarantine")
    assert not path.exists()


def test_whether_these_very_bytes_stand_there(tmp_path):
    path = tmp_path / "1.dcm"
    assert not holds(path, b"one")
    assert digest(path) is None
    publish(path, b"one")
    with pytest.raises(InstanceProblem, match="DESTINATION_EXISTS"):
        holds(path, b"two")
    assert holds(path, b"one")
    assert digest(path) == hashlib.sha256(b"one").hexdigest()
    remove(path, "destination")
    assert not path.exists()
