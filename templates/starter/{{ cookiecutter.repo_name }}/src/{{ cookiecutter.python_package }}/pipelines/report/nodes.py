"""Show how good the models are and what they look at."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_curve
from sklearn.pipeline import Pipeline as Model

Scores = dict[str, dict[str, float]]
"""For each model, the value of each score."""


def plot_roc_curves(options: dict[str, Any], **predictions: pd.DataFrame) -> Figure:
    """Draw the rate of true positives over that of false ones, one line per model."""
    figure = Figure(figsize=options["size"])
    axes = figure.add_subplot(
        xlabel="False positive rate", ylabel="True positive rate", aspect="equal"
    )
    for name, table in predictions.items():
        false_positive, true_positive, _ = roc_curve(
            table["target"], table["probability"]
        )
        axes.plot(false_positive, true_positive, label=name)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="chance")
    axes.legend(loc="lower right")
    if options["title"]:
        axes.set_title(options["title"])
    return figure


def rank_features(
    test_set: pd.DataFrame, options: dict[str, Any], **models: Model
) -> pd.DataFrame:
    """Measure how much accuracy each model loses when a feature is shuffled.

    Returns:
        A row for each feature, a column for each model, the best feature first.
    """
    features, target = test_set.drop(columns="target"), test_set["target"]
    losses = {
        name: permutation_importance(
            model,
            features,
            target,
            n_repeats=options["repeats"],
            random_state=options["random_state"],
        ).importances_mean
        for name, model in models.items()
    }
    table = pd.DataFrame(losses, index=features.columns).round(6)
    order = table.mean(axis="columns").sort_values(ascending=False, kind="stable")
    return table.loc[order.index].rename_axis("feature").reset_index()


def list_scores(scores: Scores) -> dict[str, dict[str, float]]:
    """Put the scores into the form in which MLflow's data set takes them."""
    return {
        f"{model}.{score}": {"step": 0, "value": value}
        for model, values in scores.items()
        for score, value in values.items()
    }


def summarise(
    scores: Scores, best: str, feature_ranking: pd.DataFrame, options: dict[str, Any]
) -> dict[str, Any]:
    """Say in one place which model is best, how good it is and what it looks at."""
    return {
        "best_model": best,
        "scores": scores,
        "top_features": feature_ranking["feature"].head(options["top"]).tolist(),
    }
