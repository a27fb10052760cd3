"""Names: whatever Kedro accepts becomes something that every engine takes, one to one."""

import hashlib
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kedro_vertexai.plan.model import RESERVED
from kedro_vertexai.plan.names import MAX_KEY, MAX_TASK_NAME, keys, task_names

TASK_NAME = re.compile(r"[a-z]([a-z0-9]|-(?!-))*(?<!-)")
# One underscore at a time: two mark the inputs that are ours.
KEY = re.compile(r"[A-Za-z]([A-Za-z0-9]|_(?!_))*(?<!_)")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
likely = st.text(alphabet="aAbé0_-. ", min_size=1, max_size=4)
name_lists = st.lists(texts | likely, min_size=1, max_size=12, unique=True)
renamers = pytest.mark.parametrize("rename", [task_names, keys])
Rename = Callable[..., dict[str, str]]


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.mark.parametrize(
    ("kedro", "task"),
    [
        ("train", "train"),
        ("train_model", "train-model"),
        ("data_science.train_model", "data-science-train-model"),
        ("Train Model (v2)", "train-model-v2"),
        ("__private__", "private"),
        ("import", "import"),
        ("1st_step", "task-1st-step"),
        ("café", "cafe"),
        ("🚀", "task"),
        ("first(a,b) -> [c]", "first-a-b-c"),
    ],
)
def test_a_task_is_named_like_its_node(kedro: str, task: str) -> None:
    assert task_names([kedro]) == {kedro: task}


@pytest.mark.parametrize("kedro", ["шаг", "数据清洗", "mélange-数", "straße"])
def test_letters_without_an_ascii_form_are_told_apart_by_a_digest(kedro: str) -> None:
    name = task_names([kedro])[kedro]
    assert name.endswith(f"-{digest(kedro)[:6]}")
    assert TASK_NAME.fullmatch(name)


def test_a_long_name_keeps_its_beginning() -> None:
    kedro = "prepare_" + "very_" * 38 + "long"
    name = task_names([kedro])[kedro]
    assert len(name) <= MAX_TASK_NAME
    assert name.startswith("prepare-very-very-very-")
    assert name.endswith(digest(kedro)[:6])


def test_names_that_clean_to_one_all_get_a_digest() -> None:
    names = task_names(["load_a", "load-a", "other"])
    assert names == {
        "load_a": f"load-a-{digest('load_a')[:6]}",
        "load-a": f"load-a-{digest('load-a')[:6]}",
        "other": "other",
    }


@pytest.mark.parametrize("kedro", ["mlflow-start-run", "mlflow_start_run", "exit.handler.1"])
def test_a_node_may_have_the_name_of_a_task_of_ours(kedro: str) -> None:
    name = task_names([kedro], reserved=RESERVED)[kedro]
    assert name not in RESERVED
    assert name.endswith(digest(kedro)[:6])


def test_a_name_that_looks_like_another_ones_digest_is_not_merged_with_it() -> None:
    pretender = f"load-a-{digest('load_a')[:6]}"
    names = task_names(["load_a", "load-a", pretender])
    assert len(set(names.values())) == 3


def test_equal_digests_of_long_names_are_told_apart() -> None:
    # Among these many, some share the first six digits of their digests.
    many = [f"{'x' * 60}{number}" for number in range(20_000)]
    assert len({digest(name)[:6] for name in many}) < len(many)
    names = task_names(many)
    assert len(set(names.values())) == len(many)
    assert max(map(len, names.values())) <= MAX_TASK_NAME


@renamers
@given(names=name_lists)
@example(names=["ﬁ", "fi"])
@example(names=["a", "A", "á", "ª"])
def test_names_are_distinct_and_valid(rename: Rename, names: list[str]) -> None:
    found = rename(names)
    pattern, longest = (TASK_NAME, MAX_TASK_NAME) if rename is task_names else (KEY, MAX_KEY)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    for name in found.values():
        assert pattern.fullmatch(name)
        assert len(name) <= longest


@renamers
@given(names=name_lists, data=st.data())
def test_names_do_not_depend_on_their_order(
    rename: Rename, names: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(names))
    assert rename(shuffled) == rename(names)


@renamers
@given(names=name_lists, name=texts | likely)
def test_a_name_depends_on_others_only_where_they_collide(
    rename: Rename, names: list[str], name: str
) -> None:
    alone = rename([name])[name]
    found = rename([*names, name])
    others = {rename([other])[other] for other in names if other != name}
    assert found[name] == alone or alone in others


@renamers
@given(names=name_lists, data=st.data())
def test_a_reserved_name_is_never_given(
    rename: Rename, names: list[str], data: st.DataObject
) -> None:
    reserved = data.draw(st.sets(st.sampled_from(list(rename(names).values()))))
    found = rename(names, reserved=reserved)
    assert reserved.isdisjoint(found.values())
    assert len(set(found.values())) == len(names)
