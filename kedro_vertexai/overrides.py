"""Parameter values given on the command line: read as `kedro run --params`, checked by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from kedro_vertexai.errors import ConfigError, did_you_mean
from kedro_vertexai.project import Project

# Typed as Kedro types them: OmegaConf reads the text after `=` as YAML.


def parse_overrides(pairs: Sequence[str], file: Path | None = None) -> dict[str, Any]:
    """Nested values of `key=value` pairs, over those of a parameters file.

    A key's dots nest. A pair is one parameter: a comma belongs to its value.

    Raises:
        ConfigError: a pair without `=` or key, or a file that cannot be read.
    """
    from omegaconf import OmegaConf
    from yaml import YAMLError

    for pair in pairs:
        key, separator, _ = pair.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--params {pair}: write it as key=value")
        try:
            OmegaConf.from_dotlist([pair])
        except YAMLError as error:
            raise ConfigError(
                f"--params {pair}: its value is no YAML, put it in quotes ({_one_line(error)})"
            ) from error
    base = OmegaConf.create(_read(file) if file else {})
    try:
        given = OmegaConf.from_dotlist([_strip_key(pair) for pair in pairs])
        merged = OmegaConf.to_container(OmegaConf.unsafe_merge(base, given))
    except Exception as error:  # OmegaConf's and YAML's grammar errors share no base
        raise ConfigError(f"--params: {_one_line(error)}") from error
    return cast("dict[str, Any]", merged)


def parse_declared(text: str) -> dict[str, str]:
    """Types of `name:type,name:type`, the peer's form of `compile --params`.

    Raises:
        ConfigError: an item of another form.
    """
    declared = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, separator, type_ = item.partition(":")
        if not separator or not name or not type_:
            raise ConfigError(f"--params {item}: write it as name:type or key=value")
        declared[name.strip()] = type_.strip()
    return declared


def check_known(names: Sequence[str] | Mapping[str, Any], project: Project) -> None:
    """Refuse a name that neither the parameters nor a resolver know.

    Args:
        names: dotted names, or nested values whose leaves are checked.
        project: whose parameters and `${runtime_params:...}` are known.

    Raises:
        ConfigError: names the nearest known one.
    """
    wanted = list(_leaves(names)) if isinstance(names, Mapping) else list(names)
    known = {*project.parameters, *project.runtime_names}
    for name in wanted:
        if name in known or read_by_resolver(name, project) or _is_open(name, project):
            continue
        raise ConfigError(
            f"--params {name}: no such parameter{did_you_mean(name, known)} "
            "(known are the keys of parameters.yml and what ${runtime_params:...} reads)"
        )


def read_by_resolver(name: str, project: Project) -> bool:
    """Whether `${runtime_params:...}` reads this name, a part of it or something inside it."""
    return any(
        name == read or name.startswith(f"{read}.") or read.startswith(f"{name}.")
        for read in project.runtime_names
    )


def _is_open(name: str, project: Project) -> bool:
    """Whether the name lies in a parameter that says nothing of what it may hold."""
    parts = name.split(".")
    above = (".".join(parts[:length]) for length in range(1, len(parts)))
    return any(
        name in project.parameters and project.parameters[name].value in (None, {})
        for name in above
    )


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _strip_key(pair: str) -> str:
    key, _, value = pair.partition("=")
    return f"{key.strip()}={value}"


def _read(file: Path) -> dict[str, Any]:
    from omegaconf import OmegaConf

    try:
        values = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except OSError as error:
        raise ConfigError(f"--params-file {file}: {error.strerror}") from error
    except Exception as error:
        raise ConfigError(f"--params-file {file}: {_one_line(error)}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"--params-file {file}: expected keys and values")
    return cast("dict[str, Any]", values)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
