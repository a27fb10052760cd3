"""The comparison of generated projects sees what it is there to see.

Each travel kind is broken on purpose, within a project of that kind which is otherwise well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import planted_breaks
import pytest
from comparison import compare
from dataset_kinds import KINDS
from kind_projects import project_of

WATCHED = "data/watched.json: "


@pytest.mark.parametrize(
    ("planted", "kind", "expected"),
    [
        (planted_breaks.objects_come_back_changed, "memory", WATCHED),
        (planted_breaks.files_are_cut_on_their_way_in, "text", WATCHED),
        (planted_breaks.files_are_cut_on_their_way_out, "text", "data/text_alone_text.txt: "),
        (planted_breaks.subfolders_stay_behind, "partitioned_csv", WATCHED),
        (planted_breaks.a_version_of_another_run_is_newer, "versioned_json", WATCHED),
        (planted_breaks.staged_inputs_are_cut, "custom_path", WATCHED),
        (
            planted_breaks.order_without_artifacts_is_turned_round,
            "reference",
            "task reference_alone_reader failed: ",
        ),
        (planted_breaks.the_last_node_of_a_group_is_forgotten, "csv", "task csv failed: "),
    ],
)
def test_a_planted_break_is_seen(
    planted: Callable[[], None], kind: str, expected: str, tmp_path: Path
) -> None:
    found = compare(project_of([KINDS[kind]]), tmp_path, planted.__name__)
    assert any(line.startswith(expected) for line in found), found
