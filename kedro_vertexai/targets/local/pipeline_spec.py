"""Reads a KFP v2 pipeline spec (a plain dict) into one flat graph of tasks.

Sub-DAGs are dissolved: every input of a task is traced through the DAGs around it to the
constant, pipeline parameter or task that really gives the value. The field names are those of
the protobuf message `ml_pipelines.PipelineSpec`:
https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.graph import (
    ArtifactOf,
    ArtifactOutput,
    Constant,
    ContainerExecutor,
    Default,
    FinalStatusOf,
    Graph,
    ImporterExecutor,
    ParameterOf,
    ParameterSource,
    PipelineParameter,
    RetryPolicy,
    Task,
    in_topological_order,
)
from kedro_vertexai.targets.local.limits import read_limits

COMPLETED = "ALL_UPSTREAM_TASKS_COMPLETED"

Spec = Mapping[str, Any]


def read_graph(spec: Spec) -> Graph:
    """Return the tasks of a compiled pipeline spec.

    Raises:
        RunError: if the spec contradicts itself or uses what this target cannot run.
    """
    reader = _Reader(spec)
    try:
        tasks = {task.name: task for task in reader.tasks()}
    except KeyError as error:
        raise RunError(f"pipeline spec: the field {error} is missing") from error
    _check_outputs(tasks)
    root_inputs = spec.get("root", {}).get("inputDefinitions", {})
    return Graph(
        name=spec.get("pipelineInfo", {}).get("name", "pipeline"),
        tasks=in_topological_order(tasks),
        parameters=root_inputs.get("parameters", {}),
    )


@dataclass(frozen=True)
class _Scope:
    """The root DAG, or a sub-DAG as one task of its parent calls it."""

    path: tuple[str, ...]
    component: Spec
    call: Spec
    """The parent's task; empty for the root."""
    parent: "_Scope | None"
    children: dict[str, "_Scope"] = field(default_factory=dict)

    @property
    def tasks(self) -> Mapping[str, Spec]:
        tasks: Mapping[str, Spec] = self.component["dag"].get("tasks", {})
        return tasks

    def __str__(self) -> str:
        return f"sub-DAG '{'/'.join(self.path)}'" if self.path else "root DAG"


