"""Names that Vertex AI takes: a job's id, its display name, and the labels that tell what it is of.

Any name of the user's gives a valid one. What would be lost on the way is kept as a digest, so
that two names never become one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timezone

from kedro_vertexai.errors import ConfigError

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/create
JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_LONGEST_JOB_ID = 128
_EXPERIMENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
LONGEST_DISPLAY_NAME = 128
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_LONGEST_LABEL = 63  # characters
_MOST_LABEL_BYTES = 128
_MOST_LABELS = 64
_LABEL_CATEGORIES = ("Ll", "Lo", "Nd", "Nl", "No")

# By these a job leads back to what it was made of; `list-pipelines` and `schedule` read them.
PROJECT_LABEL = "kedro_project"
PIPELINE_LABEL = "kedro_pipeline"
ENV_LABEL = "kedro_env"
COMMIT_LABEL = "git_commit"
OWN_LABELS = (PROJECT_LABEL, PIPELINE_LABEL, ENV_LABEL, COMMIT_LABEL)

_DIGEST = 8  # hexadecimal digits
# A time to the second and 32 random bits: what is sent under an id was sent by us.
_TOKEN_BYTES = 4


def new_job_id(name: str, now: datetime | None = None) -> str:
    """A new job's id: the name, the time (UTC) and something random.

    Args:
        name: of the pipeline or the experiment, whatever it holds.
        now: the time, for tests.
    """
    moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    ending = f"-{moment:%Y%m%d%H%M%S}-{secrets.token_hex(_TOKEN_BYTES)}"
    return f"{_id_part(name, _LONGEST_JOB_ID - len(ending))}{ending}"


def experiment_id(name: str) -> str:
    """The id of an experiment: its name where that is valid, else what is valid of it and a digest.

    The rule is google-cloud-aiplatform's own, in `aiplatform.init(experiment=...)`.
    """
    if _EXPERIMENT_ID.fullmatch(name):
        return name
    ending = f"-{_digest(name)}"
    return f"{_id_part(name, _LONGEST_JOB_ID - len(ending))}{ending}"


def resource_id(name: str) -> str:
    """The last part of a resource's name, which may hold the project's id or its number."""
    return name.rpartition("/")[2]


def display_name(text: str) -> str:
    """A display name: any text, shortened in the middle where it is too long."""
    text = " ".join(text.split()) or "pipeline"
    if len(text) <= LONGEST_DISPLAY_NAME:
        return text
    half = (LONGEST_DISPLAY_NAME - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def label_value(text: str) -> str:
    """A label's value: the text itself where it is valid, else what is valid of it and a digest."""
    if _is_label(text):
        return text
    lowered = unicodedata.normalize("NFC", text).lower()
    kept = re.sub("-{2,}", "-", "".join(c if _is_label(c) else "-" for c in lowered))
    ending = f"-{_digest(text)}"
    kept = kept[: _LONGEST_LABEL - len(ending)]
    while len(kept.encode()) > _MOST_LABEL_BYTES - len(ending):
        kept = kept[:-1]
    return f"{kept.rstrip('-')}{ending}"


def job_labels(
    project: str, pipeline: str, env: str, commit: str | None, own: Mapping[str, str]
) -> dict[str, str]:
    """The labels of a job.

    Args:
        project: the Kedro project's package.
        pipeline: the registered pipeline.
        env: the Kedro environment.
        commit: the working tree's, None if unknown.
        own: the user's, from `run_config.labels`.

    Raises:
        ConfigError: the user's take a name of ours, or there are too many.
    """
    if taken := sorted(set(own) & set(OWN_LABELS)):
        raise ConfigError(f"run_config.labels.{taken[0]}: this label is set by kedro-vertexai")
    known = {PROJECT_LABEL: project, PIPELINE_LABEL: pipeline, ENV_LABEL: env}
    if commit:
        known[COMMIT_LABEL] = commit
    labels = {**own, **{key: label_value(value) for key, value in known.items()}}
    if len(labels) > _MOST_LABELS:
        raise ConfigError(
            f"run_config.labels: {len(own)} labels, a job takes {_MOST_LABELS - len(known)} "
            f"beside the {len(known)} of kedro-vertexai"
        )
    return labels


def _id_part(name: str, longest: int) -> str:
    """Lowercase ASCII letters, digits and dashes, starting with a letter."""
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
    cleaned = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not cleaned[:1].isalpha():
        cleaned = f"run-{cleaned}".rstrip("-")
    lost = any(c.isalnum() and not c.isascii() for c in plain) or len(cleaned) > longest
    if not lost:
        return cleaned
    ending = f"-{_digest(name)}"
    return f"{cleaned[: longest - len(ending)].rstrip('-')}{ending}"


def _is_label(text: str) -> bool:
    return (
        len(text) <= _LONGEST_LABEL
        and len(text.encode(errors="replace")) <= _MOST_LABEL_BYTES
        and all(c in "_-" or unicodedata.category(c) in _LABEL_CATEGORIES for c in text)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
