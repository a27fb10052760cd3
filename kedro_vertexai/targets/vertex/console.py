"""Pages of the Google Cloud console about pipeline jobs."""

from __future__ import annotations

from urllib.parse import quote

from kedro_vertexai.spec.dialect import VERTEX
from kedro_vertexai.targets.vertex.client import Location

# The tab "Runs" of https://cloud.google.com/vertex-ai/docs/pipelines/cancel-pipeline-runs
_RUNS = "https://console.cloud.google.com/vertex-ai/pipelines/runs?project={project}"


def job_page(location: Location, job_id: str) -> str:
    """The address of a job's page."""
    names = {"project": location.project_id, "region": location.region, "job": job_id}
    return VERTEX.job_page.format(**{name: quote(value, safe="") for name, value in names.items()})


def jobs_page(location: Location) -> str:
    """The address of the page that lists a Google Cloud project's jobs."""
    return _RUNS.format(project=quote(location.project_id, safe=""))


def schedule_page(location: Location, schedule_id: str) -> str:
    """The address of a schedule's page."""
    project, region, schedule = (
        quote(part, safe="") for part in (location.project_id, location.region, schedule_id)
    )
    return (
        f"https://console.cloud.google.com/vertex-ai/pipelines/locations/{region}/schedules/"
        f"{schedule}?project={project}"
    )
