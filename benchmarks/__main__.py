"""Run the benchmarks and print them as one table: `python -m benchmarks [NAME...]`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.measure import Result, table

NAMES = (
    "import_commands",
    "list_pipelines",
    "follow_job",
    "compile_starter",
    "compile_generated",
    "spec_size",
    "local_run",
    "fresh_task",
    "directory_copy",
    "object_artifacts",
    "classify_catalog",
)
# Only if named: it needs a Docker engine and downloads half a gigabyte.
ON_REQUEST = ("container_image",)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all that need no more than this environment.

    A missed limit is printed and is no error.

    Raises:
        SystemExit: there is no benchmark of a name given, or one could not be taken.
    """
    known = (*NAMES, *ON_REQUEST)
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no benchmark named {', '.join(unknown)} (there are: {', '.join(known)})")
    results: list[Result] = []
    failed = []
    for name in names or NAMES:
        print(f"{name} ...", flush=True)
        try:
            results += importlib.import_module(f"benchmarks.{name}").run()
        except Exception as error:
            failed.append(name)
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"\nMedians, of processor time unless said otherwise:\n{table(results)}\n")
    limits = [result for result in results if result.limit is not None]
    print(f"{sum(result.is_met for result in limits)} of {len(limits)} limits met")
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
