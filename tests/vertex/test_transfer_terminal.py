"""`kedro vertexai stage` on a terminal: a bar of bytes, gone when all is done."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from cloud_storage import Bucket
from project_factory import KedroProject
from terminal import on_terminal

# Enough for several blocks.
_SIZE = 20_000_000


@pytest.mark.slow
def test_an_upload_shows_a_bar(new_project: Callable[..., KedroProject], bucket: Bucket) -> None:
    project = new_project(
        nodes='NODES = [node(first, "raw", "read", name="read")]',
        catalog={"raw": {"type": "pickle.PickleDataset", "filepath": "raw.pkl"}},
        run_config={"root": bucket.root.removeprefix("gs://")},
    )
    (project.path / "raw.pkl").write_bytes(os.urandom(_SIZE))
    with on_terminal(project.path, "stage") as terminal:
        terminal.expect(r"Staging \S+ +\d+\.\d/20\.0 MB")
        terminal.expect(r"1 input staged \(20\.0 MB\) under gs://")
        assert terminal.exit_code() == 0
