"""What `vertexai.yml` says: one model per section, and everything wrong with it in one error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
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
from kedro_vertexai.config_docker import DockerConfig
from kedro_vertexai.config_findings import Findings
from kedro_vertexai.config_network import NetworkConfig, PscInterfaceConfig, RangeName
from kedro_vertexai.config_section import Section
from kedro_vertexai.config_values import (
    LONGEST_BACKOFF,
    LONGEST_PATIENCE,
    Accelerators,
    ClassPath,
    Cpu,
    EncryptionKey,
    Flag,
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
from kedro_vertexai.errors import ConfigError

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


def _caching(entries: object) -> object:
    """Read `caching: true` as every task's."""
    return _filled(entries) if isinstance(entries, Mapping) else {DEFAULT: entries}


def _off_by_default(entries: dict[str, bool]) -> dict[str, bool]:
    return {DEFAULT: False, **entries}


def _no_default(images: dict[str, str]) -> dict[str, str]:
    if DEFAULT in images:
        raise ValueError(f"the image of all other tasks is run_config.image, not {DEFAULT}")
    return images


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
    """Jobs that are started at once."""
    max_concurrent_active_run_count: Annotated[Whole, Field(ge=1)] | None = None
    """Jobs that run at once."""


def _default_resources() -> dict[str, ResourcesConfig]:
    return {DEFAULT: ResourcesConfig(cpu="500m", memory="1024Mi")}


def _with_default(resources: dict[str, ResourcesConfig]) -> dict[str, ResourcesConfig]:
    return {**_default_resources(), **resources}


class RunConfig(Section):
    """How a pipeline runs. Mappings by name take node names, tags and `__default__`."""

    image: Name
    images: Annotated[dict[Name, Name], BeforeValidator(_filled), AfterValidator(_no_default)] = (
        Field(default_factory=dict)
    )
    """By node or tag, the images of tasks that do not run `image`."""
    root: Root | None = None
    description: Text | None = None
    experiment_name: Name | None = None
    experiment_description: Text | None = None
    scheduled_run_name: Name | None = None
    service_account: Name | None = None
    network: NetworkConfig = Field(default_factory=NetworkConfig)
    reserved_ip_ranges: tuple[RangeName, ...] = ()
    psc_interface: PscInterfaceConfig = Field(default_factory=PscInterfaceConfig)
    encryption_key: EncryptionKey | None = None
    """Of Cloud KMS, for the job and all that it leaves in Vertex AI's own stores."""
    preflight_validations: bool = False
    """Whether Vertex AI checks each component before it makes the job."""
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
    caching: Annotated[
        dict[Name, Flag], BeforeValidator(_caching), AfterValidator(_off_by_default)
    ] = Field(default_factory=lambda: {DEFAULT: False})
    """Whether a task's result may be an earlier run's, by node or tag."""
    staging: Literal["upload", "image"] = "upload"
    """How raw inputs get to the tasks: from the run root, or with the image."""
    failure_policy: Literal["slow", "fast"] = "slow"
    docker: DockerConfig = Field(default_factory=DockerConfig)
    """Of `run-once --target docker` alone."""
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

    @model_validator(mode="after")
    def _ranges_have_a_network(self) -> RunConfig:
        if self.reserved_ip_ranges and not self.network.vpc:
            raise ValueError(
                "reserved_ip_ranges are those of a VPC network: name it under network.vpc"
            )
        return self


class PluginConfig(Section):
    """The whole file."""

    project_id: Name
    region: Name
    run_config: RunConfig

    @model_validator(mode="after")
    def _key_is_of_this_region(self) -> PluginConfig:
        key = self.run_config.encryption_key
        region = key.split("/")[3] if key else self.region
        if region != self.region:
            raise ValueError(
                f"run_config.encryption_key: the key is in {region}, and Vertex AI in "
                f"{self.region} takes only one of its own region"
            )
        return self


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
    words = Findings(PluginConfig, _PLACES)
    lines = [f"{source}: {words.line(dict(finding))}" for finding in findings]
    raise ConfigError("\n".join(dict.fromkeys(lines)))


_NOT_APPLIED = {
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


_PLACES: tuple[tuple[str, type[Section]], ...] = (
    ("the top level", PluginConfig),
    ("run_config", RunConfig),
    ("run_config.network", NetworkConfig),
    ("run_config.psc_interface", PscInterfaceConfig),
    ("run_config.docker", DockerConfig),
    ("run_config.tracking", TrackingConfig),
    ("run_config.authentication", AuthenticationConfig),
    ("run_config.authentication.secrets", SecretsConfig),
    ("run_config.resources.<node or tag>", ResourcesConfig),
    ("run_config.schedules.<pipeline>", ScheduleConfig),
)
