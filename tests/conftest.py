"""What tests share: Kedro projects that do not see each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from project_factory import KedroProject, write_project

# A machine that is busy is not a reason to fail.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[..., KedroProject]]:
    """Write projects as `project_factory.write_project` does, and unload them afterwards."""
    made: list[KedroProject] = []
    numbers = itertools.count(1)

    def make(**described: Any) -> KedroProject:
        project = write_project(tmp_path / f"project-{next(numbers)}", **described)
        made.append(project)
        return project

    yield make
    for project in made:
        project.forget()
