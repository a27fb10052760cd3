"""Jobs of a project on the test service, whose story each test tells itself."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result
from google.cloud.aiplatform_v1.types import PipelineJob
from google_service import GoogleService, Job
from project_factory import KedroProject

from kedro_vertexai.targets.vertex.client import GoogleClients, Location

ROOT = "gs://my-bucket/runs"


class ToldJobs:
    """Makes jobs that do nothing by themselves.

    Args:
        service: whose jobs run nothing from now on.
        project: whose spec and label they have.
    """

    def __init__(self, service: GoogleService, project: KedroProject) -> None:
        service.settings.execute = False
        self.service = service
        self.project = project
        self._spec = project.spec()
        place = service.place
        self._clients = GoogleClients(Location(place.project_id, place.region))

    def new(self, job_id: str, *, ours: bool = True, **described: Any) -> Job:
        """Submit a job.

        Args:
            job_id: its id.
            ours: whether it carries this project's label.
            described: more of its message.
        """
        mine = {"kedro_project": self.project.package, "kedro_pipeline": "train"}
        labels = {**(mine if ours else {}), **described.pop("labels", {})}
        message: dict[str, Any] = {
            "pipeline_spec": self._spec,
            "labels": labels,
            "runtime_config": {"gcs_output_directory": ROOT},
            **described,
        }
        self._clients.pipelines.create_pipeline_job(
            parent=self._clients.location.parent,
            pipeline_job=PipelineJob(message),
            pipeline_job_id=job_id,
        )
        return self.service.job(job_id)

    def printed(self, *arguments: str) -> list[str]:
        """The lines of a command that ends well."""
        done = self.project.invoke(*arguments)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout.splitlines()

    def json(self, *arguments: str) -> Any:
        """The JSON of a command that ends well."""
        return json.loads(self.printed(*arguments, "--json")[-1])

    def refusal(self, *arguments: str) -> str:
        """The one line of a command that ends badly."""
        return self.one_line(self.project.invoke(*arguments))

    @staticmethod
    def one_line(done: Result) -> str:
        assert done.exit_code == 1, (done.output, done.exception)
        (line,) = done.stderr.splitlines()
        return line.removeprefix("Error: ")


def told_run(run_id: str, experiment_id: str = "7", **more: Any) -> dict[str, str]:
    """What the first task puts out."""
    told = {"name": "job", "id": "1", "run_id": run_id, "experiment_id": experiment_id, **more}
    return {"kedro__job": json.dumps(told)}
