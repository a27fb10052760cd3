#!/usr/bin/env bash
# The Docker engine, a registry and a static shell, with which tests build and push real images.
# Debian and Ubuntu, as root. Nothing is started: each test starts an engine of its own.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# By program, the package that holds it.
declare -A packages=(
    [dockerd]=docker.io [docker]=docker.io [docker-registry]=docker-registry
    [busybox]=busybox-static
)

missing=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if test "${#missing[@]}" = 0; then
    exit 0
fi
if ! command -v apt-get >/dev/null || test "$(id -u)" != 0; then
    echo "no ${missing[*]}, and it cannot be installed here: this needs apt-get and root" >&2
    exit 1
fi
# The packages would start engine and registry, where services are started at all.
policy=/usr/sbin/policy-rc.d
if ! test -e "$policy"; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
dockerd --version
