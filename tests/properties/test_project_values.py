"""Digests tell values apart that differ, and only those: the comparison rests on it."""

from __future__ import annotations

import cloudpickle
import pandas as pd
import pytest
from project_values import MAKERS, digest

SEEDS = [digest(number) for number in range(20)]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_seed_makes_a_value_of_its_own(make) -> None:
    assert len({digest(make(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_copy_has_the_same_digest(make) -> None:
    value = make(SEEDS[0])
    assert digest(cloudpickle.loads(cloudpickle.dumps(value))) == digest(value)


def test_a_digest_sees_types_and_order() -> None:
    values = [1, 1.0, True, "1", b"1", None, [1, 2], [2, 1], (1, 2), {1: 2, 3: 4}, {3: 4, 1: 2}]
    frames = [pd.DataFrame({"n": column}) for column in ([1], [1.0], ["1"], [1, 1])]
    assert len({digest(value) for value in (*values, *frames)}) == len(values) + len(frames)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(TypeError, match="no canonical form of a object"):
        digest(object())
