"""The pipeline `report`."""

from kedro.pipeline import Node, Pipeline

from ..train.pipeline import MODELS
from .nodes import list_scores, plot_roc_curves, rank_features, summarise


def create_pipeline(**kwargs: object) -> Pipeline:
    """Report on what the pipeline `train` made."""
    predictions = {name: f"{name}_predictions" for name in MODELS}
    models = {name: f"{name}_model" for name in MODELS}
    return Pipeline(
        [
            Node(
                plot_roc_curves,
                {"options": "params:plot", **predictions},
                "roc_curves",
                name="plot",
            ),
            Node(
                rank_features,
                {"test_set": "test_set", "options": "params:ranking", **models},
                "feature_ranking",
            ),
            Node(list_scores, "scores", "test_scores"),
            Node(
                summarise,
                ["scores", "best_model", "feature_ranking", "params:ranking"],
                "summary",
                name="summarise",
            ),
        ],
        namespace="report",
        inputs={
            "test_set",
            "scores",
            "best_model",
            *predictions.values(),
            *models.values(),
        },
    )
