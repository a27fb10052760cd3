"""What registries answer to a push, as the engine passes it on: one line with what helps."""

from __future__ import annotations

import io

import pytest

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.progress import PlainLayers
from kedro_vertexai.image.push import follow

GOOGLE = "europe-west1-docker.pkg.dev/my-project/kedro/demo:1"


def refused(words: str, image: str = GOOGLE) -> str:
    with pytest.raises(RunError) as caught:
        follow([{"error": words}], image, PlainLayers(io.StringIO()))
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_google_without_a_login_is_told_how_to_log_in() -> None:
    line = refused(
        "denied: Unauthenticated request. Unauthenticated requests do not have permission "
        '"artifactregistry.repositories.uploadArtifacts" on resource "..."'
    )
    assert "gcloud auth configure-docker europe-west1-docker.pkg.dev" in line


def test_a_repository_that_is_not_there_is_told_how_to_be_made() -> None:
    line = refused('name unknown: Repository "kedro" not found')
    assert (
        "gcloud artifacts repositories create kedro --repository-format=docker "
        "--location=europe-west1 --project=my-project"
    ) in line


def test_docker_hub_is_logged_in_to_without_its_name() -> None:
    line = refused("denied: requested access to the resource is denied", "me/demo:1")
    assert "run `docker login`" in line


@pytest.mark.parametrize(
    "words",
    [
        'Get "https://r.example/v2/": dial tcp: lookup r.example: no such host',
        'Get "https://r.example/v2/": net/http: request canceled (Client.Timeout exceeded)',
        "received unexpected HTTP status: 503 Service Unavailable",
    ],
)
def test_a_registry_that_does_not_answer_is_down(words: str) -> None:
    assert refused(words, "r.example/demo:1").startswith("r.example cannot be reached")


def test_a_registry_without_tls_is_told_where_it_must_be_named() -> None:
    words = 'Get "https://r:5000/v2/": http: server gave HTTP response to HTTPS client'
    assert '"insecure-registries" in its daemon.json' in refused(words, "r:5000/demo:1")


def test_a_full_disk_is_not_taken_for_a_refusal() -> None:
    words = "write /var/lib/docker/tmp/GetImageBlob1: no space left on device"
    assert "disk is full" in refused(words)


def test_anything_else_is_passed_on() -> None:
    assert refused("manifest invalid") == f"{GOOGLE} is not pushed: manifest invalid"


@pytest.mark.parametrize(
    "event",
    [
        {"progressDetail": {}, "aux": {"Tag": "1", "Digest": f"sha256:{'a' * 64}", "Size": 528}},
        {"status": f"1: digest: sha256:{'a' * 64} size: 528"},
    ],
)
def test_the_digest_is_read_wherever_an_engine_writes_it(event: dict[str, object]) -> None:
    assert follow([event], GOOGLE, PlainLayers(io.StringIO())) == f"sha256:{'a' * 64}"
