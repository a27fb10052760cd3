"""Run the benchmarks and print them as one table: `python -m benchmarks [NAME...]`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.measure import Result, table

NAMES = (
    "import_commands",
    "compile_starter",
    "compile_generated",
    "spec_size",
    "local_run",
    "fresh_task",
)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all.

    Raises:
        SystemExit: there is no benchmark of a name given.
    """
    if unknown := [name for name in names if name not in NAMES]:
        sys.exit(f"no benchmark named {', '.join(unknown)} (there are: {', '.join(NAMES)})")
    results: list[Result] = []
    for name in names or NAMES:
        print(f"{name} ...", flush=True)
        found = importlib.import_module(f"benchmarks.{name}").run()
        print(table(found), flush=True)
        results += found
    print(f"\nAll together, processor time:\n{table(results)}")
    missed = sum(not result.is_met for result in results)
    print(f"\n{missed} of {len(results)} limits missed" if missed else "\nEvery limit is met")


if __name__ == "__main__":
    main(sys.argv[1:])
