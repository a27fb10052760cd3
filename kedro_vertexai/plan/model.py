"""What will run: a `Plan` of tasks, parameters and artifacts. Plain data, no engine's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kedro_vertexai.artifact_metadata import ROOM

# Tasks that a plan adds to the user's: the first, the one that logs a pipeline as a model, the
# last (of a pipeline that is not tracked, the second), and what holds all but the last.
START_RUN = "mlflow-start-run"
LOG_MODEL = "mlflow-log-model"
FINISH_RUN = "mlflow-finish-run"
ON_EXIT = "on-exit"
EXIT_HANDLER = "exit-handler-1"
RESERVED = (START_RUN, LOG_MODEL, FINISH_RUN, ON_EXIT, EXIT_HANDLER)


class Travel(str, Enum):
    """How a dataset crosses a task boundary.

    OBJECT: serialised into an artifact and back. FILE: its bytes are copied between the
    artifact and the dataset's own path. REFERENCE: it stays where it is; the artifact only says
    where, and an engine that does not take that keeps the order of the tasks. PARAMETER: not a
    dataset but parameters too large for a process argument, as a JSON document in a file: a list
    of pairs, a place in Kedro's nested parameters and a value.
    """

    OBJECT = "object"
    FILE = "file"
    REFERENCE = "reference"
    PARAMETER = "parameter"


class PipelineMLPart(str, Enum):
    """What a task does of a pipeline whose result is logged as a model."""

    TRAINING = "training"
    MODEL = "model"


class ParameterType(str, Enum):
    """How a parameter's value is written for an engine.

    JSON is a document in a string: the only form in which a nested, null or large value
    survives every engine unchanged.
    """

    STRING = "string"
    INTEGER = "integer"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    JSON = "json"


@dataclass(frozen=True)
class Parameter:
    """A pipeline input: one Kedro parameter, or the runtime parameters that resolvers read.

    `key` is its name in the spec, `path` where the value lies in Kedro's nested parameters.
    """

    key: str
    name: str
    path: tuple[str, ...]
    type: ParameterType
    default: Any


@dataclass(frozen=True)
class Artifact:
    """A dataset at a task boundary, seen from one task.

    `producer` is the spec name of the task or importer whose output `producer_key` this input
    is; empty for a task's own output. For FILE, `path` is the dataset's location on the local
    disk, POSIX, relative to the project where it lies inside. For REFERENCE, `uri` is where it
    lies, without credentials. `type` is KFP's, `metadata` what the user adds to an output, `room`
    how many bytes an output's metadata may have.
    """

    key: str
    dataset: str
    travel: Travel
    producer: str = ""
    producer_key: str = ""
    path: str = ""
    uri: str = ""
    versioned: bool = False
    type: str = "system.Artifact"
    room: int = ROOM
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """A dataset at a remote place that tasks read and none writes.

    `task` is the spec name of the importer that shows it as lineage; `type` is KFP's.
    """

    task: str
    dataset: str
    uri: str
    type: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class MissingInput:
    """A raw input that tasks read and that is not on the user's disk."""

    dataset: str
    path: str


@dataclass(frozen=True)
class StagedInput:
    """A raw file or directory on the user's disk, or large parameters, that tasks read.

    `task` is the spec name of the importer that hands it over. `digest` is the SHA-256 of the
    content; the upload goes to `<root>/inputs/<digest>/<name>`. `content` holds the parameters'
    document; None means the file or directory at `path`. `empty` tells of a directory without
    files, of which an object store keeps nothing. `type` is KFP's.
    """

    task: str
    dataset: str
    path: str
    digest: str
    name: str
    content: bytes | None = None
    empty: bool = False
    type: str = "system.Dataset"
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Resources:
    """Limits of one task; None means that the engine decides.

    `cpu` and `memory` are Kubernetes quantities ("500m", "4Gi"); `accelerator` is an engine's
    name for a type of accelerator, `accelerator_count` how many.
    """

    cpu: str | None = None
    memory: str | None = None
    accelerator: str | None = None
    accelerator_count: int | None = None


@dataclass(frozen=True)
class Retry:
    """How often and when a failed task is tried again. Times in seconds."""

    count: int = 0
    backoff: float = 60.0
    factor: float = 2.0
    max_backoff: float = 3600.0


@dataclass(frozen=True)
class Tracking:
    """How much the MLflow run matters.

    `required` says whether a task fails if MLflow cannot be reached, `retry_for` for how many
    seconds a request is tried again.
    """

    required: bool = True
    retry_for: float = 60.0


@dataclass(frozen=True)
class Task:
    """One process on one machine: a Kedro node, or a group of them.

    `name` is its name in the spec, `title` the user's own name for it. `after` are the spec
    names of tasks that must end first though no artifact says so. `image` is empty where it runs
    the plan's. `caching` says whether its result may be an earlier run's. `pipeline_ml` is set in a
    pipeline of kedro-mlflow's `pipeline_ml_factory`: MODEL for the task that logs the model,
    TRAINING for all others.
    """

    name: str
    title: str
    nodes: tuple[str, ...]
    inputs: tuple[Artifact, ...] = ()
    outputs: tuple[Artifact, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    after: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    retry: Retry = field(default_factory=Retry)
    image: str = ""
    caching: bool = False
    pipeline_ml: PipelineMLPart | None = None


@dataclass(frozen=True)
class OnExit:
    """The pipeline that runs last, whatever happened.

    `pipeline` is its registered name, `task` holds all of its nodes and `tracked` says whether
    they log into the job's MLflow run. `in_image` are the paths of what it reads from the image.
    """

    pipeline: str
    task: Task
    tracked: bool = False
    in_image: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything an engine needs to run one pipeline of one project.

    `name` is the spec's name. `tracked` says whether an MLflow run is opened before the first
    task and closed after the last, `tracking` how. `values` are the parameter values of this
    run, by key: what differs from the defaults. `in_image` are the paths of raw inputs that the
    image holds. `host_aliases` are lines for each task's hosts file. `retry` is that of the
    tasks which the plan adds. `authentication` is how the tasks of a tracked pipeline prove to
    MLflow who they are: names and ids, no secret. `commit` is what this run's working tree is at,
    empty where that is not known or not said, `is_dirty` whether the tree differs from it.
    """

    name: str
    pipeline: str
    env: str
    image: str
    tasks: tuple[Task, ...]
    parameters: tuple[Parameter, ...] = ()
    staged: tuple[StagedInput, ...] = ()
    references: tuple[Reference, ...] = ()
    missing: tuple[MissingInput, ...] = ()
    in_image: tuple[str, ...] = ()
    tracked: bool = False
    tracking: Tracking = field(default_factory=Tracking)
    retry: Retry = field(default_factory=Retry)
    dynamic_config: bool = False
    authentication: Mapping[str, Any] = field(default_factory=dict)
    host_aliases: tuple[str, ...] = ()
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""
    is_dirty: bool = False
    on_exit: OnExit | None = None
