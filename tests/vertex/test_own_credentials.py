"""Commands that ask over TLS, with credentials of the user's own: a key file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cloud_storage import Bucket
from google.auth import jwt
from google_service import GoogleService, running_service
from google_service.certificate import self_signed
from project_factory import IMAGE, KedroProject
from token_service import MOST_SKEW, Key, TokenService

USER = "user@my-project.iam.gserviceaccount.com"
TEMPLATE = "https://europe-west1-kfp.pkg.dev/my-project/pipelines/shop/latest"
WHERE = "Vertex AI in project my-project, region europe-west1,"


class GoodTokens:
    """What a service takes whose clock may be another one: any token that is valid there now.

    Args:
        service: whose clock it is.
        tokens: gave out those that are not signed by the user.
    """

    def __init__(self, service: GoogleService, tokens: TokenService) -> None:
        self.service = service
        self.tokens = tokens

    def __contains__(self, token: object) -> bool:
        if token in self.tokens.access_tokens:
            return True
        claims = jwt.decode(
            str(token), certs={"test": self.tokens.signing_key.public}, verify=False
        )
        now = time.time() + self.service.clock_skew.total_seconds()
        return bool(claims["iat"] - MOST_SKEW <= now <= claims["exp"] + MOST_SKEW)


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    with TokenService(Key()) as running:
        yield running


@pytest.fixture
def secure(
    cloud_storage: str, tokens: TokenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GoogleService]:
    """Vertex AI and its neighbours behind TLS, and a user whom they know."""
    key_file = tmp_path / "key-file.json"
    key_file.write_text(json.dumps(tokens.key_file(USER)))
    trusted, tls = self_signed(tmp_path)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with running_service(directory=tmp_path / "google", tls=tls) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        running.settings.execute = False
        running.tokens = GoodTokens(running, tokens)
        yield running


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], secure: GoogleService, bucket: Bucket
) -> KedroProject:
    return new_project(run_config={"root": bucket.root.removeprefix("gs://")})


def refusal(project: KedroProject, *arguments: str) -> str:
    done = project.invoke(*arguments)
    assert done.exit_code == 1, (done.output, done.exception)
    return done.stderr.splitlines()[-1].removeprefix("Error: ")


def test_a_job_is_submitted_by_the_user(project: KedroProject, secure: GoogleService) -> None:
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 0, done.output
    assert len(secure.jobs) == 1
    assert all(asked.headers["authorization"] for asked in secure.requests)


@pytest.mark.parametrize(("hours", "word"), [(2, "behind"), (-2, "ahead")])
@pytest.mark.parametrize("command", [("run-once", "--no-check"), ("list-pipelines",)])
def test_a_clock_that_is_wrong_is_told_with_how_wrong_it_is(
    project: KedroProject, secure: GoogleService, hours: int, word: str, command: tuple[str, ...]
) -> None:
    secure.clock_skew = timedelta(hours=hours)
    assert refusal(project, *command) == (
        f"{WHERE} takes no token of this machine: its clock is 120 minutes {word}, set it"
    )
    assert secure.jobs == []


def test_a_clock_that_is_a_little_wrong_is_none(
    project: KedroProject, secure: GoogleService
) -> None:
    secure.clock_skew = timedelta(seconds=200)
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 0, done.output


def test_a_clock_by_which_no_token_can_be_had_is_told(
    project: KedroProject, secure: GoogleService, tokens: TokenService
) -> None:
    job = project.invoke("run-once", "--no-check").output.split()[1]
    secure.job(job).start()
    secure.job(job).set_task("start", "RUNNING")
    tokens.clock_skew = 7200
    words = "takes no token of this machine: its clock is wrong, set it"
    assert refusal(project, "logs", job) == f"{WHERE} {words}"
    assert refusal(project, "run-once", "--template", TEMPLATE).endswith(words)


def test_the_pre_flight_tells_of_the_clock_and_not_of_a_login(
    project: KedroProject, secure: GoogleService, tokens: TokenService
) -> None:
    secure.images.push(IMAGE, project.path)
    tokens.clock_skew = 7200
    done = project.invoke("run-once")
    assert done.exit_code == 0, done.output
    [line] = [line for line in done.stderr.splitlines() if "the enabled APIs" in line]
    assert "its clock is wrong" in line
    assert "login" not in done.stderr


def test_an_address_that_nobody_knows_is_told_at_once(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM", "https://nowhere.invalid")
    begin = time.monotonic()
    line = refusal(project, "run-once", "--no-check")
    assert time.monotonic() - begin < 20
    assert line == (
        f"{WHERE} cannot be reached: its address is not known, so there is no network, or no "
        "region europe-west1 (run `gcloud compute regions list`)"
    )
