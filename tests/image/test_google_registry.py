"""Google's registries: the user's Google token pushes and pulls where nobody has logged in.

The engine reaches a registry of ours under their names; it takes one token, of google-auth's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from docker_engine import (
    Engine,
    free_port,
    log_in_by_helper,
    running_engine,
    running_registry,
    use,
    why_not,
)
from project_factory import KedroProject
from token_service import Key, TokenService

HOSTS = ("europe-west1-docker.pkg.dev", "eu.gcr.io", "gcr.io")
NAME = "my-project/kedro/demo"
TOKEN = "ya29.of-the-tests"
# That token as the password of Google's user, as bcrypt with the fewest rounds.
ACCOUNT = "oauth2accesstoken:$2b$04$pa/BZdV/1YmwzjSzgTACCOfWi0MfYVsHe.3atcvxpR1rb3t3bUAKS"
USER = "builder@test-project.iam.gserviceaccount.com"


class Google(TokenService):
    """Hands out one access token, and counts."""

    asked = 0

    def access_token(self, address: str) -> dict[str, Any]:
        self.asked += 1
        return {**super().access_token(address), "access_token": TOKEN}


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Engine, str]]:
    """An engine, and the registry that is Google's to it."""
    if reason := why_not():
        pytest.skip(reason)
    with (
        running_registry(login=True, account=ACCOUNT) as place,
        running_engine(hosts=HOSTS, place=place) as engine,
    ):
        engine.add_base()
        yield engine, place


@pytest.fixture
def place(world: tuple[Engine, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Where the registry is; its engine is the one that the plugin finds."""
    use(world[0], monkeypatch, tmp_path)
    return world[1]


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """The token service of a user with a key file."""
    with Google(Key()) as service:
        file = tmp_path / "key.json"
        file.write_text(json.dumps(service.key_file(USER)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield service


def refused(project: KedroProject) -> str:
    """What is told last."""
    result = project.invoke("build", "--image", f"{HOSTS[0]}/{NAME}:latest")
    assert result.exit_code == 1, result.output
    return result.stderr.strip().splitlines()[-1].removeprefix("Error: ")


def digest_in(place: str) -> str:
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    url = f"http://{place}/v2/{NAME}/manifests/latest"
    found = requests.get(url, headers=accept, auth=("oauth2accesstoken", TOKEN), timeout=10)
    return found.headers["Docker-Content-Digest"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_users_google_token_pushes(
    project: KedroProject, google: Google, place: str, host: str
) -> None:
    result = project.invoke("build", "--image", f"{host}/{NAME}:latest")
    assert result.exit_code == 0, result.output
    pinned = result.stdout.strip().splitlines()[-1]
    assert pinned == f"{host}/{NAME}@{digest_in(place)}"
    assert google.asked >= 1
    assert TOKEN not in result.output


def test_it_pulls_too_with_a_line_for_each_layer(
    project: KedroProject, google: Google, world: tuple[Engine, str], place: str
) -> None:
    (project.path / "only-here").write_text("so that there is a layer to fetch")
    built = project.invoke("build", "--image", f"{HOSTS[0]}/{NAME}:latest")
    pinned = built.stdout.strip().splitlines()[-1]
    world[0].client().remove_image(f"{HOSTS[0]}/{NAME}:latest", force=True)
    for image in world[0].client().images(f"{HOSTS[0]}/{NAME}", quiet=True):
        world[0].client().remove_image(image, force=True)
    run = project.invoke("run-once", "--target", "docker", "--image", pinned, "--yes")
    assert f"Pulling {pinned}" in run.stdout
    assert re.search(r"^layer [0-9a-f]{12}: pulled$", run.stdout, re.MULTILINE), run.output
    # There is no Python in it, and so no task is started.
    assert "no such program on its PATH" in run.stderr


def test_without_a_token_nothing_is_built_and_the_reason_is_told(
    project: KedroProject, google: Google, place: str, tmp_path: Path
) -> None:
    google.clock_skew = 7200
    assert refused(project) == "no token for this machine: its clock is wrong, set it"
    google.clock_skew = 0
    nobody = {"token_uri": f"http://127.0.0.1:{free_port()}/token"}
    (tmp_path / "key.json").write_text(json.dumps(google.key_file(USER) | nobody))
    assert refused(project) == "no token for this machine: Google cannot be reached"


def test_what_docker_login_has_kept_comes_first(
    project: KedroProject, google: Google, place: str, tmp_path: Path
) -> None:
    (tmp_path / "docker").mkdir()
    auths = {"auths": {HOSTS[0]: {"auth": "dGVzdGVyOm9sZA=="}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(auths))
    result = project.invoke("build", "--image", f"{HOSTS[0]}/{NAME}:latest")
    assert result.exit_code == 1
    line = result.stderr.strip().splitlines()[-1]
    assert f"run `gcloud auth configure-docker {HOSTS[0]}`" in line
    assert google.asked == 0


def test_what_gclouds_own_helper_tells_comes_first(
    project: KedroProject,
    google: Google,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in_by_helper(HOSTS[0], "oauth2accesstoken", TOKEN, monkeypatch, tmp_path)
    result = project.invoke("build", "--image", f"{HOSTS[0]}/{NAME}:latest")
    assert result.exit_code == 0, result.output
    assert google.asked == 0


def test_who_has_no_credentials_learns_that_before_the_build(
    project: KedroProject, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    result = project.invoke("build", "--image", f"{HOSTS[0]}/{NAME}:latest")
    assert result.exit_code == 1
    assert "run `gcloud auth application-default login`" in result.stderr
    assert "Step 1" not in result.output


def test_no_other_registry_is_sent_a_google_token(
    project: KedroProject, google: Google, place: str
) -> None:
    result = project.invoke("build", "--image", f"{place}/{NAME}:latest")
    assert result.exit_code == 1
    assert f"run `docker login {place}`" in result.stderr
    assert google.asked == 0
