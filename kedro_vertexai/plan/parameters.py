"""Which Kedro parameters become pipeline inputs, and in which form their values survive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kedro_vertexai.errors import PlanError, did_you_mean
from kedro_vertexai.job_parameter import is_job_parameter
from kedro_vertexai.plan.model import Parameter, ParameterType
from kedro_vertexai.plan.names import keys
from kedro_vertexai.project import ParameterValue

# Linux refuses a process argument of 128 KiB, and a task gets its whole input as one; what
# parameters leave of that is for the names and URIs of artifacts.
MAX_ARGUMENT_BYTES = 128 * 1024
MAX_INLINE_BYTES = MAX_ARGUMENT_BYTES // 2
# The input that carries runtime parameters which only `${runtime_params:...}` reads.
RUNTIME_PARAMS = "runtime_params"
# Its place among the parameters by Kedro name, where no configured one can be.
FOR_RESOLVERS = ""
# KFP holds numbers as IEEE doubles: integers beyond this lose their last bits.
_LARGEST_EXACT_INTEGER = 2**53
# Engines substitute this wherever they find it, also inside a value.
_PLACEHOLDER = "{{$"
_AT_THE_END = (
    ": it is given to run_config.on_exit_pipeline alone, so leave that pipeline's nodes out of "
    "this one (in pipeline_registry.py), or declare the parameter"
)
_DECLARED_TYPES = {
    "str": ParameterType.STRING,
    "string": ParameterType.STRING,
    "int": ParameterType.INTEGER,
    "integer": ParameterType.INTEGER,
    "float": ParameterType.DOUBLE,
    "double": ParameterType.DOUBLE,
    "bool": ParameterType.BOOLEAN,
    "boolean": ParameterType.BOOLEAN,
    "dict": ParameterType.JSON,
    "list": ParameterType.JSON,
    "json": ParameterType.JSON,
}


def used_names(inputs: Iterable[str], parameters: Mapping[str, ParameterValue]) -> frozenset[str]:
    """Names of the parameters that these node inputs read; `parameters` reads every one.

    Raises:
        PlanError: a `params:` input that the configuration does not have.
    """
    names: set[str] = set()
    for entry in inputs:
        if entry == "parameters":
            names.update(value.name for value in parameters.values() if len(value.path) == 1)
        elif entry.startswith("params:"):
            name = entry.removeprefix("params:")
            if name not in parameters:
                hint = _AT_THE_END if is_job_parameter(entry) else did_you_mean(name, parameters)
                raise PlanError(f"a node reads '{entry}', which parameters.yml does not have{hint}")
            names.add(name)
    return frozenset(names)


def outermost(names: Iterable[str], parameters: Mapping[str, ParameterValue]) -> dict[str, str]:
    """Map each used name to the outermost used name that contains it.

    A dictionary and a value inside it are one input, or editing one would leave the other
    as it was.
    """
    by_path = {parameters[name].path: name for name in names}
    covering: dict[str, str] = {}
    for path, name in by_path.items():
        ancestors = (path[:length] for length in range(1, len(path) + 1))
        covering[name] = next(by_path[ancestor] for ancestor in ancestors if ancestor in by_path)
    return covering


def plan_parameters(
    names: Iterable[str],
    parameters: Mapping[str, ParameterValue],
    values: Mapping[str, Any],
    declared: Mapping[str, str],
) -> dict[str, Parameter]:
    """Make a pipeline input of each parameter that has an exact form.

    Values of other types (dates, keys that are not strings, objects that a resolver made)
    stay with the project's configuration, which every task holds.

    Args:
        names: outermost parameter names.
        parameters: the project's parameters, as configured.
        values: values of this run by name, where they differ; they share the input's type.
        declared: types that the user asked for by name.
    """
    exact = sorted(name for name in names if _is_exact(parameters[name]))
    planned: dict[str, Parameter] = {}
    for name, key in keys(exact, reserved={RUNTIME_PARAMS}).items():
        default = parameters[name].value
        type_ = _type(default, values.get(name, default))
        if name in declared:
            type_ = declare(name, declared[name], default)
        planned[name] = Parameter(key, name, parameters[name].path, type_, default)
    return planned


def runtime_parameter(default: Mapping[str, Any]) -> Parameter:
    """The input that takes what only resolvers read: a JSON object."""
    return Parameter(RUNTIME_PARAMS, FOR_RESOLVERS, (), ParameterType.JSON, dict(default))


def document(value: Any) -> bytes:
    """A value as the JSON document that a file of it holds."""
    return json.dumps(value, ensure_ascii=False).encode()


def size(value: Any) -> int:
    """Bytes of a value's JSON document inside the JSON of an argument: quotes escaped once more."""
    return len(json.dumps(document(value).decode()))


