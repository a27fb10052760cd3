"""The tags by which a run tells of its job, and a job of its run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro_vertexai.auth.reason import without_secrets

RUN_ID = "vertexai_run_id"
JOB_NAME = "vertexai_job_name"
JOB_URL = "vertexai_job_url"
IMAGE = "vertexai_image"
PLUGIN_VERSION = "vertexai_plugin_version"
GIT_DIRTY = "vertexai_git_dirty"
CURRENT_NODE = "vertexai_current_node"
FAILED_NODE = "vertexai_failed_node"
ERROR = "vertexai_error"
LOG = "vertexai_log"
ON_EXIT_ERROR = "vertexai_on_exit_error"
# The status that the run was closed with at the end of its job: no task opens it again.
CLOSED = "vertexai_closed"
# MLflow's own, which its page of a run shows: mlflow.utils.mlflow_tags.
GIT_COMMIT = "mlflow.source.git.commit"

OF_FAILURE = (FAILED_NODE, ERROR, LOG)

# Characters. MLflow takes 8000 since September 2024 (https://github.com/mlflow/mlflow/pull/13176)
# and refused more than 5000 before; the server may be older than what is installed here.
_LONGEST = 5000

# Where users of the peer put the commit that an image was built from.
_IMAGE_COMMIT_VARIABLE = "KEDRO_CONFIG_COMMIT_ID"
# The log of this very task, where the target knows it.
LOG_VARIABLE = "KEDRO_VERTEXAI_LOG"
# Vertex AI's number of the job of one container:
# https://cloud.google.com/vertex-ai/docs/training/code-requirements
_CONTAINER_JOB_VARIABLE = "CLOUD_ML_JOB_ID"


def job_tags(job_id: str, job_name: str, tracking: Mapping[str, Any]) -> dict[str, str]:
    """What is known of a job when it starts.

    Args:
        job_id: the engine's id of it.
        job_name: the engine's name of it.
        tracking: what the spec says of it.
    """
    is_local = os.environ.get("KEDRO_VERTEXAI_TARGET") in ("local", "docker")
    page = "" if is_local else str(tracking.get("job_page", ""))
    return filled(
        {
            RUN_ID: job_id,
            JOB_NAME: job_name,
            JOB_URL: page.replace("{job}", job_name),
            IMAGE: tracking.get("image", ""),
            PLUGIN_VERSION: tracking.get("plugin_version", ""),
            GIT_COMMIT: tracking.get("commit") or os.environ.get(_IMAGE_COMMIT_VARIABLE, ""),
            GIT_DIRTY: tracking.get("dirty", ""),
        }
    )


def session_tags(pipeline: str, env: str, runtime_params: Mapping[str, Any]) -> dict[str, str]:
    """What kedro-mlflow says of a session, said of the whole job."""
    from kedro import __version__

    return filled(
        {
            "kedro_command": f"kedro run --pipeline={pipeline}",
            "kedro_pipeline": pipeline,
            "kedro_env": env,
            "env": env,
            "kedro_version": __version__,
            "pipeline_names": "" if pipeline == "__default__" else str([pipeline]),
            "runtime_params": str(dict(runtime_params)) if runtime_params else "",
        }
    )


def failure_tags(node: str, error: BaseException | str) -> dict[str, str]:
    """What a failed task says: its node, the last line of its error, and where its log is."""
    if isinstance(error, BaseException):
        error = f"{type(error).__name__}: {error}"
    return filled({FAILED_NODE: node, ERROR: without_secrets(error), LOG: own_log()})


def own_log() -> str:
    """Where the log of this task is; empty if it does not know."""
    job, project = (os.environ.get(name) for name in (_CONTAINER_JOB_VARIABLE, "GCP_PROJECT_ID"))
    if job and project:
        query = f"resource.labels.job_id%3D%22{job}%22"
        return f"https://console.cloud.google.com/logs/query;query={query}?project={project}"
    return os.environ.get(LOG_VARIABLE, "")


def logs_of_job() -> str:
    """Where the logs of all tasks lie; empty where that is no directory."""
    own = os.environ.get(LOG_VARIABLE)
    return str(Path(own).parent) if own else ""


def filled(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that say something, no longer than MLflow takes them."""
    return {key: str(value)[:_LONGEST] for key, value in tags.items() if value}
