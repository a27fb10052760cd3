"""A compiled pipeline as a job of Vertex AI: what `run-once` and `schedule` ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kedro_vertexai.compiler import Compiled, spec_for_vertex
from kedro_vertexai.config import PluginConfig, RunConfig
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.git_state import GitState, at_commit
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
    config, project = compiled.config, compiled.project
    commit = state.commit if state else None
    compiled = replace(compiled, plan=at_commit(compiled.plan, state))
    labels = job_labels(
        project.package, project.pipeline, project.env, commit, config.run_config.labels
    )
    title = _title(compiled)
    return request_for(
        config, spec_for_vertex(compiled), title, values=job_values(compiled.plan), labels=labels
    )


def request_for(
    config: PluginConfig,
    spec: Mapping[str, Any],
    title: str,
    *,
    values: Mapping[str, Any],
    labels: Mapping[str, str],
    template_uri: str = "",
) -> JobRequest:
    """A job of any spec with the settings of `vertexai.yml`.

    Args:
        config: the file.
        spec: the pipeline spec.
        title: what the job is displayed as.
        values: of its parameters, in the form of the spec's inputs.
        labels: of the job.
        template_uri: where the spec comes from, if it is a template.

    Raises:
        ConfigError: the file lacks what a job needs, or has what none takes.
    """
    run_config = config.run_config
    return JobRequest(
        spec=spec,
        root=_root(run_config),
        display_name=display_name(title),
        values=values,
        labels=labels,
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
        template_uri=template_uri,
    )


def _root(run_config: RunConfig) -> str:
    root = run_config.root_uri
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
