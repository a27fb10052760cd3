"""`run_config.network.host_aliases`: lines for this container's hosts file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kedro_vertexai.errors import TaskError

_HOSTS = Path("/etc/hosts")


def add_host_aliases(lines: Sequence[str], hosts: Path = _HOSTS) -> None:
    """Append `IP NAME...` lines; on the user's own machine say that they do not apply.

    Raises:
        TaskError: the container's user may not write the file.
    """
    if os.environ.get("KEDRO_VERTEXAI_TARGET") == "local":
        print("host_aliases are left out: this task runs on your own machine", file=sys.stderr)
        return
    try:
        with hosts.open("a", encoding="utf-8") as stream:
            stream.writelines(f"\n{line}" for line in lines)
            stream.write("\n")
    except OSError as error:
        raise TaskError(
            f"run_config.network.host_aliases: {hosts} cannot be written ({error.strerror}); "
            "the image's user needs the right to"
        ) from error
