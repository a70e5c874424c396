"""Peers side by side on one planted set, by the same judge: checks passed, and CPU an instance.

    python -m benchmarks.judge.peers --seed S [--rounds 2] [--patients 9] [--studies 1] [--slices 3] [--venv DIR] [--keep DIR]

Each tool gets the whole set in one process and does what is nearest to the Basic Profile, of which alone the checks are asked.
The tools take turns in each round; CPU is user and system time of the tool and its children, the least of the rounds, start
included. dicom-deid runs as it does by default, and once without looking into pixels, since no peer here does. The peers
(peers.txt) are installed into an environment of their own; gdcmanon is Debian's libgdcm-tools, with a certificate for the occasion.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import Answer, read_key
from benchmarks.judge.outputs import match
from benchmarks.judge.plant import plant
from benchmarks.judge.policies import BASIC
from benchmarks.judge.product import CONFIGS, KEY
from benchmarks.judge.report import Row, rows, text_table, write_failures

HERE = Path(__file__).parent
Command = list[str | Path]


def environment(folder: Path) -> Path:
    """The folder of the peers' commands; made, and the peers installed, if it is not there."""
    commands = folder / "bin"
    if not (commands / "dicognito").exists():
        _call([sys.executable, "-m", "venv", folder])
        _call([commands / "python", "-m", "pip", "install", "-q", "-r", HERE / "peers.txt"])
    return commands


def tools(commands: Path, work: Path) -> Mapping[str, Callable[[Path, Path], Command]]:
    """Name → the command for a flat folder of sources and a destination."""
    python, inside = commands / "python", HERE / "peer_tools.py"
    private, certificate = work / "peer.key", work / "peer.crt"
    make: Command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=judge"]
    _call([*make, "-keyout", private, "-out", certificate])

    def ours(source: Path, destination: Path, mode: str) -> Command:
        folder = Path(tempfile.mkdtemp(dir=work))
        config = folder / "config.json"
        options = {"cleanImage": {"textRedactionMode": mode}}
        config.write_text(json.dumps({"dicomTagConfig": {**CONFIGS[BASIC]["dicomTagConfig"], "options": options}}), encoding="utf-8")
        places: Command = ["--source", source, "--destination", destination, "--workspace", folder / "workspace", "--config", config]
        return [Path(sys.executable).with_name("dicom-deid"), "run", "--allow_identifiable", "--key_uri", "env:JUDGE_KEY", *places]

    return {
        "dicom-deid": lambda source, destination: ours(source, destination, "REDACT_ALL_TEXT"),
        "dicom-deid, tags only": lambda source, destination: ours(source, destination, "REDACT_NO_TEXT"),
        "dicom-anonymizer": lambda source, destination: [commands / "dicom-anonymizer", source, destination],
        "deid": lambda source, destination: [python, inside, "deid", source, destination],
        "dicognito": lambda source, destination: [python, "-m", "dicognito", "-q", "--seed", "judge", "-o", destination, source],
        "gdcmanon": lambda source, destination: ["gdcmanon", "-e", "-c", certificate, "-r", "--continue", "-i", source, "-o", destination],
        "openmed": lambda source, destination: [python, inside, "openmed", source, destination],
    }


def _call(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)  # noqa: S603 - commands of this file
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done


def measured(command: Command, log: Path) -> float:
    """Run a tool; CPU seconds. What it says, and that it ended with a fault, goes to the log: the judge counts what is missing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [str(word) for word in command]
    done = subprocess.run(  # noqa: S603 - commands of this file
        words, env={**os.environ, "JUDGE_KEY": KEY}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    log.write_bytes(done.stdout + f"\nexit code {done.returncode}\n".encode())
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def flattened(answers: list[Answer], source: Path, flat: Path) -> list[Answer]:
    """The set in one folder without folders in it, which every tool can read, and its key."""
    flat.mkdir()
    names = {answer.file: answer.file.replace("/", "_") for answer in answers}
    for file, name in names.items():
        shutil.copyfile(source / file, flat / name)
    moved = []
    for answer in answers:
        text = json.dumps([[one.value, list(one.to)] for one in answer.checks])
        for file, name in names.items():
            text = text.replace(f'"{file}"', f'"{name}"')
        checks = zip(answer.checks, json.loads(text), strict=True)
        renamed = tuple(
            type(one)(one.check, one.path, value, one.when, one.about, one.box, tuple(to), one.days) for one, (value, to) in checks
        )
        moved.append(Answer(names[answer.file], answer.patient, answer.marks, renamed))
    return moved


def main() -> None:
    """Plant, let all tools take turns, judge their last outputs, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, help="of the planted set")
    parser.add_argument("--rounds", type=int, default=2, help="how often each tool runs (default 2)")
    parser.add_argument("--patients", type=int, default=9, help="default 9, one for each character set")
    parser.add_argument("--studies", type=int, default=1, help="of a patient (default 1)")
    parser.add_argument("--slices", type=int, default=3, help="CT slices of a study (default 3)")
    parser.add_argument(
        "--venv", type=Path, default=HERE.parents[1] / ".venv" / "peers", help="environment of the peers (default .venv/peers)"
    )
    parser.add_argument("--keep", type=Path, help="a new folder for the set, the outputs, logs and lists of failures; else nothing is kept")
    options = parser.parse_args()
    commands = environment(options.venv)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        key = plant(options.seed, work / "set", options.patients, options.studies, options.slices)
        answers = flattened(read_key(key), work / "set" / "source", work / "flat")
        cpu: dict[str, list[float]] = {}
        outputs: dict[str, Path] = {}
        for turn, (name, command) in itertools.product(range(options.rounds), tools(commands, work).items()):
            outputs[name] = work / f"{name.replace(', ', '-').replace(' ', '-')}-{turn}"
            if not name.startswith("dicom-deid"):
                outputs[name].mkdir()
            seconds = measured(command(work / "flat", outputs[name]), outputs[name].with_suffix(".log"))
            cpu.setdefault(name, []).append(seconds)
        tables: list[tuple[str, list[Row]]] = []
        for name, output in outputs.items():
            given = list(verdicts(answers, BASIC, match(answers, work / "flat", output)))
            write_failures(output.with_suffix(".csv"), given)
            tables.append((name, rows(given)))
    print(text_table(tables))
    print("| CPU, ms an instance | " + " | ".join(f"{1000 * min(cpu[name]) / len(answers):.0f}" for name, _ in tables) + " |")


if __name__ == "__main__":
    main()
