"""Plants data sets, scrubs and proves each under every policy, and counts: held, published clean, published with a leak.

    python -m benchmarks.leaks [--sets 300] [--seed 1] [--policies basic,contents] [--show]

Exit code 1: something that a policy takes away is left in an output that is not held. `--show` prints each of these, and why instances are
held.
"""

from __future__ import annotations

import argparse
import collections
import sys

from benchmarks.leaks.planted import planted
from benchmarks.leaks.policies import POLICIES, Policy


def main() -> int:
    """One line a policy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=300, help="data sets, each under every policy (default 300)")
    parser.add_argument("--seed", default="1", help="of the first data set (default 1)")
    parser.add_argument("--policies", default=",".join(POLICIES), help=f"of {', '.join(POLICIES)} (default all)")
    parser.add_argument("--show", action="store_true", help="print what is left, and why instances are held")
    options = parser.parse_args()
    leaky = 0
    for name in options.policies.split(","):
        policy, count = Policy(POLICIES[name]), collections.Counter[str]()
        for number in range(options.sets):
            source = planted(f"{options.seed}/{number}")
            outcome = policy.run(source)
            count[outcome.kind] += 1
            if options.show:
                for line in outcome.told:
                    print(name, number, line)
        leaky += count["leak"]
        print(f"{name:12}" + "".join(f"{kind} {count[kind]:4}  " for kind in ("clean", "held", "failed", "leak")), flush=True)
    return 1 if leaky else 0


if __name__ == "__main__":
    sys.exit(main())
