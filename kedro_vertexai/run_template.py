"""`kedro vertexai run-once --template`: a published pipeline, without compiling anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro_vertexai.job_request import request_for
from kedro_vertexai.job_values import changed_values
from kedro_vertexai.jobs import JobsOfProject, jobs_of_project
from kedro_vertexai.preflight_command import check_request
from kedro_vertexai.run_vertex import VertexOptions, launch, print_request
from kedro_vertexai.targets.vertex.names import job_labels, new_job_id
from kedro_vertexai.targets.vertex.request import JobRequest, create_request
from kedro_vertexai.targets.vertex.spec_tasks import task_titles
from kedro_vertexai.targets.vertex.templates import Template, fetch_template
from kedro_vertexai.warn import warn


def run_template(
    path: Path, env: str, uri: str, given: Mapping[str, Any], options: VertexOptions
) -> int:
    """Run a template on Vertex AI with this project's `vertexai.yml`; return the exit code.

    The template is fetched for `--dry-run`, too: nobody else knows what it takes.

    Args:
        path: the project's root; Kedro has bootstrapped it. Its pipelines are not loaded.
        env: the Kedro environment.
        uri: of the template.
        given: nested parameter values.
        options: what `run-once` was told.

    Raises:
        VertexAIError: there is no such template, it does not take these values, or the job cannot
            be made.
    """
    template = Template.parse(uri)
    jobs = jobs_of_project(path, env)
    spec = fetch_template(jobs.clients, template)
    request = _request(jobs, template, spec, given)
    location = jobs.clients.location
    create = create_request(location, new_job_id(template.package), request)
    if options.dry_run:
        return print_request(create)
    if options.check:
        check_request(jobs.clients, jobs.config.run_config, request, uploads=False)
    titles = task_titles(spec)
    return launch(jobs, create, options, titles=titles, expected=tuple(titles))


def _request(
    jobs: JobsOfProject, template: Template, spec: Mapping[str, Any], given: Mapping[str, Any]
) -> JobRequest:
    run_config = jobs.config.run_config
    changed = changed_values(spec, {}, given)
    warn(changed.notes)
    return request_for(
        jobs.config,
        spec,
        template.package,
        values=changed.values,
        labels=job_labels(jobs.label, template.package, jobs.env, None, run_config.labels),
        template_uri=template.uri,
    )
