"""References as artifacts, where the engine takes them; elsewhere only the order of the tasks."""

from __future__ import annotations

from dataclasses import replace

from kedro_vertexai.plan.model import Artifact, Plan, Task, Travel
from kedro_vertexai.spec.dialect import Dialect


def with_lineage_of(plan: Plan, dialect: Dialect) -> Plan:
    """Keep the references that this engine can show; of the others, keep who waits for whom."""
    importers = () if dialect.references else tuple(entry.task for entry in plan.references)
    last = plan.on_exit
    return replace(
        plan,
        tasks=tuple(_shown(task, dialect, importers) for task in plan.tasks),
        on_exit=last and replace(last, task=_shown(last.task, dialect, importers)),
        references=plan.references if dialect.references else (),
    )


def _shown(task: Task, dialect: Dialect, gone: tuple[str, ...]) -> Task:
    kept = tuple(a for a in task.inputs if _is_shown(a, dialect) and a.producer not in gone)
    before = {a.producer for a in task.inputs if a.producer not in gone}
    return replace(
        task,
        inputs=kept,
        # What has no place is numbers, which every engine shows.
        outputs=tuple(a for a in task.outputs if not a.uri or _is_shown(a, dialect)),
        after=tuple(sorted({*task.after, *before} - {a.producer for a in kept})),
    )


def _is_shown(artifact: Artifact, dialect: Dialect) -> bool:
    if artifact.travel is not Travel.REFERENCE:
        return True
    return dialect.references and bool(artifact.uri)
