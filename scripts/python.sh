#!/usr/bin/env bash
# Print the path of a Python interpreter that can make a virtual environment.
#
#   scripts/python.sh        the newest of the supported versions
#   scripts/python.sh 3.12   that version
#
# What PATH offers comes first, then pyenv's versions. Exits with 1 if there is none.
set -euo pipefail

supported=(3.14 3.13 3.12 3.11 3.10)

# A name on PATH may be a shim for a version that is not there, and Debian's python3 comes
# without ensurepip: so ask the interpreter itself.
usable() {
    "$1" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" \
        >/dev/null 2>&1
}

on_path() {
    local name
    for name in "python$1" python3 python; do
        if usable "$name" "$1"; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

in_pyenv() {
    local found
    while read -r found; do
        if usable "$found" "$1"; then
            echo "$found"
            return
        fi
    done < <(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/"python$1" | sort -rV)
    return 1
}

if [ $# -gt 0 ]; then
    on_path "$1" || in_pyenv "$1"
    exit
fi
for where in on_path in_pyenv; do
    for version in "${supported[@]}"; do
        "$where" "$version" && exit
    done
done
echo "No Python 3.10 or newer with venv was found: install one, or name it with PYTHON=..." >&2
exit 1
