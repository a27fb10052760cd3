"""Every kind of dataset travels: no matter what the random projects happen to hold."""

from __future__ import annotations

from pathlib import Path

from comparison import compare
from dataset_kinds import ALL_KINDS
from kind_projects import project_of


def test_every_kind_ends_as_after_kedro_run(tmp_path: Path) -> None:
    expected = [kind for kind in ALL_KINDS if not kind.planned]
    differences = compare(project_of(expected), tmp_path)
    assert differences == [], "\n".join(differences)
