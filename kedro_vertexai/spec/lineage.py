"""References as artifacts, where the engine takes them; elsewhere only the order of the tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kedro_vertexai.plan.model import Artifact, Plan, Task, Travel
from kedro_vertexai.spec.dialect import Dialect


def with_lineage_of(plan: Plan, dialect: Dialect) -> Plan:
    """Keep the references that this engine can show; of the others, keep who waits for whom."""
    references = tuple(r for r in plan.references if dialect.shows(r.uri))
    importers = {r.task for r in plan.references} - {r.task for r in references}
    tasks = tuple(_shown(task, dialect, importers) for task in plan.tasks)
    return replace(plan, tasks=tasks, references=references)


def _shown(task: Task, dialect: Dialect, gone: Iterable[str]) -> Task:
    kept = tuple(a for a in task.inputs if _is_shown(a, dialect))
    producers = {artifact.producer for artifact in kept}
    before = {artifact.producer for artifact in task.inputs} - producers - set(gone)
    return replace(
        task,
        inputs=kept,
        # Numbers without a place are shown by their metadata.
        outputs=tuple(a for a in task.outputs if not a.uri or _is_shown(a, dialect)),
        after=tuple(sorted({*task.after, *before})),
    )


def _is_shown(artifact: Artifact, dialect: Dialect) -> bool:
    return artifact.travel is not Travel.REFERENCE or dialect.shows(artifact.uri)
