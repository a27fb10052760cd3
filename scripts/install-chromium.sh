#!/usr/bin/env bash
# The browser in which a test looks at a run, as its reader does. Debian and Ubuntu, as root.
set -euo pipefail

if command -v chromium >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null || test "$(id -u)" != 0; then
    echo "no chromium, and it cannot be installed here: this needs apt-get and root" >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
chromium --version
