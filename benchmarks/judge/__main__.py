"""Judge a de-identified set by a key.

    python -m benchmarks.judge --key KEY --source DIR --deidentified DIR [--again DIR] [--policy NAME]
        [--uid_map CSV] [--failures CSV]

Prints a table by check type. Exit code 0: the target is met; 1: it is not, and the lines below the table say where; 2: no such files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import read_key
from benchmarks.judge.outputs import match
from benchmarks.judge.report import rows, shortfalls, text_table, write_failures


def main(argv: list[str] | None = None) -> int:
    """Judge, print, and say by the exit code whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", type=Path, required=True, help="the answer key, JSON Lines (benchmarks/judge/key.py)")
    parser.add_argument("--source", type=Path, required=True, help="the folder that the key's files are relative to")
    parser.add_argument("--deidentified", type=Path, required=True, help="the folder of the outputs")
    parser.add_argument("--again", type=Path, help="the outputs of a second run, which must agree with the first")
    parser.add_argument("--policy", default="", help="which of the checks that name policies are due")
    parser.add_argument("--uid_map", type=Path, help="CSV with id_old,id_new: how outputs are known; else by marks and paths")
    parser.add_argument("--failures", type=Path, help="write what failed, with values, to this CSV")
    options = parser.parse_args(argv)
    try:
        answers = read_key(options.key)
        matched = match(answers, options.source, options.deidentified, options.uid_map)
        again = match(answers, options.source, options.again) if options.again else None
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    given = list(verdicts(answers, options.policy, matched, again))
    table = rows(given)
    print(text_table([(options.policy or "passed", table)]))
    if options.failures:
        write_failures(options.failures, given)
    short = shortfalls(table, len(matched.strangers) + len(matched.unreadable))
    print("\n".join(short) if short else "The target is met.")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
