"""python -m tests.fuzz: feed every family broken code streams; exit code 1 when one does harm."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.fuzzing import SPECS, hunt


def main() -> int:
    """Hunt through all families, or those given; print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("specs", nargs="*", default=SPECS, help="codec specifications of one step; all families unless given")
    parser.add_argument("-n", "--mutations", type=int, default=10_000, help="broken streams for each specification")
    options = parser.parse_args()
    bad = 0
    for spec in options.specs or SPECS:
        begun = time.perf_counter()
        faults = hunt(spec, options.mutations)
        bad += len(faults)
        print(f"{spec:<44} {options.mutations} streams, {len(faults)} faults, {time.perf_counter() - begun:.1f} s", flush=True)
        for fault in faults:
            print(f"    mutation {fault.index}: {fault.what}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
