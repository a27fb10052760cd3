"""Configuration that is made in each container: short-lived credentials above all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kedro_vertexai.class_paths import instantiate
from kedro_vertexai.config import DynamicConfigProviderConfig, PluginConfig
from kedro_vertexai.errors import ConfigError, TaskError, VertexAIError
from kedro_vertexai.files import write_whole

_KEY = "run_config.dynamic_config_providers"


class DynamicConfigProvider(ABC):
    """Base of every provider. A user's own takes its `params` as keyword arguments.

    What it generates is written to `<conf>/<target_env>/<target_config_file>` before Kedro
    reads its configuration, in every task anew.
    """

    # A subclass may hand on all of its params; what to do with them is its own business.
    def __init__(self, config: PluginConfig, **params: Any) -> None:  # noqa: ARG002
        self.config = config

    @classmethod
    def full_name(cls) -> str:
        """The path of the class, as `cls` in vertexai.yml names it."""
        return f"{cls.__module__}.{cls.__qualname__}"

    @staticmethod
    def build(
        config: PluginConfig, provider_config: DynamicConfigProviderConfig
    ) -> DynamicConfigProvider:
        """Make the provider that an entry of `dynamic_config_providers` names.

        Raises:
            ConfigError: there is no such class, it is no provider, or its params do not fit.
        """
        path = provider_config.cls
        provider = instantiate(path, provider_config.params, config, key=_KEY)
        if not isinstance(provider, DynamicConfigProvider):
            raise ConfigError(
                f"{_KEY}.cls: {path} is no provider, "
                "derive it from kedro_vertexai.dynamic_config.DynamicConfigProvider"
            )
        return provider

    @property
    def target_env(self) -> str:
        """The configuration environment to write to."""
        return "base"

    @property
    @abstractmethod
    def target_config_file(self) -> str:
        """The YAML file to write, relative to the environment: `credentials.yml`."""

    @abstractmethod
    def generate_config(self) -> dict[str, Any]:
        """Make the configuration; what only exists here and now belongs into it."""

    def merge_with_existing(
        self, existing_config: dict[str, Any], generated_config: dict[str, Any]
    ) -> dict[str, Any]:
        """What the file shall hold: generated keys in place of existing ones of that name.

        Args:
            existing_config: what the file holds now; empty if there is none.
            generated_config: what `generate_config` returned.
        """
        return {**existing_config, **generated_config}


def materialise(
    config: PluginConfig, conf_dir: Path, written: list[Path] | None = None
) -> list[Path]:
    """Let each configured provider write its file, in the order of the configuration.

    A file is replaced whole or not at all, and only its owner may read it. No message holds
    a parameter or anything generated.

    Args:
        config: what `vertexai.yml` says.
        conf_dir: the project's configuration source, above the environments.
        written: gets each file as soon as it is there, also if a later one fails.

    Returns:
        The files, one for each provider.

    Raises:
        ConfigError: a provider cannot be made.
        TaskError: a provider fails, or a file cannot be read or written.
    """
    providers = [
        DynamicConfigProvider.build(config, provider)
        for provider in config.run_config.dynamic_config_providers
    ]
    files: list[Path] = [] if written is None else written
    for provider in providers:
        # One by one: the caller sees those that were written before one failed.
        files.append(_materialise_one(provider, conf_dir))  # noqa: PERF401
    return files


def _materialise_one(provider: DynamicConfigProvider, conf_dir: Path) -> Path:
    target = _target(provider, conf_dir)
    title = f"{provider.full_name()} for {provider.target_env}/{provider.target_config_file}"
    try:
        generated = provider.generate_config()
        _check_mapping(generated, f"{title}: generate_config returned")
        merged = provider.merge_with_existing(_read(target, title), generated)
    except VertexAIError:
        raise
    except Exception as error:
        # Its own words may hold a token; they stay in the cause, for a traceback only.
        raise TaskError(f"{title}: the provider failed with {type(error).__name__}") from error
    _check_mapping(merged, f"{title}: merge_with_existing returned")
    try:
        write_whole(target, _dump(merged, title), private=True)
    except VertexAIError as error:
        raise TaskError(f"{title}: {error}") from error
    return target


def _target(provider: DynamicConfigProvider, conf_dir: Path) -> Path:
    target = conf_dir / provider.target_env / provider.target_config_file
    if not target.resolve().is_relative_to(conf_dir.resolve()):
        raise ConfigError(
            f"{_KEY}.cls: {provider.full_name()} would write "
            f"{provider.target_env}/{provider.target_config_file}, outside of {conf_dir}"
        )
    return target


def _check_mapping(value: object, start: str) -> None:
    if not isinstance(value, Mapping):
        raise TaskError(f"{start} {type(value).__name__}, expected a mapping of keys to values")


def _read(path: Path, title: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TaskError(f"{title}: cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's words quote the line, and the line may be a password.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise TaskError(f"{title}: {path}{line} is not YAML") from None
    if content is None:
        return {}
    _check_mapping(content, f"{title}: {path} holds")
    return dict(content)


def _dump(merged: Mapping[str, Any], title: str) -> str:
    try:
        text: str = yaml.safe_dump(dict(merged), allow_unicode=True, sort_keys=False)
    except yaml.YAMLError:
        # The representer's words quote the value it cannot write.
        raise TaskError(
            f"{title}: generated something YAML cannot hold; "
            "return text, numbers, booleans, None, lists and dicts"
        ) from None
    return text
