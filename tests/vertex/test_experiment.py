"""A job is a run of the Vertex AI experiment that the file names, which is made if missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cloud_storage import Bucket
from google.api_core.exceptions import GoogleAPICallError
from google_service import GoogleService
from project_factory import IMAGE, KedroProject

from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.experiment import ensure_experiment

NewProject = Callable[..., KedroProject]
CONTEXTS = "metadataStores/default/contexts"


@pytest.fixture(autouse=True)
def nothing_runs(service: GoogleService) -> None:
    service.settings.execute = False


def test_an_experiment_is_made_as_the_console_shows_them(clients: GoogleClients) -> None:
    name = ensure_experiment(clients, "my_experiment", "Which features matter")
    found = clients.metadata.get_context(name=name)
    assert found.display_name == "my_experiment"
    assert found.description == "Which features matter"
    assert found.schema_title == "system.Experiment"
    assert found.schema_version == "0.0.1"
    assert dict(found.metadata) == {"experiment_deleted": False}


def test_an_experiment_that_is_there_is_kept(
    service: GoogleService, clients: GoogleClients
) -> None:
    first = ensure_experiment(clients, "trees", None)
    assert ensure_experiment(clients, "trees", None) == first
    assert len(service.asked("POST", f"{CONTEXTS}$")) == 1


def test_a_new_description_is_written(clients: GoogleClients) -> None:
    name = ensure_experiment(clients, "trees", "one")
    ensure_experiment(clients, "trees", "two")
    assert clients.metadata.get_context(name=name).description == "two"


@pytest.mark.parametrize("fault", [{"status": 503}, {"reset": True, "after": True}])
def test_an_experiment_whose_answer_is_lost_is_made_once(
    service: GoogleService, clients: GoogleClients, fault: dict[str, object]
) -> None:
    service.fail("POST", f"{CONTEXTS}$", **fault)
    name = ensure_experiment(clients, "trees", None)
    assert clients.metadata.get_context(name=name).display_name == "trees"


@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"reset": True, "after": True}])
def test_the_first_experiment_of_a_region_makes_the_store_that_holds_it(
    service: GoogleService, clients: GoogleClients, fault: dict[str, object]
) -> None:
    service.metadata.exists = False
    if fault:
        service.fail("POST", "metadataStores$", **fault)
    name = ensure_experiment(clients, "trees", None)
    assert clients.metadata.get_context(name=name).display_name == "trees"


def test_a_job_becomes_a_run_of_its_experiment(
    new_project: NewProject, service: GoogleService, bucket: Bucket
) -> None:
    service.settings.execute = True
    root = bucket.root.removeprefix("gs://")
    project = new_project(run_config={"experiment_name": "trees", "root": root})
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once", "--no-check")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    context = service.job().message().job_detail.pipeline_run_context
    (asked,) = service.asked("POST", ":addContextChildren$")
    assert asked.path.endswith(f"{CONTEXTS}/trees:addContextChildren")
    assert asked.body["childContexts"] == [context.name]


def test_what_the_file_says_of_it_is_in_the_request(
    new_project: NewProject, service: GoogleService
) -> None:
    said = {"experiment_name": "my_trees", "experiment_description": "Which features matter"}
    service.fail("POST", "pipelineJobs$", status=403)
    new_project(run_config=said).invoke("run-once", "--no-check")
    (asked,) = service.asked("POST", f"{CONTEXTS}$")
    assert asked.body["displayName"] == "my_trees"
    assert asked.body["description"] == "Which features matter"


def test_a_job_runs_though_its_experiment_cannot_have_it(
    new_project: NewProject, service: GoogleService
) -> None:
    service.fail("GET", "pipelineJobs/", status=403)
    project = new_project(run_config={"experiment_name": "trees"})
    result = project.invoke("run-once", "--no-check")
    assert result.exit_code == 0
    assert "the job is not in experiment trees" in result.stderr
    assert len(service.jobs) == 1


def test_no_job_is_made_if_the_experiment_cannot_be(
    new_project: NewProject, service: GoogleService
) -> None:
    service.fail("*", CONTEXTS, status=403)
    project = new_project(run_config={"experiment_name": "trees"})
    result = project.invoke("run-once", "--no-check")
    assert result.exit_code == 1
    assert service.jobs == []


def test_a_refusal_is_not_taken_for_a_missing_experiment(
    service: GoogleService, clients: GoogleClients
) -> None:
    service.fail("GET", CONTEXTS, status=400)
    with pytest.raises(GoogleAPICallError):
        ensure_experiment(clients, "trees", None)
    assert not service.asked("POST", CONTEXTS)
