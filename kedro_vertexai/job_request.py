"""A compiled pipeline as a job of Vertex AI: what `run-once` and `schedule` ask for."""

from __future__ import annotations

from dataclasses import replace

from kedro_vertexai.compiler import Compiled, spec_for_vertex
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.git_state import GitState
from kedro_vertexai.spec.build import job_values
from kedro_vertexai.targets.vertex.names import display_name, job_labels
from kedro_vertexai.targets.vertex.request import DnsPeering, JobRequest


def job_request(compiled: Compiled, state: GitState | None = None) -> JobRequest:
    """What is asked of Vertex AI, but for the job's id. Nobody is asked anything.

    Args:
        compiled: the pipeline with this job's parameter values.
        state: of the working tree, for the job's label and its MLflow run; None leaves both out.

    Raises:
        ConfigError: `vertexai.yml` lacks what a job needs, or has what none takes.
    """
    run_config, project = compiled.config.run_config, compiled.project
    commit = state.commit if state else None
    if state:
        plan = replace(compiled.plan, commit=state.commit, is_dirty=state.dirty)
        compiled = replace(compiled, plan=plan)
    return JobRequest(
        spec=spec_for_vertex(compiled),
        root=_root(compiled),
        display_name=display_name(_title(compiled)),
        values=job_values(compiled.plan),
        labels=job_labels(
            project.package, project.pipeline, project.env, commit, run_config.labels
        ),
        service_account=run_config.service_account or "",
        network=run_config.network.vpc or "",
        reserved_ip_ranges=run_config.reserved_ip_ranges,
        network_attachment=run_config.psc_interface.network_attachment or "",
        dns_peerings=tuple(
            DnsPeering(**peering.model_dump())
            for peering in run_config.psc_interface.dns_peering_configs
        ),
        encryption_key=run_config.encryption_key or "",
        failure_policy=run_config.failure_policy,
        preflight_validations=run_config.preflight_validations,
    )


def _root(compiled: Compiled) -> str:
    root = compiled.config.run_config.root_uri
    if root is None:
        raise ConfigError(
            "run_config.root is not set: Vertex AI needs a place for what a job makes, "
            "write root: BUCKET/PREFIX"
        )
    if not root.startswith("gs://"):
        raise ConfigError(f"run_config.root: Vertex AI takes Cloud Storage alone, got '{root}'")
    return root


def _title(compiled: Compiled) -> str:
    project = compiled.project
    default = project.pipeline == "__default__"
    return project.package if default else f"{project.package} {project.pipeline}"
