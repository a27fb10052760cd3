"""What keeps a root from being reached: one line that names it and says what to do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from cloud_storage import Bucket
from google_servers import answering, refused
from staged_inputs import described, staged

from kedro_vertexai.errors import RunError


def refusal(project: Path, root: str) -> str:
    """Why an input cannot be staged there."""
    (project / "a.csv").write_bytes(b"1")
    with pytest.raises(RunError) as caught:
        staged([described(project, "a.csv")], root, project)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_without_credentials(nobody: None, tmp_path: Path) -> None:
    assert refusal(tmp_path, "gs://my-bucket/runs") == (
        "gs://my-bucket/runs: no valid credentials for gs://: "
        "run `gcloud auth application-default login`"
    )


def test_without_the_bucket(bucket: Bucket, tmp_path: Path) -> None:
    message = refusal(tmp_path, "gs://no-such-bucket/runs")
    assert message.startswith("gs://no-such-bucket/runs: no such bucket or object (")


def test_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with answering(403, refused(403, "you lack storage.objects.list")) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        assert refusal(tmp_path, "gs://my-bucket/runs") == (
            "gs://my-bucket/runs: permission denied (you lack storage.objects.list)"
        )
    assert capfd.readouterr() == ("", "")


def test_with_credentials_that_do_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with answering(401, refused(401, "Anonymous caller")) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        message = refusal(tmp_path, "gs://my-bucket/runs")
    assert message.startswith("gs://my-bucket/runs: no valid credentials for gs://")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Gcsfs tries six times, half a minute in all."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    message = refusal(tmp_path, "gs://my-bucket/runs")
    assert message.startswith("gs://my-bucket/runs: cannot be reached (")
    assert capfd.readouterr() == ("", "")


def test_without_gcsfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "gcsfs"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    assert refusal(tmp_path, "gs://my-bucket/runs") == (
        "gs://my-bucket/runs needs a package that is not installed: "
        "pip install 'kedro-vertexai[gcs]'"
    )


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_without_s3fs(tmp_path: Path) -> None:
    assert refusal(tmp_path, "s3://my-bucket/runs") == (
        "s3://my-bucket/runs needs a package that is not installed: pip install 's3fs'"
    )


def test_a_protocol_that_nobody_knows(tmp_path: Path) -> None:
    assert refusal(tmp_path, "gopher://somewhere/runs") == (
        "gopher://somewhere/runs: no file system is known for gopher://"
    )


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be staged at" in refusal(tmp_path, f"{tmp_path}/file/root")
