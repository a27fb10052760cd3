"""The comparison of generated projects sees what it is there to see.

Each travel kind is broken on purpose, within a project of that kind which is otherwise well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import planted_breaks
import pytest
from comparison import Results, results_of_kedro_run, results_of_tasks
from dataset_kinds import KINDS
from kind_projects import project_of

# By break: in which kind of dataset, and what of it becomes different.
BREAKS = {
    planted_breaks.objects_come_back_changed: ("memory", "watched/memory_alone_read: "),
    planted_breaks.files_are_changed_on_their_way_in: ("text", "watched/text_alone_read: "),
    planted_breaks.texts_are_changed_on_their_way_out: ("text", "data/text_alone_text.txt: "),
    planted_breaks.subfolders_stay_behind: (
        "partitioned_csv",
        "watched/partitioned_csv_alone_read: ",
    ),
    planted_breaks.a_version_of_another_run_is_newer: (
        "versioned_json",
        "watched/versioned_json_alone_read: ",
    ),
    planted_breaks.staged_inputs_are_changed: ("custom_path", "watched/custom_path_of_raw: "),
    planted_breaks.references_are_read_before_they_are_written: (
        "reference",
        "task reference_alone_reader failed: ",
    ),
    planted_breaks.the_last_node_of_a_group_is_forgotten: ("parquet", "task parquet failed: "),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Results:
    kinds = {kind: KINDS[kind] for kind, _ in BREAKS.values()}
    return results_of_kedro_run(project_of(kinds.values()), tmp_path_factory.mktemp("laptop"))


@pytest.mark.parametrize("planted", BREAKS, ids=lambda planted: planted.__name__)
def test_a_planted_break_is_seen(
    planted: Callable[[], None], expected: Results, tmp_path: Path
) -> None:
    kind, difference = BREAKS[planted]
    project = project_of([KINDS[kind]])
    found = results_of_tasks(project, tmp_path / "tasks", planted.__name__)
    differences = found.of(kind).differences(expected.of(kind))
    assert any(line.startswith(difference) for line in differences), differences
    # Wrong data is not to be mistaken for what a failed task left out.
    assert bool(found.failed) == difference.startswith("task "), differences


def test_the_same_without_a_break_is_not_different(expected: Results, tmp_path: Path) -> None:
    found = results_of_tasks(project_of([KINDS["text"]]), tmp_path / "tasks")
    assert found.of("text").differences(expected.of("text")) == []
    assert found.of("text").contents
