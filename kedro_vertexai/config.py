"""What `vertexai.yml` says: one model per section, and everything wrong with it in one error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from kedro_vertexai.config_authentication import (
    AuthenticationConfig,
    PublicTexts,
    SecretsConfig,
)
from kedro_vertexai.config_section import Section
from kedro_vertexai.config_values import (
    LONGEST_BACKOFF,
    LONGEST_PATIENCE,
    Accelerators,
    ClassPath,
    Cpu,
    HostName,
    IpAddress,
    Label,
    LabelKey,
    Memory,
    Moment,
    Name,
    Number,
    Params,
    Root,
    Seconds,
    Text,
    Whole,
)
from kedro_vertexai.errors import ConfigError, did_you_mean

DEFAULT = "__default__"


def _filled(entries: object) -> object:
    """Leave out the entries of a mapping that say nothing (`train:`)."""
    if not isinstance(entries, Mapping):
        return entries
    return {key: value for key, value in entries.items() if value is not None}


def _retries(entries: object) -> object:
    """Read `retries: 2` as every task's; refuse one retry's keys where names belong."""
    if not isinstance(entries, Mapping):
        return {DEFAULT: entries}
    scalars = not any(isinstance(value, Mapping) for value in entries.values())
    if scalars and len(entries) > 1 and entries.keys() <= RetryConfig.model_fields.keys():
        raise ValueError(f"write these keys under {DEFAULT}, or under a node or tag")
    return _filled(entries)


class ResourcesConfig(Section):
    """Limits of one task; None sets none."""

    none_is_null = True

    cpu: Cpu | None = None
    """Cores, as a Kubernetes quantity: "2", "0.5" or "500m"."""
    memory: Memory | None = None
    """Bytes, as a Kubernetes quantity: "4Gi"."""
    gpu: Whole | None = None
    """How many accelerators; `node_selectors` names their type."""


class RetryConfig(Section):
    """How often and when a failed task is tried again. Times in seconds."""

    count: Whole
    """Attempts after the first; 0 never tries again."""
    backoff: Seconds = 60.0
    """Wait before the second attempt."""
    factor: Annotated[Number, Field(ge=1)] = 2.0
    """What each further wait is multiplied by."""
    max_backoff: Annotated[Seconds, Field(le=LONGEST_BACKOFF)] = 3600.0
    """Longest wait."""

    @model_validator(mode="before")
    @classmethod
    def _count_alone(cls, data: Any) -> Any:
        return data if isinstance(data, (Mapping, RetryConfig)) else {"count": data}

    @model_validator(mode="after")
    def _waits_fit(self) -> RetryConfig:
        if self.backoff > self.max_backoff:
            raise ValueError(
                f"backoff of {self.backoff:g} s is longer than max_backoff, {self.max_backoff:g} s"
            )
        return self


class HostAliasConfig(Section):
    """One line of the hosts file of every task."""

    ip: IpAddress
    hostnames: tuple[HostName, ...]


class NetworkConfig(Section):
    """Where the tasks' machines stand, and what they know of their neighbours."""

    vpc: Name | None = None
    host_aliases: tuple[HostAliasConfig, ...] = ()


class GroupingConfig(Section):
    """The class that decides which nodes share a task."""

    cls: ClassPath = "kedro_vertexai.grouping.IdentityNodeGrouper"
    params: Params = Field(default_factory=dict)


class DynamicConfigProviderConfig(Section):
    """A class that writes a configuration file in each container before the node runs."""

    cls: ClassPath
    params: Params = Field(default_factory=dict, repr=False)


class MLFlowVertexAIConfig(Section):
    """How requests to MLflow are signed."""

    request_header_provider_params: PublicTexts = Field(default_factory=dict, repr=False)
    """Of the class that mlflow.yml names; `init_kwargs` there come before these."""


class TrackingConfig(Section):
    """How much the MLflow run matters. What is logged, and where, stands in `mlflow.yml`."""

    required: bool = True
    """Whether a task fails if MLflow cannot be reached; otherwise it goes on untracked."""
    retry_for: Annotated[Seconds, Field(le=LONGEST_PATIENCE)] = 60.0
    """How long a request is tried again."""


