"""What tests share: Kedro projects that do not see each other."""

from __future__ import annotations

import contextlib
import io
import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Kedro says which logging it uses when it is first imported: after pytest's closing line, where
# several processes share the tests.
with contextlib.redirect_stdout(io.StringIO()):
    from project_factory import KedroProject, write_project

# Where it is ignored, as in the background of a shell, tests of it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy is not a reason to fail.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew instead of comparing"
    )


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[..., KedroProject]]:
    """Write projects as `project_factory.write_project` does, and unload them afterwards."""
    made: list[KedroProject] = []
    numbers = itertools.count(1)

    def make(directory: str = "", **described: Any) -> KedroProject:
        path = tmp_path / (directory or f"project-{next(numbers)}")
        project = write_project(path, **described)
        made.append(project)
        return project

    yield make
    for project in made:
        project.forget()