class _Reader:
    def __init__(self, spec: Spec) -> None:
        self._components: Mapping[str, Spec] = spec.get("components", {})
        self._executors: Mapping[str, Spec] = spec.get("deploymentSpec", {}).get("executors", {})
        if "dag" not in spec.get("root", {}):
            raise RunError("pipeline spec: there is no 'root.dag', so there is nothing to run")
        self._root = self._scope((), spec["root"], {}, None)
        self._names = _unique_names(_leaf_paths(self._root))

    def tasks(self) -> Iterator[Task]:
        yield from self._tasks_in(self._root, ())

    def _scope(
        self, path: tuple[str, ...], component: Spec, call: Spec, parent: _Scope | None
    ) -> _Scope:
        scope = _Scope(path, component, call, parent)
        for name, task in scope.tasks.items():
            _refuse_unsupported(name, task)
            inner = self._component(name, task)
            if "dag" in inner:
                scope.children[name] = self._scope((*path, name), inner, task, scope)
        return scope

    def _component(self, name: str, task: Spec) -> Spec:
        reference = task.get("componentRef", {}).get("name", "")
        try:
            return self._components[reference]
        except KeyError:
            message = f"pipeline spec: task '{name}' names the unknown component '{reference}'"
            raise RunError(message) from None

    def _tasks_in(self, scope: _Scope, inherited: tuple[str, ...]) -> Iterator[Task]:
        for name, spec in scope.tasks.items():
            if name in scope.children:
                before = (*inherited, *self._dependencies(scope, name, spec))
                yield from self._tasks_in(scope.children[name], before)
            else:
                yield self._task(scope, name, spec, inherited)

    def _task(self, scope: _Scope, name: str, spec: Spec, inherited: tuple[str, ...]) -> Task:
        component = self._component(name, spec)
        inputs = component.get("inputDefinitions", {})
        outputs = component.get("outputDefinitions", {})
        parameters = dict(self._parameters(scope, name, spec, inputs))
        artifacts = dict(self._artifacts(scope, name, spec, inputs))
        trigger = spec.get("triggerPolicy", {}).get("strategy")
        dependencies = self._dependencies(scope, name, spec)
        producers = _producers([*parameters.values(), *artifacts.values()])
        return Task(
            name=self._names[(*scope.path, name)],
            display_name=spec.get("taskInfo", {}).get("name", name),
            executor=self._executor(name, component),
            parameters=parameters,
            parameter_types=_types(inputs),
            artifacts=artifacts,
            output_parameters=_types(outputs),
            output_artifacts={
                key: ArtifactOutput(output.get("artifactType", {}), output.get("metadata", {}))
                for key, output in outputs.get("artifacts", {}).items()
            },
            upstream=tuple(dict.fromkeys([*inherited, *dependencies, *producers])),
            runs_after_failure=trigger == COMPLETED,
            is_exit_handler=trigger == COMPLETED and self._follows_sub_dag(scope, spec),
            retry=_retry_policy(name, spec.get("retryPolicy", {})),
        )

    def _executor(self, name: str, component: Spec) -> ContainerExecutor | ImporterExecutor:
        label = component.get("executorLabel", "")
        executor = self._executors.get(label, {})
        if "container" in executor:
            return _container(executor["container"])
        if "importer" in executor:
            return _importer(executor["importer"])
        raise RunError(
            f"pipeline spec: task '{name}': executor '{label}' is neither a container nor an "
            "importer, which is all the local target can run"
        )

    def _follows_sub_dag(self, scope: _Scope, spec: Spec) -> bool:
        return not scope.path and any(
            name in scope.children for name in spec.get("dependentTasks", [])
        )

    def _dependencies(self, scope: _Scope, name: str, spec: Spec) -> Iterator[str]:
        for other in spec.get("dependentTasks", []):
            yield from self._members(scope, name, other)

    def _members(self, scope: _Scope, name: str, other: str) -> tuple[str, ...]:
        """Return the tasks behind the name of a sibling: itself, or all inside a sub-DAG."""
        self._check_sibling(scope, name, other)
        if other in scope.children:
            return tuple(self._names[path] for path in _leaf_paths(scope.children[other]))
        return (self._names[(*scope.path, other)],)

    def _check_sibling(self, scope: _Scope, name: str, other: str) -> None:
        if other not in scope.tasks:
            raise RunError(
                f"pipeline spec: '{name}' refers to '{other}', which is not a task of the {scope}"
            )

    def _parameters(
        self, scope: _Scope, name: str, spec: Spec, definitions: Spec
    ) -> Iterator[tuple[str, ParameterSource]]:
        given = spec.get("inputs", {}).get("parameters", {})
        declared = definitions.get("parameters", {})
        for key in dict.fromkeys([*declared, *given]):
            source = self._parameter(scope, name, given.get(key), declared.get(key, {}))
            if source is not None:
                yield key, source
            elif not declared[key].get("isOptional"):
                raise RunError(f"pipeline spec: task '{name}' is not given its parameter '{key}'")

    def _parameter(
        self, scope: _Scope, name: str, given: Spec | None, declared: Spec
    ) -> ParameterSource | None:
        if given is None:
            return Default(declared["defaultValue"]) if "defaultValue" in declared else None
        if "parameterExpressionSelector" in given:
            raise _unsupported(name, "parameterExpressionSelector")
        if "constant" in given.get("runtimeValue", {}):
            return Constant(given["runtimeValue"]["constant"])
        if "componentInputParameter" in given:
            return self._parameter_from_outside(scope, name, given["componentInputParameter"])
        if "taskOutputParameter" in given:
            output = given["taskOutputParameter"]
            return self._parameter_of(
                scope, name, output["producerTask"], output["outputParameterKey"]
            )
        if "taskFinalStatus" in given:
            producer = given["taskFinalStatus"]["producerTask"]
            return FinalStatusOf(producer, self._members(scope, name, producer))
        raise _unsupported(name, f"the input {sorted(given)}")

    def _parameter_from_outside(self, scope: _Scope, name: str, key: str) -> ParameterSource | None:
        declared = scope.component.get("inputDefinitions", {}).get("parameters", {})
        if key not in declared:
            raise RunError(
                f"pipeline spec: '{name}' reads '{key}', which is no parameter of the {scope}"
            )
        if scope.parent is None:
            return PipelineParameter(key)
        given = scope.call.get("inputs", {}).get("parameters", {}).get(key)
        return self._parameter(scope.parent, scope.path[-1], given, declared[key])

    def _parameter_of(self, scope: _Scope, name: str, producer: str, key: str) -> ParameterSource:
        self._check_sibling(scope, name, producer)
        if producer not in scope.children:
            return ParameterOf(self._names[(*scope.path, producer)], key)
        inner = scope.children[producer]
        outputs = inner.component["dag"].get("outputs", {}).get("parameters", {})
        selector = outputs.get(key, {}).get("valueFromParameter")
        if selector is None:
            raise _unsupported(name, f"output parameter '{key}' of the {inner}")
        return self._parameter_of(
            inner, name, selector["producerSubtask"], selector["outputParameterKey"]
        )

    def _artifacts(
        self, scope: _Scope, name: str, spec: Spec, definitions: Spec
    ) -> Iterator[tuple[str, ArtifactOf]]:
        given = spec.get("inputs", {}).get("artifacts", {})
        for key, source in given.items():
            artifact = self._artifact(scope, name, source)
            if artifact is not None:
                yield key, artifact
        for key, declared in definitions.get("artifacts", {}).items():
            if key not in given and not declared.get("isOptional"):
                raise RunError(f"pipeline spec: task '{name}' is not given its artifact '{key}'")

    def _artifact(self, scope: _Scope, name: str, source: Spec) -> ArtifactOf | None:
        if "taskOutputArtifact" in source:
            output = source["taskOutputArtifact"]
            return self._artifact_of(
                scope, name, output["producerTask"], output["outputArtifactKey"]
            )
        if "componentInputArtifact" not in source or scope.parent is None:
            raise _unsupported(name, f"the input artifact {sorted(source)}")
        key = source["componentInputArtifact"]
        given = scope.call.get("inputs", {}).get("artifacts", {})
        # A sub-DAG's optional artifact that the parent leaves out.
        return self._artifact(scope.parent, scope.path[-1], given[key]) if key in given else None

    def _artifact_of(self, scope: _Scope, name: str, producer: str, key: str) -> ArtifactOf:
        self._check_sibling(scope, name, producer)
        if producer not in scope.children:
            return ArtifactOf(self._names[(*scope.path, producer)], key)
        inner = scope.children[producer]
        outputs = inner.component["dag"].get("outputs", {}).get("artifacts", {})
        selectors = outputs.get(key, {}).get("artifactSelectors", [])
        if len(selectors) != 1:
            raise _unsupported(name, f"output artifact '{key}' of the {inner}")
        return self._artifact_of(
            inner, name, selectors[0]["producerSubtask"], selectors[0]["outputArtifactKey"]
        )