def split_by_size(
    parameters: Sequence[Parameter], sizes: Mapping[str, int]
) -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    """Split a task's parameters into those that fit into its argument and the largest, by key.

    Args:
        parameters: what the task is given.
        sizes: by parameter name, as `size` has it.
    """
    inline = sorted(parameters, key=lambda p: (sizes[p.name], p.key))
    large = []
    while inline and sum(sizes[p.name] for p in inline) > MAX_INLINE_BYTES:
        large.append(inline.pop())
    return tuple(sorted(inline, key=_key)), tuple(sorted(large, key=_key))


def split_all_by_size(
    wanted: Mapping[str, Sequence[Parameter]], sizes: Mapping[str, int]
) -> dict[str, tuple[tuple[Parameter, ...], tuple[Parameter, ...]]]:
    """Split every task's parameters; what is large for one task is large for all.

    Otherwise editing such an input of the pipeline would reach some of its readers only.
    """
    large: set[str] = set()
    while True:
        inline = {
            task: [p for p in chosen if p.key not in large] for task, chosen in wanted.items()
        }
        found = {p.key for chosen in inline.values() for p in split_by_size(chosen, sizes)[1]}
        if not found:
            break
        large |= found
    return {
        task: (
            tuple(sorted(inline[task], key=_key)),
            tuple(sorted((p for p in chosen if p.key in large), key=_key)),
        )
        for task, chosen in wanted.items()
    }


def _key(parameter: Parameter) -> str:
    return parameter.key


def check_type_name(name: str, type_name: str) -> ParameterType:
    """The type that a user calls so.

    Raises:
        PlanError: no such type.
    """
    if type_name in _DECLARED_TYPES:
        return _DECLARED_TYPES[type_name]
    known = ", ".join(dict.fromkeys(_DECLARED_TYPES))
    raise PlanError(
        f"--params {name}:{type_name}: no type '{type_name}' (known: {known}); "
        f"a value is given as {name}={type_name}"
    )


def declare(name: str, type_name: str, default: Any) -> ParameterType:
    """The type that `compile --params name:type` asks for.

    Raises:
        PlanError: no such type, or the configured value does not have it.
    """
    wanted = check_type_name(name, type_name)
    actual = _type(default, default)
    widens = wanted is ParameterType.DOUBLE and actual is ParameterType.INTEGER
    if wanted is actual or wanted is ParameterType.JSON or widens:
        return wanted
    raise PlanError(
        f"--params {name}:{type_name}: its configured value is of type {actual.value}, "
        "and a default must have its input's type"
    )


def _type(default: Any, value: Any) -> ParameterType:
    """The narrowest type that holds both values unchanged."""
    types = {_type_of(default), _type_of(value)}
    return types.pop() if len(types) == 1 else ParameterType.JSON


def _type_of(value: Any) -> ParameterType:
    if isinstance(value, bool):
        return ParameterType.BOOLEAN
    if isinstance(value, int) and abs(value) <= _LARGEST_EXACT_INTEGER:
        return ParameterType.INTEGER
    if isinstance(value, float) and abs(value) < float("inf"):
        return ParameterType.DOUBLE
    if isinstance(value, str) and _PLACEHOLDER not in value:
        return ParameterType.STRING
    return ParameterType.JSON


def _is_exact(parameter: ParameterValue) -> bool:
    return all(isinstance(key, str) for key in parameter.path) and _is_json(parameter.value)


def _is_json(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _is_json(below) for key, below in value.items())
    if type(value) is list:
        return all(_is_json(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)
