"""Fit a model, look at how good it is, and choose between several."""

from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline as Model
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ESTIMATORS = {
    "logistic_regression": LogisticRegression,
    "random_forest": RandomForestClassifier,
}

Scores = dict[str, dict[str, float]]
"""For each model, the value of each score."""


def fit_model(train_set: pd.DataFrame, model: dict[str, Any]) -> Model:
    """Fit the model that the parameters describe."""
    return _fit(_new_model(model), train_set)


def cross_validate_model(
    train_set: pd.DataFrame, model: dict[str, Any], options: dict[str, Any]
) -> dict[str, list[dict[str, float]]]:
    """Score the model on each fold of the training samples.

    Returns:
        For each score its value on each fold, with the fold's number as MLflow's step.
    """
    folds = StratifiedKFold(
        options["folds"], shuffle=True, random_state=options["random_state"]
    )
    results = cross_validate(
        _new_model(model),
        train_set.drop(columns="target"),
        train_set["target"],
        cv=folds,
        scoring=options["metrics"],
    )
    return {
        metric: [
            {"step": fold, "value": float(value)}
            for fold, value in enumerate(results[f"test_{metric}"])
        ]
        for metric in options["metrics"]
    }


def predict(model: Model, test_set: pd.DataFrame) -> pd.DataFrame:
    """Return the `probability` that each sample is positive, next to its `target`."""
    probability = model.predict_proba(test_set.drop(columns="target"))[:, 1]
    return test_set[["target"]].assign(probability=probability.round(6))


def score_models(evaluation: dict[str, Any], **predictions: pd.DataFrame) -> Scores:
    """Compare the predictions of each model with the truth."""
    return {
        name: _score(table["target"], table["probability"], evaluation["threshold"])
        for name, table in predictions.items()
    }


def choose_model(scores: Scores, evaluation: dict[str, Any]) -> tuple[str, float]:
    """Return the name and the score of the best model."""
    criterion = evaluation["choose_by"]
    best = max(scores, key=lambda name: scores[name][criterion])
    return best, scores[best][criterion]


def refit_model(
    best: str, train_set: pd.DataFrame, test_set: pd.DataFrame, **models: Model
) -> Model:
    """Fit the best model anew, on all samples."""
    return _fit(clone(models[best]), pd.concat([train_set, test_set]))


def _new_model(model: dict[str, Any]) -> Model:
    estimator = ESTIMATORS[model["estimator"]](**model["options"])
    return make_pipeline(StandardScaler(), estimator)


def _fit(model: Model, samples: pd.DataFrame) -> Model:
    return model.fit(samples.drop(columns="target"), samples["target"])


def _score(
    target: pd.Series, probability: pd.Series, threshold: float
) -> dict[str, float]:
    predicted = probability >= threshold
    scores = {
        "accuracy": accuracy_score(target, predicted),
        "precision": precision_score(target, predicted, zero_division=0.0),
        "recall": recall_score(target, predicted),
        "roc_auc": roc_auc_score(target, probability),
    }
    return {name: round(float(value), 6) for name, value in scores.items()}
