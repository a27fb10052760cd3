#!/usr/bin/env bash
# Run the tests on every supported Python that is installed, each in a virtual environment of its
# own. Goes on after a failure and says at the end how each version did.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
report=()
for version in 3.10 3.11 3.12 3.13 3.14; do
    if ! python=$(scripts/python.sh "$version"); then
        report+=("Python $version: not found, skipped")
    elif "${MAKE:-make}" --no-print-directory test VENV=".venvs/$version" PYTHON="$python"; then
        report+=("Python $version: passed")
    else
        report+=("Python $version: FAILED")
        failed=1
    fi
done
printf '%s\n' "${report[@]}"
exit "$failed"
