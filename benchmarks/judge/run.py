"""Plant a set, de-identify it by the product under each policy, judge all: the table of docs/judge.md.

    python -m benchmarks.judge.run --seed S [--patients 9] [--studies 2] [--slices 3] [--policies basic,dates] [--keep DIR]

`dates` is run twice, in two workspaces with one key, and the runs must agree. Exit code 0: the target is met under every policy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import read_key
from benchmarks.judge.outputs import match
from benchmarks.judge.plant import plant
from benchmarks.judge.policies import DATES, RETAINED
from benchmarks.judge.product import CONFIGS, UID_MAP, run
from benchmarks.judge.report import Row, rows, shortfalls, text_table, write_failures


def judged(policy: str, planted: Path, work: Path) -> tuple[list[Row], list[str], float]:
    """One policy on one planted set: its table, what misses the target, and CPU seconds an instance.

    Outputs are known by the run's own map of UIDs; where these stay, by the marks of the key.
    """
    answers = read_key(planted / "key.jsonl")
    destination, cpu = run(policy, planted / "source", work / policy)
    matched = match(answers, planted / "source", destination, None if policy == RETAINED else work / policy / UID_MAP)
    again = None
    if policy == DATES:
        again = match(answers, planted / "source", run(policy, planted / "source", work / f"{policy}-again")[0])
    given = list(verdicts(answers, policy, matched, again))
    write_failures(work / f"{policy}.csv", given)
    table = rows(given)
    return table, shortfalls(table, len(matched.strangers) + len(matched.unreadable)), cpu / len(answers)


def main() -> int:
    """Plant, run, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, help="of the planted set")
    parser.add_argument("--patients", type=int, default=9, help="default 9, one for each character set")
    parser.add_argument("--studies", type=int, default=2, help="of a patient (default 2)")
    parser.add_argument("--slices", type=int, default=3, help="CT slices of a study (default 3)")
    parser.add_argument("--policies", default=",".join(CONFIGS), help=f"of {', '.join(CONFIGS)} (default all)")
    parser.add_argument("--keep", type=Path, help="a new folder for the set, the runs and the lists of failures; else nothing is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        plant(options.seed, work / "set", options.patients, options.studies, options.slices)
        tables, short = [], []
        for policy in options.policies.split(","):
            table, missing, cpu = judged(policy, work / "set", work)
            tables.append((policy, table))
            short += [f"{policy}: {line}" for line in missing]
            print(f"{policy}: {table[-1].passed} of {table[-1].total} checks, {1000 * cpu:.0f} ms CPU an instance", flush=True)
    print(text_table(tables))
    print("\n".join(short) or "The target is met.")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