class ScheduleConfig(Section):
    """When Vertex AI runs a pipeline by itself."""

    none_is_null = True

    cron_expression: Name = "0 * * * *"
    timezone: Name = "Etc/UTC"
    """A name of the IANA database."""
    start_time: Moment | None = None
    end_time: Moment | None = None
    allow_queueing: bool = False
    max_run_count: Annotated[Whole, Field(ge=1)] | None = None
    max_concurrent_run_count: Annotated[Whole, Field(ge=1)] = 1


def _default_resources() -> dict[str, ResourcesConfig]:
    return {DEFAULT: ResourcesConfig(cpu="500m", memory="1024Mi")}


def _with_default(resources: dict[str, ResourcesConfig]) -> dict[str, ResourcesConfig]:
    return {**_default_resources(), **resources}


class RunConfig(Section):
    """How a pipeline runs. Mappings by name take node names, tags and `__default__`."""

    image: Name
    root: Root | None = None
    description: Text | None = None
    experiment_name: Name | None = None
    experiment_description: Text | None = None
    scheduled_run_name: Name | None = None
    service_account: Name | None = None
    network: NetworkConfig = Field(default_factory=NetworkConfig)
    ttl: Whole | None = None
    volume: Any = Field(default=None, repr=False)
    on_exit_pipeline: Name | None = None
    grouping: GroupingConfig = Field(default_factory=GroupingConfig)
    resources: Annotated[
        dict[Name, ResourcesConfig], BeforeValidator(_filled), AfterValidator(_with_default)
    ] = Field(default_factory=_default_resources)
    node_selectors: Annotated[
        dict[Name, Accelerators],
        BeforeValidator(_filled),
    ] = Field(default_factory=dict)
    """By node or tag, a mapping whose value is the accelerator's type, whatever its key."""
    retries: Annotated[dict[Name, RetryConfig], BeforeValidator(_retries)] = Field(
        default_factory=dict
    )
    caching: bool = False
    staging: Literal["upload", "image"] = "upload"
    """How raw inputs get to the tasks: from the run root, or with the image."""
    failure_policy: Literal["slow", "fast"] = "slow"
    labels: Annotated[dict[LabelKey, Label], BeforeValidator(_filled)] = Field(default_factory=dict)
    dynamic_config_providers: tuple[DynamicConfigProviderConfig, ...] = ()
    mlflow: MLFlowVertexAIConfig = Field(default_factory=MLFlowVertexAIConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    authentication: AuthenticationConfig = Field(default_factory=AuthenticationConfig)
    schedules: Annotated[dict[Name, ScheduleConfig], BeforeValidator(_filled)] = Field(
        default_factory=dict
    )

    @property
    def root_uri(self) -> str | None:
        """The run root as a URL, `gs://` where the file names no scheme; None if unset."""
        if self.root is None or "://" in self.root:
            return self.root
        return f"gs://{self.root}"


class PluginConfig(Section):
    """The whole file."""

    project_id: Name
    region: Name
    run_config: RunConfig


def parse_config(data: Mapping[str, Any], source: str) -> PluginConfig:
    """Read the content of `vertexai.yml`. No class that it names is imported.

    Args:
        data: the file's content, as Kedro merges it.
        source: the file to name in errors.

    Raises:
        ConfigError: with a line for each finding: file, key, what is wrong, what to write.
    """
    try:
        return PluginConfig.model_validate(data)
    except ValidationError as error:
        findings = error.errors(include_url=False)
    lines = [f"{source}: {_finding(dict(finding))}" for finding in findings]
    raise ConfigError("\n".join(dict.fromkeys(lines)))


_NO_SCHEDULE = "is not applied yet: no command schedules a pipeline yet"
_NOT_APPLIED = {
    "schedules": _NO_SCHEDULE,
    "scheduled_run_name": _NO_SCHEDULE,
    "on_exit_pipeline": "is not applied yet: only the MLflow run is closed after the last task",
    "ttl": "has no effect: Vertex AI Pipelines keeps no workflow that could be deleted",
    "volume": "has no effect: tasks hand data on as artifacts and share no volume",
}


def not_applied(config: PluginConfig) -> list[str]:
    """A sentence for each key that the file sets and that no command acts on."""
    sentences = []
    for key, reason in _NOT_APPLIED.items():
        value: Any = config.run_config
        for part in key.split("."):
            value = getattr(value, part) if part in value.model_fields_set else None
            if value is None:
                break
        if value not in (None, {}, ()):
            sentences.append(f"run_config.{key} {reason}")
    return sentences


_MAPPING, _LIST, _FLAG = "expected a mapping", "expected a list", "expected true or false"
# pydantic's names of what can be wrong, https://docs.pydantic.dev/latest/errors/validation_errors/
_PROBLEMS = {
    "missing": "missing",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": _LIST,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "float_parsing": "expected a number",
    "finite_number": "expected a number",
    "literal_error": "expected {expected}",
    "greater_than_equal": "expected {ge:g} or more",
    "less_than_equal": "expected {le:g} or less",
    "value_error": "{error}",
}
_HINTS = {
    "project_id": "write the Google Cloud project's id, as project_id: my-project",
    "region": "write the Google Cloud region, as region: europe-west1",
    "run_config": "write run_config: with at least image: below it",
    "run_config.image": "write the image of every task, as image: REGISTRY/NAME:TAG",
}
_KINDS: dict[type[Any], str] = {
    dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number",
    type(None): "nothing",
}  # fmt: skip
# Below these stand client secrets and the like: no value of theirs is shown.
_SECRET = {"params", "request_header_provider_params"}
_LONGEST_SHOWN = 60
_PLACES: tuple[tuple[str, type[Section]], ...] = (
    ("the top level", PluginConfig),
    ("run_config", RunConfig),
    ("run_config.network", NetworkConfig),
    ("run_config.tracking", TrackingConfig),
    ("run_config.authentication", AuthenticationConfig),
    ("run_config.authentication.secrets", SecretsConfig),
    ("run_config.resources.<node or tag>", ResourcesConfig),
    ("run_config.schedules.<pipeline>", ScheduleConfig),
)


def _finding(error: dict[str, Any]) -> str:
    """One of pydantic's errors in a user's words: key, what is wrong, what to write."""
    place, kind = error["loc"], error["type"]
    key = _dotted(place)
    if kind == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(place)}"
    problem = _PROBLEMS.get(kind, error["msg"])
    if kind in _PROBLEMS:
        problem = problem.format(**error.get("ctx", {}))
    if problem.startswith("expected"):
        secret = problem in (_MAPPING, _LIST) or bool(_SECRET.intersection(place))
        problem += f", got {_kind(error['input']) if secret else _shown(error['input'])}"
    hint = f", {_HINTS[key]}" if key in _HINTS else ""
    return f"{key}: {problem}{hint}" if key else f"{problem}{hint}"


