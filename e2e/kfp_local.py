"""Runs a compiled spec by KFP's own local engine: an opinion that is not ours.

    python kfp_local.py SPEC PIPELINE_ROOT BUCKETS KEY_FILE

BUCKETS is a directory that stands for the buckets, as Vertex AI mounts them at /gcs. A process of
its own, since `kfp.local` keeps its settings for as long as it lives.
"""

from __future__ import annotations

import sys
from pathlib import Path

_KEY_FILE = "/run/key.json"


def run(spec: Path, pipeline_root: Path, buckets: Path, key_file: Path) -> None:
    """Run it to its end.

    Raises:
        RuntimeError: a task has failed.
    """
    from docker.types import Mount
    from kfp import components, local

    local.init(
        runner=local.DockerRunner(
            # KFP gives a container the environment of the spec and no other, so that it is set
            # by the program that starts ours.
            entrypoint=["env", f"GOOGLE_APPLICATION_CREDENTIALS={_KEY_FILE}"],
            mounts=[
                Mount("/gcs", str(buckets), type="bind", read_only=True),
                Mount(_KEY_FILE, str(key_file), type="bind", read_only=True),
            ],
            group_add=["0"],
        ),
        pipeline_root=str(pipeline_root),
        raise_on_error=True,
    )
    components.load_component_from_file(str(spec))()


if __name__ == "__main__":
    run(*map(Path, sys.argv[1:]))
