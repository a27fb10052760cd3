"""Vertex AI experiments: a context of the metadata store, and jobs as its children.

This is what `PipelineJob.submit(experiment=...)` of google-cloud-aiplatform does:
google.cloud.aiplatform.metadata.experiment_resources and .metadata.constants.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients
from kedro_vertexai.targets.vertex.names import experiment_id
from kedro_vertexai.targets.vertex.retry import retried
from kedro_vertexai.targets.vertex.submit import get_job

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Context

_SCHEMA, _SCHEMA_VERSION = "system.Experiment", "0.0.1"
# The console shows experiments that say so.
_METADATA = {"experiment_deleted": False}
# A context that a custom job has made for Tensorboard has this key, and is no experiment.
_TENSORBOARD = "tensorboard_link"
# Seconds. The service makes a job's own context after it has taken the job.
_PATIENCE, _PAUSE = 60.0, 1.0


def ensure_experiment(clients: GoogleClients, name: str, description: str | None) -> str:
    """Make an experiment unless it is there, and return its full name.

    Args:
        clients: of the project and region.
        name: as the user writes it; the console shows it so.
        description: None keeps the one that it has.

    Raises:
        ConfigError: there is something else of that name.
        Exception: the client's, for `google_errors`.
    """
    found = _find(clients, name) or _create(clients, name, description)
    if found.schema_title != _SCHEMA or _TENSORBOARD in dict(found.metadata or {}):
        raise ConfigError(
            f"run_config.experiment_name: '{name}' is a {found.schema_title} of this region's "
            "metadata store and no experiment, choose another name"
        )
    if description and found.description != description:
        _describe(clients, found, description)
    return str(found.name)


def attach_job(
    clients: GoogleClients, experiment: str, job_id: str, patience: float = _PATIENCE
) -> bool:
    """Make a job a run of an experiment; return whether the service let it in time.

    Args:
        clients: of the project and region.
        experiment: the full name.
        job_id: of a job that is there.
        patience: seconds to wait for the job's own context.

    Raises:
        Exception: the client's, for `google_errors`.
    """
    end = time.monotonic() + patience
    while not (context := _context_of(clients, job_id)):
        if time.monotonic() + _PAUSE > end:
            return False
        time.sleep(_PAUSE)
    # A context that is a child already stays one.
    retried(
        lambda: clients.metadata.add_context_children(
            context=experiment, child_contexts=[context], retry=None, timeout=TIMEOUT
        )
    )
    return True


def _context_of(clients: GoogleClients, job_id: str) -> str:
    job = retried(lambda: get_job(clients, job_id))
    return str(job.job_detail.pipeline_run_context.name) if job.job_detail else ""


def _store(clients: GoogleClients) -> str:
    return f"{clients.location.parent}/metadataStores/default"


def _find(clients: GoogleClients, name: str) -> Context | None:
    from google.api_core.exceptions import NotFound

    full = f"{_store(clients)}/contexts/{experiment_id(name)}"
    try:
        return retried(lambda: clients.metadata.get_context(name=full, retry=None, timeout=TIMEOUT))
    except NotFound:
        return None


def _create(clients: GoogleClients, name: str, description: str | None) -> Context:
    from google.api_core.exceptions import Conflict, NotFound
    from google.cloud.aiplatform_v1.types import Context

    context = Context(
        display_name=name,
        schema_title=_SCHEMA,
        schema_version=_SCHEMA_VERSION,
        description=description or "",
        metadata=_METADATA,
    )

    def created() -> Context:
        return clients.metadata.create_context(
            parent=_store(clients),
            context=context,
            context_id=experiment_id(name),
            retry=None,
            timeout=TIMEOUT,
        )

    try:
        return retried(created)
    except Conflict:
        # Somebody else's, or an earlier request's whose answer was lost.
        found = _find(clients, name)
        if found is None:
            raise
        return found
    except NotFound:
        _create_store(clients)
        return retried(created)


def _create_store(clients: GoogleClients) -> None:
    """A project has no metadata store in a region that it has never used."""
    from google.api_core.exceptions import Conflict
    from google.cloud.aiplatform_v1.types import MetadataStore

    def created() -> None:
        clients.metadata.create_metadata_store(
            parent=clients.location.parent,
            metadata_store=MetadataStore(),
            metadata_store_id="default",
            retry=None,
            timeout=TIMEOUT,
        ).result(timeout=TIMEOUT)  # type: ignore[no-untyped-call]

    try:
        retried(created)
    except Conflict:
        # Somebody else's, or an earlier request's whose answer was lost.
        return


def _describe(clients: GoogleClients, found: Context, description: str) -> None:
    from google.cloud.aiplatform_v1.types import Context
    from google.protobuf.field_mask_pb2 import FieldMask

    retried(
        lambda: clients.metadata.update_context(
            context=Context(name=found.name, description=description, etag=found.etag),
            update_mask=FieldMask(paths=["description"]),
            retry=None,
            timeout=TIMEOUT,
        )
    )