def _shown(value: object) -> str:
    text = repr(value)
    if not isinstance(value, (str, int, float)):
        return _kind(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _dotted(place: tuple[str | int, ...]) -> str:
    """A path such as `run_config.resources['a.b'].cpu`; names with dots stand in quotes."""
    text = ""
    for part in place:
        if part == "[key]":  # pydantic's mark for an error in a key itself
            continue
        plain = isinstance(part, str) and re.fullmatch(r"[\w-]+", part)
        text += f".{part}" if plain else f"[{part!r}]"
    return text.removeprefix(".")


def _suggestion(place: tuple[str | int, ...]) -> str:
    section: type[BaseModel] = PluginConfig
    for part in place[:-1]:
        # A part that is no field is a name in a mapping, or a position in a list, of sections.
        field = section.model_fields.get(str(part))
        section = (field and _section_in(field.annotation)) or section
    word = str(place[-1])
    for name, other in _PLACES:
        if word in other.model_fields:
            return f", it belongs under {name}"
    # `volume` is known only so that it can be reported.
    known = [name for name in section.model_fields if name != "volume"]
    return did_you_mean(word.lower().replace("-", "_"), known)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    arguments = get_args(annotation)
    if arguments:
        return next(filter(None, map(_section_in, arguments)), None)
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_section else None
