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
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydicom.data import get_testdata_files

from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.model.records import InstanceRef, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.read.open import open_instance
from transforms.tags import policy
from transforms.tags.scrubber import Scrubber

SEARCHED = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)
SECRET = Secret(b"benchmark".ljust(32, b"."))
STARTED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
READERS = (("dcmdump", "-q"), ("gdcminfo",))
PLANS = {
    **{profile.value: ActionPlan(profile, False, ALL_TEXT) for profile in Profile if profile is not Profile.KEEP_LIST},
    **{option.value: ActionPlan(Profile.BASIC, option is Option.UIDS, ALL_TEXT, options=frozenset({option})) for option in Option},
}


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    """A tool's answer, whatever its exit code."""
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - one of three tools on a file of ours


def complaints(content: bytes, file: Path) -> set[str]:
    """What the three tools object to in a file, without values and item numbers."""
    file.write_bytes(content)
    checked = run("dciodvfy", "-new", str(file)).stderr.decode(errors="replace")
    errors = {re.sub(r"\[\d+\]|(?<= = )<[^>]*>?", "", line) for line in checked.splitlines() if line.startswith("Error")}
    read = {tool[0]: run(*tool, str(file)) for tool in READERS}
    return errors | {f"{tool} complains" for tool, done in read.items() if done.returncode or done.stderr}


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


def main() -> int:
    """Run it all; one line a plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only files whose names have this in them")
    only = parser.parse_args().only
    scrubbers = {name: Scrubber(plan, SECRET) for name, plan in PLANS.items()}
    outputs, failed, new = collections.Counter[str](), collections.Counter[str](), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "instance.dcm")
        for path in shipped(only):
            content = path.read_bytes()
            if opened(content) is None:
                continue
            before = complaints(content, file)
            for name, scrubber in scrubbers.items():
                instance = opened(content)
                assert instance is not None
                try:
                    output = scrubber.scrub(instance).content
                except InstanceProblem as problem:
                    failed[name] += 1
                    print(f"{path.name}\t{name}\tfailed {problem.code}")
                    continue
                outputs[name] += 1
                for line in sorted(complaints(output, file) - before):
                    new[name] += 1
                    print(f"{path.name}\t{name}\t{line}", flush=True)
    print("plan\toutputs\tfailed\tnew errors")
    for name in PLANS:
        print(f"{name}\t{outputs[name]}\t{failed[name]}\t{new[name]}")
    return 1 if new.total() else 0


if __name__ == "__main__":
    sys.exit(main())