def _leaf_paths(scope: _Scope) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for name in scope.tasks:
        inner = scope.children.get(name)
        paths += [(*scope.path, name)] if inner is None else _leaf_paths(inner)
    return paths


def _unique_names(paths: list[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Return a task's own name, or its path where two sub-DAGs have a task of that name.

    KFP task names hold no dot, so that a path joined with dots is never a name too.
    """
    counts = Counter(path[-1] for path in paths)
    return {path: path[-1] if counts[path[-1]] == 1 else ".".join(path) for path in paths}


def _refuse_unsupported(name: str, task: Spec) -> None:
    for feature in ("iteratorPolicy", "parameterIterator", "artifactIterator"):
        if feature in task:
            raise _unsupported(name, f"{feature} (a loop)")
    if task.get("triggerPolicy", {}).get("condition"):
        raise _unsupported(name, "triggerPolicy.condition (an if)")


def _unsupported(name: str, feature: str) -> RunError:
    return RunError(f"pipeline spec: task '{name}': the local target cannot run {feature}")


def _types(definitions: Spec) -> dict[str, str]:
    return {
        key: definition.get("parameterType", "STRING")
        for key, definition in definitions.get("parameters", {}).items()
    }


def _container(container: Spec) -> ContainerExecutor:
    return ContainerExecutor(
        image=container.get("image", ""),
        argv=(*container.get("command", ()), *container.get("args", ())),
        env={entry["name"]: str(entry.get("value", "")) for entry in container.get("env", ())},
        limits=read_limits(container),
    )


def _importer(importer: Spec) -> ImporterExecutor:
    uri = importer.get("artifactUri", {})
    return ImporterExecutor(
        uri=uri.get("constant"),
        uri_parameter=uri.get("runtimeParameter"),
        metadata=importer.get("metadata", {}),
    )


def _retry_policy(name: str, policy: Spec) -> RetryPolicy:
    return RetryPolicy(
        max_retries=int(policy.get("maxRetryCount", 0)),
        backoff=_seconds(name, policy.get("backoffDuration", "0s")),
        factor=float(policy.get("backoffFactor") or 2.0),
        max_backoff=_seconds(name, policy.get("backoffMaxDuration", "3600s")),
    )


def _seconds(name: str, duration: str) -> float:
    """Return the seconds of a protobuf `Duration` in JSON, such as `"1.5s"`."""
    try:
        return float(duration.removesuffix("s"))
    except ValueError:
        message = f"pipeline spec: task '{name}': '{duration}' is not a duration such as '10s'"
        raise RunError(message) from None


def _producers(sources: Iterable[ParameterSource | ArtifactOf]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, ParameterOf | ArtifactOf):
            yield source.task
        elif isinstance(source, FinalStatusOf):
            yield from source.tasks


def _check_outputs(tasks: Mapping[str, Task]) -> None:
    for name, task in tasks.items():
        for source in [*task.parameters.values(), *task.artifacts.values()]:
            if isinstance(source, ParameterOf):
                declared: Mapping[str, Any] = tasks[source.task].output_parameters
            elif isinstance(source, ArtifactOf):
                declared = tasks[source.task].output_artifacts
            else:
                continue
            if source.key not in declared:
                raise RunError(
                    f"pipeline spec: task '{name}' reads '{source.key}', which is no output of "
                    f"'{source.task}'"
                )
