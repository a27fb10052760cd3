"""Whatever a pipeline, an experiment or a project is called, Vertex AI takes what is made of it."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.targets.vertex.names import (
    JOB_ID,
    display_name,
    experiment_id,
    job_labels,
    label_value,
    new_job_id,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements, of ASCII
PLAIN_LABEL = re.compile(r"[a-z0-9_-]{0,63}")


@given(st.text(max_size=300))
def test_any_name_gives_a_valid_job_id(name: str) -> None:
    assert JOB_ID.fullmatch(new_job_id(name, NOON))


@given(st.text(max_size=300))
def test_any_name_gives_a_valid_experiment(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", experiment_id(name))


def test_experiments_whose_names_differ_in_a_dash_alone_are_two() -> None:
    assert experiment_id("my-experiment") == "my-experiment"
    assert re.fullmatch(r"my-experiment-[0-9a-f]{8}", experiment_id("my_experiment"))


@given(st.text(max_size=300))
def test_any_name_gives_a_valid_label(name: str) -> None:
    label = label_value(name)
    assert len(label) <= 63
    assert len(label.encode()) <= 128
    assert label == label.lower()
    assert re.fullmatch(r"[\w-]*", label)


@given(st.text(max_size=300))
def test_any_text_gives_a_valid_display_name(text: str) -> None:
    assert 1 <= len(display_name(text)) <= 128


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_names_never_share_a_label(one: str, other: str) -> None:
    assert (label_value(one) == label_value(other)) == (one == other)


@given(st.from_regex(PLAIN_LABEL, fullmatch=True))
def test_a_valid_label_stays_as_it_is(label: str) -> None:
    assert label_value(label) == label


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("spaceflights", "spaceflights"),
        ("data_processing.v2", "data-processing-v2"),
        ("__default__", "default"),
        ("Café", "cafe"),
        ("2nd step", "run-2nd-step"),
        ("my_experiment", "my-experiment"),
    ],
)
def test_a_job_id_keeps_the_meaning_of_its_name(name: str, kept: str) -> None:
    assert re.fullmatch(rf"{kept}-20261124120000-[0-9a-f]{{8}}", new_job_id(name, NOON))


def test_a_name_that_loses_letters_is_told_from_its_like() -> None:
    ids = {new_job_id(name, NOON).rpartition("-2026")[0] for name in ("обучение", "обработка")}
    assert len(ids) == 2


def test_no_two_jobs_of_one_second_have_one_id() -> None:
    assert len({new_job_id("train", NOON) for _ in range(1000)}) == 1000


def test_a_label_that_is_changed_can_still_be_read() -> None:
    assert re.fullmatch(r"data-processing-[0-9a-f]{8}", label_value("Data.Processing"))


def test_labels_say_what_a_job_is_of() -> None:
    labels = job_labels("shuttles", "__default__", "local", "4f2a9c1", {"team": "space"})
    assert labels == {
        "kedro_project": "shuttles",
        "kedro_pipeline": "__default__",
        "kedro_env": "local",
        "git_commit": "4f2a9c1",
        "team": "space",
    }


def test_a_project_outside_of_git_has_no_label_of_a_commit() -> None:
    assert "git_commit" not in job_labels("shuttles", "train", "local", None, {})


def test_a_label_of_ours_cannot_be_taken() -> None:
    with pytest.raises(ConfigError, match=r"run_config\.labels\.kedro_env"):
        job_labels("shuttles", "train", "local", None, {"kedro_env": "x"})


def test_too_many_labels_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="61 labels"):
        job_labels("a", "b", "c", "d", {f"l{n}": "" for n in range(61)})
    assert len(job_labels("a", "b", "c", "d", {f"l{n}": "" for n in range(60)})) == 64
