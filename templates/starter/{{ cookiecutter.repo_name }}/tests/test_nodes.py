"""The functions behind the nodes, each on a few samples."""

import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.pipelines.prepare.nodes import (
    clean_measurements,
    encode_diagnosis,
    select_features,
    split_samples,
)
from {{ cookiecutter.python_package }}.pipelines.report.nodes import list_scores, summarise
from {{ cookiecutter.python_package }}.pipelines.train.nodes import (
    choose_model,
    cross_validate_model,
    fit_model,
    predict,
    score_models,
)

SCORES = {"a": {"recall": 0.5, "accuracy": 0.9}, "b": {"recall": 0.75, "accuracy": 0.8}}


@pytest.fixture
def samples():
    """Forty samples that each of two measurements tells apart."""
    return pd.DataFrame(
        {
            "radius_mean": [*range(20), *range(50, 70)],
            "radius_se": 0.1,
            "area_worst": [*range(40, 60), *range(90, 110)],
            "diagnosis": ["benign"] * 20 + ["malignant"] * 20,
        }
    )


@pytest.fixture
def train_set(samples):
    """The samples in the form in which models are trained on them."""
    target = encode_diagnosis(samples, "malignant")
    return samples[["radius_mean", "area_worst"]].assign(target=target)


def test_incomplete_and_repeated_samples_are_dropped(samples):
    incomplete = samples.iloc[[0]].assign(radius_mean=None)
    clean = clean_measurements(pd.concat([samples, samples.iloc[[5]], incomplete]))
    assert len(clean) == len(samples)


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (None, ["radius_mean", "area_worst"]),
        (["area_worst"], ["radius_mean"]),
    ],
)
def test_features_are_selected_by_statistic_and_name(samples, exclude, expected):
    options = {"statistics": ["mean", "worst"], "exclude": exclude}
    assert list(select_features(samples, options)) == expected


def test_split_keeps_every_sample_and_the_share_of_positive_ones(samples):
    target = encode_diagnosis(samples, "malignant")
    options = {"test_fraction": 0.25, "random_state": 1}
    train, test = split_samples(samples[["radius_mean"]], target, options)
    assert sorted([*train.index, *test.index]) == list(samples.index)
    assert (train["target"].mean(), test["target"].mean()) == (0.5, 0.5)


@pytest.mark.parametrize(
    "model",
    [
        {"estimator": "logistic_regression", "options": {"class_weight": None}},
        {
            "estimator": "random_forest",
            "options": {"n_estimators": 10, "max_depth": None, "random_state": 1},
        },
    ],
    ids=lambda model: model["estimator"],
)
def test_model_learns_what_is_easy(train_set, model):
    predictions = predict(fit_model(train_set, model), train_set)
    assert score_models({"threshold": 0.5}, model=predictions) == {
        "model": {"accuracy": 1.0, "precision": 1.0, "recall": 1.0, "roc_auc": 1.0}
    }


def test_cross_validation_gives_a_value_for_each_fold(train_set):
    model = {"estimator": "logistic_regression", "options": {}}
    options = {"folds": 4, "metrics": ["accuracy"], "random_state": 1}
    history = cross_validate_model(train_set, model, options)
    assert [point["step"] for point in history["accuracy"]] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("choose_by", "expected"), [("recall", ("b", 0.75)), ("accuracy", ("a", 0.9))]
)
def test_best_model_depends_on_the_score(choose_by, expected):
    assert choose_model(SCORES, {"choose_by": choose_by}) == expected


def test_scores_are_listed_for_mlflow():
    assert list_scores(SCORES)["b.recall"] == {"step": 0, "value": 0.75}


def test_summary_names_the_top_features():
    ranking = pd.DataFrame({"feature": ["x", "y", "z"]})
    assert summarise(SCORES, "a", ranking, {"top": 2})["top_features"] == ["x", "y"]
