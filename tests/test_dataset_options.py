"""What a catalog entry says to us under `metadata: {vertexai: ...}`."""

from __future__ import annotations

from typing import Any

import pytest

from kedro_vertexai.dataset_options import DatasetOptions, parse_options
from kedro_vertexai.errors import ProjectError


def test_every_key_is_read() -> None:
    said = {
        "travel": "reference",
        "path": "data/x",
        "type": "Model",
        "staging": "image",
        "optional": True,
        "metadata": {"team": "a"},
    }
    options = parse_options("x", {"vertexai": said, "other-plugin": {"travel": 3}})
    assert vars(options) == said


def test_the_type_may_be_written_as_kfp_has_it() -> None:
    assert parse_options("x", {"vertexai": {"type": "system.HTML"}}).type == "HTML"


@pytest.mark.parametrize("metadata", [None, {}, {"team": "a"}, "text", {"vertexai": None}])
def test_who_says_nothing_gets_what_the_class_tells(metadata: Any) -> None:
    assert parse_options("x", metadata) == DatasetOptions()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"typ": "Model"}, "'x': metadata.vertexai: unknown key 'typ', did you mean 'type'?"),
        ({"a": 1}, "unknown key 'a' \\(known: travel, path,"),
        ({"type": "Modell"}, "metadata.vertexai.type: .* got 'Modell', did you mean 'Model'?"),
        ({"travel": "files"}, "expected one of object, file, reference, got 'files'"),
        ({"optional": "yes"}, "optional: expected true or false, got 'yes'"),
        ({"path": 3}, "path: expected text, got 3"),
        ({"metadata": []}, "expected a mapping"),
        ({"metadata": {"loss": float("nan")}}, "metadata: it must be text, finite numbers"),
        ("Model", "metadata.vertexai: expected a mapping, got 'Model'"),
    ],
)
def test_what_means_nothing_is_an_error_that_says_what_would(said: Any, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        parse_options("x", {"vertexai": said})
