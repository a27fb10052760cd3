"""Templates in Artifact Registry: published, published again, fetched, refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from cloud_storage import Bucket
from google_service import GoogleService, errors
from google_service.kfp_repository import KfpRepositories
from preflight_specs import spec_of
from project_factory import IMAGE, ONE_NODE, VERTEXAI, KedroProject

from kedro_vertexai.errors import ConfigError, RunError
from kedro_vertexai.spec.write import render_spec
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.retry import Patience
from kedro_vertexai.targets.vertex.templates import (
    Repository,
    Template,
    fetch_template,
    publish_template,
)

NewProject = Callable[..., KedroProject]
URL = "https://europe-west1-kfp.pkg.dev/my-project/pipelines"
REPOSITORY = Repository("europe-west1", "my-project", "pipelines")
SPEC = render_spec(spec_of(), as_json=False)
UPLOAD = "/my-project/pipelines$"
SOON = Patience(total=20, first=0.01, longest=0.05)
GIVING_UP = Patience(total=0.2, first=0.01, longest=0.05)
FAULTS: dict[str, dict[str, Any]] = {
    "too many requests": {"status": 429},
    "an internal error": {"status": 500},
    "a registry that is away": {"status": 503},
    "a registry that is away after it has stored the version": {"status": 503, "after": True},
    "a reset connection": {"reset": True},
    "a reset connection after the version was stored": {"reset": True, "after": True},
    "an answer that is cut off": {"truncate": True},
}


@pytest.fixture(autouse=True)
def repositories(service: GoogleService) -> KfpRepositories:
    """A registry with one repository, in which there is nothing."""
    repositories = KfpRepositories("my-project/pipelines")
    service.serve(repositories.routes)
    return repositories


# Publishing


def test_a_template_is_stored_byte_for_byte_under_its_hash(
    clients: GoogleClients, repositories: KfpRepositories
) -> None:
    published = publish_template(clients, REPOSITORY, "shop", SPEC + "# ü\n", ())
    package = repositories.packages["my-project/pipelines"]["shop"]
    assert package.versions == {published.template.version: (SPEC + "# ü\n").encode()}
    assert published.is_new


def test_every_tag_names_the_new_version(
    clients: GoogleClients, repositories: KfpRepositories
) -> None:
    first = publish_template(clients, REPOSITORY, "shop", SPEC, ("v1", "latest"))
    second = publish_template(clients, REPOSITORY, "shop", SPEC + "#\n", ("latest",))
    package = repositories.packages["my-project/pipelines"]["shop"]
    assert package.tags == {"v1": first.template.version, "latest": second.template.version}


def test_equal_content_is_no_new_version(clients: GoogleClients) -> None:
    first = publish_template(clients, REPOSITORY, "shop", SPEC, ())
    second = publish_template(clients, REPOSITORY, "shop", SPEC, ())
    assert first.template == second.template
    assert not second.is_new


def test_a_repository_that_is_missing_comes_with_the_command_that_makes_it(
    clients: GoogleClients,
) -> None:
    elsewhere = Repository("europe-west1", "my-project", "others")
    with pytest.raises(RunError, match="gcloud artifacts repositories create others") as raised:
        publish_template(clients, elsewhere, "shop", SPEC, ())
    assert "--repository-format=kfp --location=europe-west1 --project=my-project" in str(
        raised.value
    )


def test_who_may_not_upload_gets_the_role_that_lets_him(
    clients: GoogleClients, repositories: KfpRepositories
) -> None:
    repositories.may_write = False
    with pytest.raises(RunError, match=r"--role=roles/artifactregistry\.writer"):
        publish_template(clients, REPOSITORY, "shop", SPEC, ())


@pytest.mark.parametrize("fault", FAULTS)
def test_what_passes_by_itself_is_waited_out_and_makes_one_version(
    clients: GoogleClients, service: GoogleService, repositories: KfpRepositories, fault: str
) -> None:
    met = service.fail("POST", UPLOAD, times=2, **FAULTS[fault])
    published = publish_template(clients, REPOSITORY, "shop", SPEC, ("latest",), SOON)
    package = repositories.packages["my-project/pipelines"]["shop"]
    assert met.met == 2
    assert published.is_new
    assert list(package.versions) == [published.template.version]
    assert package.tags == {"latest": published.template.version}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_registry_that_goes_on_refusing_is_one_line(
    clients: GoogleClients, service: GoogleService, status: int
) -> None:
    service.fail("POST", UPLOAD, error=errors.plain(status), times=1000)
    with pytest.raises(RunError) as raised:
        publish_template(clients, REPOSITORY, "shop", SPEC, (), GIVING_UP)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_final(clients: GoogleClients, service: GoogleService, status: int) -> None:
    met = service.fail("POST", UPLOAD, error=errors.plain(status), times=1000)
    with pytest.raises(RunError):
        publish_template(clients, REPOSITORY, "shop", SPEC, (), SOON)
    assert met.met == 1


def test_a_registry_that_goes_on_resetting_the_connection_is_one_line(
    clients: GoogleClients, service: GoogleService
) -> None:
    service.fail("POST", UPLOAD, reset=True, times=1000)
    with pytest.raises(RunError, match="cannot be reached"):
        publish_template(clients, REPOSITORY, "shop", SPEC, (), GIVING_UP)


@pytest.mark.parametrize("url", [URL, f"{URL}/", "europe-west1-kfp.pkg.dev/my-project/pipelines"])
def test_a_repository_is_read_from_its_url(url: str) -> None:
    assert Repository.parse(url) == REPOSITORY


@pytest.mark.parametrize(
    "url",
    [
        "gs://bucket/pipelines",
        "https://europe-west1-docker.pkg.dev/my-project/pipelines",
        "http://europe-west1-kfp.pkg.dev/my-project/pipelines",
        "https://europe-west1-kfp.pkg.dev.example.com/my-project/pipelines",
        f"{URL}/shop/v1",
    ],
)
def test_another_url_is_no_repository(url: str) -> None:
    with pytest.raises(ConfigError, match="is no repository of pipeline templates"):
        Repository.parse(url)


# Fetching


@pytest.mark.parametrize("name", ["latest", "digest"])
def test_a_template_is_fetched_by_its_tag_or_its_digest(clients: GoogleClients, name: str) -> None:
    template = publish_template(clients, REPOSITORY, "shop", SPEC, ("latest",)).template
    version = "latest" if name == "latest" else template.version
    assert fetch_template(clients, Template.parse(f"{URL}/shop/{version}")) == spec_of()


@pytest.mark.parametrize("fault", [{"status": 503}, {"reset": True}, {"truncate": True}])
def test_a_template_is_fetched_though_requests_fail(
    clients: GoogleClients, service: GoogleService, fault: dict[str, Any]
) -> None:
    template = publish_template(clients, REPOSITORY, "shop", SPEC, ("latest",)).template
    met = service.fail("GET", "/my-project/pipelines/shop/", times=2, **fault)
    assert fetch_template(clients, template, SOON) == spec_of()
    assert met.met == 2


def test_a_template_that_is_missing_comes_with_the_command_that_lists_them(
    clients: GoogleClients,
) -> None:
    with pytest.raises(RunError, match="gcloud artifacts versions list --package=shop"):
        fetch_template(clients, Template.parse(f"{URL}/shop/v1"))


@pytest.mark.parametrize("content", ["a: [", "text", "[]", "a: 1"])
def test_a_file_that_is_no_spec_is_no_template(
    clients: GoogleClients, repositories: KfpRepositories, content: str
) -> None:
    template = publish_template(clients, REPOSITORY, "shop", SPEC, ()).template
    versions = repositories.packages["my-project/pipelines"]["shop"].versions
    versions[template.version] = content.encode()
    with pytest.raises(RunError, match=r"is no (YAML|pipeline spec)"):
        fetch_template(clients, template)


@pytest.mark.parametrize("uri", [URL, f"{URL}/shop", "gs://bucket/shop.yaml", "shop.yaml"])
def test_another_uri_is_no_template(uri: str) -> None:
    with pytest.raises(ConfigError, match="is no pipeline template"):
        Template.parse(uri)


def test_a_template_has_the_uri_that_it_is_read_from() -> None:
    assert Template.parse(f"{URL}/shop/v1").uri == f"{URL}/shop/v1"


# The command


def shop(new_project: NewProject, bucket: Bucket, **described: object) -> KedroProject:
    run_config = {"image": IMAGE, "root": bucket.root}
    return new_project(
        **{  # type: ignore[arg-type]
            "nodes": ONE_NODE,
            "parameters": {"start": 21},
            "vertexai": {**VERTEXAI, "run_config": run_config},
            **described,
        }
    )


def test_the_command_prints_the_version_and_every_uri(
    new_project: NewProject, bucket: Bucket, repositories: KfpRepositories
) -> None:
    project = shop(new_project, bucket)
    done = project.invoke("publish", "--repository", URL, "--tag", "v1", "--tag", "latest")
    assert done.exit_code == 0, done.output
    [(name, package)] = repositories.packages["my-project/pipelines"].items()
    [version] = package.versions
    assert done.output.splitlines() == [
        f"{name} published: version {version}",
        f"  {URL}/{name}/{version}",
        f"  {URL}/{name}/v1",
        f"  {URL}/{name}/latest",
    ]
    assert yaml.safe_load(package.versions[version])["pipelineInfo"]["name"] == name


def test_the_command_says_that_nothing_has_changed(new_project: NewProject, bucket: Bucket) -> None:
    project = shop(new_project, bucket)
    project.invoke("publish", "--repository", URL)
    again = project.invoke("publish", "--repository", URL)
    assert "was published already, unchanged: version sha256:" in again.output


def test_params_become_the_templates_defaults(
    new_project: NewProject, bucket: Bucket, repositories: KfpRepositories
) -> None:
    project = shop(new_project, bucket)
    project.invoke("publish", "--repository", URL, "--params", "start=7")
    [package] = repositories.packages["my-project/pipelines"].values()
    [content] = package.versions.values()
    inputs = yaml.safe_load(content)["root"]["inputDefinitions"]["parameters"]
    assert inputs["start"]["defaultValue"] == 7


def test_raw_inputs_are_uploaded_before_the_template_that_names_them(
    new_project: NewProject, bucket: Bucket, repositories: KfpRepositories
) -> None:
    project = shop(
        new_project,
        bucket,
        nodes='NODES = [node(first, "raw", "read", name="read")]',
        catalog={"raw": {"type": "json.JSONDataset", "filepath": "data/raw.json"}},
        files={"data/raw.json": "{}"},
    )
    done = project.invoke("publish", "--repository", URL)
    assert done.exit_code == 0, done.output
    [package] = repositories.packages["my-project/pipelines"].values()
    [content] = package.versions.values()
    [name] = [name for name in bucket.objects("runs") if name.endswith("raw.json")]
    assert f"gs://{bucket.name}/{name}".encode() in content


def test_several_pipelines_are_several_templates(
    new_project: NewProject, bucket: Bucket, repositories: KfpRepositories
) -> None:
    nodes = """
    PIPELINES = {
        "__default__": Pipeline([node(first, "params:start", "started", name="start")]),
        "other": Pipeline([node(first, "params:start", "ended", name="end")]),
    }
    """
    project = shop(new_project, bucket, nodes=nodes)
    done = project.invoke("publish", "--repository", URL, "-p", "__default__", "-p", "other")
    assert done.exit_code == 0, done.output
    assert len(repositories.packages["my-project/pipelines"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [("-p", "none"), ("--tag", "a,b"), ("--tag", "sha256:1"), ("-p", "__default__", "-p", "none")],
)
def test_a_mistake_uploads_nothing(
    new_project: NewProject, bucket: Bucket, service: GoogleService, arguments: tuple[str, ...]
) -> None:
    done = shop(new_project, bucket).invoke("publish", "--repository", URL, *arguments)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert service.requests == []


def test_a_repository_is_required(new_project: NewProject, bucket: Bucket) -> None:
    assert shop(new_project, bucket).invoke("publish").exit_code == 2
