#!/usr/bin/env bash
# A base image with Python, made from the packages of the Debian or Ubuntu that runs here: for
# machines that can pull no image. In place of python:X-slim:
#
#   scripts/base-image.sh NAME [PYTHON]     # PYTHON: the version it must have, such as 3.11
#   docker build --build-arg BASE_IMAGE=NAME .
#
# An image of that name is left as it is. Needs root; DEBIAN_MIRROR names another mirror.
set -euo pipefail

name=${1:?usage: scripts/base-image.sh NAME [PYTHON]}
wanted=${2:-}

give_up() {
    echo "no base image: $*" >&2
    exit 1
}

python_of() {
    docker run --rm --network none "$name" \
        python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

command -v docker >/dev/null || give_up "there is no docker command"
docker version >/dev/null 2>&1 || give_up "docker reaches no engine (DOCKER_HOST=${DOCKER_HOST:-})"
if ! docker image inspect "$name" >/dev/null 2>&1; then
    test "$(id -u)" = 0 || give_up "this needs root"
    command -v apt-get >/dev/null || give_up "this needs apt-get, of Debian or Ubuntu"
    if ! command -v mmdebstrap >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
    fi
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    test -n "$suite" || give_up "/etc/os-release names no release of Debian or Ubuntu"

    file=$(mktemp --suffix .tar)
    trap 'rm -f "$file"' EXIT
    # Documentation and translations are of no use in a container. The image trusts the
    # authorities that this machine trusts, or it could download nothing behind some proxies.
    mmdebstrap --quiet --variant=minbase \
        --include=ca-certificates,python-is-python3,python3,python3-pip,python3-venv \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
        "$suite" "$file" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} ||
        give_up "mmdebstrap failed; is the mirror of $suite reachable?"
    docker import --change 'CMD ["python3"]' "$file" "$name" >/dev/null
fi

python=$(python_of) || give_up "$name holds no python3 that starts"
if test -n "$wanted" && test "$wanted" != "$python"; then
    give_up "$name has Python $python, not $wanted: this system's packages hold no other"
fi
echo "$name: Python $python"
