"""dciodvfy, dcmdump and gdcminfo on what the scrubber makes of every real file that is shipped, by profile and by PS3.15 option.

    PYTHONPATH=. python benchmarks/conformance.py [--only TEXT]

The files are those of pydicom and pydicom-data that the object policy admits. Each goes through every profile but the keep list
(which leaves out whatever it likes) and through the Basic profile with each option alone. An error is new if dciodvfy shows it
on the output and not on the source, values and item numbers aside; a reader's complaint, if it does not complain of the source.
Samples are taken as searched and found without text, so that BurnedInAnnotation can be stated.

Prints each new error and a line of counts a plan. Exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime as dt
import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pydicom.data import get_testdata_files
from pydicom.uid import DeflatedExplicitVRLittleEndian

from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.model.records import InstanceRef, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.read.open import open_instance
from transforms.tags import policy
from transforms.tags.scrubber import Scrubber

SEARCHED = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)
_META = 1024
"""Bytes in which the transfer syntax stands."""
SECRET = Secret(b"benchmark".ljust(32, b"."))
STARTED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PLANS = {
    **{profile.value: ActionPlan(profile, False, ALL_TEXT) for profile in Profile if profile is not Profile.KEEP_LIST},
    **{option.value: ActionPlan(Profile.BASIC, option is Option.UIDS, ALL_TEXT, options=frozenset({option})) for option in Option},
}


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    """A tool's answer, whatever its exit code."""
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a tool of dicom3tools, dcmtk or gdcm on a file of ours


def complaints(files: Iterable[Path]) -> dict[Path, set[str]]:
    """What the three tools object to in each of the files of one folder, without values and item numbers.

    A reader is shown the folder, and its files one by one only if it complains of it: starting it is most of what it takes.
    """
    found = {file: _errors(file) for file in files}
    folder = next(iter(found)).parent
    for name, *options in (("dcmdump", "-q", "+sd", "+r"), ("gdcminfo", "-r")):
        if _complains(name, *options, str(folder)):
            for file in found:
                found[file] |= {f"{name} complains"} if _complains(name, *options[:-1], str(file)) else set()
    return found


def _errors(file: Path) -> set[str]:
    """What dciodvfy says of a file; it takes a deflated data set for a plain one, so that dcmconv inflates it first."""
    if DeflatedExplicitVRLittleEndian.encode() in file.read_bytes()[:_META]:
        run("dcmconv", "+te", str(file), str(file := file.with_suffix(".inflated")))
    checked = run("dciodvfy", "-new", str(file)).stderr.decode(errors="replace")
    return {re.sub(r"\[\d+\]|(?<= = )<[^>]*>?", "", line) for line in checked.splitlines() if line.startswith("Error")}


def _complains(*command: str) -> bool:
    done = run(*command)
    return bool(done.returncode or done.stderr)


def shipped(only: str) -> Iterator[Path]:
    """Files that ship, each content once."""
    seen = set()
    for path in sorted(Path(found) for found in get_testdata_files()):
        if only in path.name and path.is_file() and (content := path.read_bytes()) not in seen:
            seen.add(content)
            yield path


def opened(content: bytes) -> OpenInstance | None:
    """The instance as the read stage hands it on; None where that, or the object policy, does not admit it."""
    try:
        instance = open_instance(InstanceRef("00" * 8, "/x.dcm", len(content)), content, SECRET.purpose(Purpose.UID), STARTED)
        policy.admit(instance.dataset)
    except InstanceProblem:
        return None
    return dataclasses.replace(instance, pixels=SEARCHED)


class Judged(NamedTuple):
    """What became of one file under one plan."""

    plan: str
    failed: str
    """The code of the problem; empty where there is an output."""
    new: tuple[str, ...]
    """Complaints of the output that the source did not have."""


@functools.cache
def scrubbers() -> dict[str, Scrubber]:
    """One for each plan, made once in each process."""
    return {name: Scrubber(plan, SECRET) for name, plan in PLANS.items()}


def judge(path: Path) -> list[Judged]:
    """A file under every plan; nothing for one that is not admitted."""
    content, problems = path.read_bytes(), dict[str, str]()
    if opened(content) is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.dcm")
        source.write_bytes(content)
        outputs = {}
        for name, scrubber in scrubbers().items():
            instance = opened(content)
            assert instance is not None
            try:
                output = scrubber.scrub(instance).content
            except InstanceProblem as problem:
                problems[name] = problem.code
                continue
            outputs[name] = Path(folder, f"{name}.dcm")
            outputs[name].write_bytes(output)
        found = complaints([source, *outputs.values()])
    new = {name: found[file] - found[source] for name, file in outputs.items()}
    return [Judged(name, problems.get(name, ""), tuple(sorted(new.get(name, ())))) for name in PLANS]


def main() -> int:
    """Run it all; one line a plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only files whose names have this in them")
    paths = list(shipped(parser.parse_args().only))
    outputs, failed, new = collections.Counter[str](), collections.Counter[str](), collections.Counter[str]()
    with ProcessPoolExecutor() as pool:
        for path, verdicts in zip(paths, pool.map(judge, paths), strict=True):
            for one in verdicts:
                outputs[one.plan] += not one.failed
                failed[one.plan] += bool(one.failed)
                new[one.plan] += len(one.new)
                for said in (*([f"failed {one.failed}"] if one.failed else []), *one.new):
                    print(f"{path.name}\t{one.plan}\t{said}", flush=True)
    print("plan\toutputs\tfailed\tnew errors")
    for name in PLANS:
        print(f"{name}\t{outputs[name]}\t{failed[name]}\t{new[name]}")
    print(f"all\t{outputs.total()}\t{failed.total()}\t{new.total()}")
    return 1 if new.total() else 0


if __name__ == "__main__":
    sys.exit(main())
