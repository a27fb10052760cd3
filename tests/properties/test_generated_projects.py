"""Whatever a project is made of, its tasks leave what `kedro run` leaves.

Each example is two runs of a project, which takes seconds. More of them, chosen at random, with

    GENERATED_PROJECTS=200 pytest tests/properties/test_generated_projects.py

A failing project is shrunk for at most five minutes (Hypothesis's own limit), printed with what
differs, and left on disk.
"""

from __future__ import annotations

import os
import shutil

import pytest
from comparison import compare
from generated_project import GeneratedProject
from hypothesis import HealthCheck, Phase, given, settings
from project_strategy import projects

# The same projects each time, unless a number is asked for.
ASKED = os.environ.get("GENERATED_PROJECTS")
EXAMPLES = int(ASKED or 12)


@given(generated=projects())
@settings(
    max_examples=EXAMPLES,
    derandomize=not ASKED,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_tasks_leave_what_kedro_run_leaves(
    generated: GeneratedProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("generated")
    differences = compare(generated, folder)
    assert differences == [], "\n".join([f"see {folder}", *differences])
    # A failing project stays to be looked at.
    shutil.rmtree(folder)
