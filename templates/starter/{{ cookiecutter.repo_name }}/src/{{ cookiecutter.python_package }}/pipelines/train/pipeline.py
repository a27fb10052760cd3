"""The pipeline `train`."""

from kedro.pipeline import Node, Pipeline

from .nodes import (
    choose_model,
    cross_validate_model,
    fit_model,
    predict,
    refit_model,
    score_models,
)

# A model more is a name more here, and its parameters in parameters_train.yml.
MODELS = ("logistic", "forest")


def create_pipeline(**kwargs: object) -> Pipeline:
    """Fit every model on `train_set`, score all on `test_set`, refit the best."""
    predictions = {name: f"{name}_predictions" for name in MODELS}
    models = {name: f"{name}_model" for name in MODELS}
    samples = {"train_set": "train_set", "test_set": "test_set"}
    return Pipeline(
        [
            *(_one_model(name) for name in MODELS),
            Node(
                score_models,
                {"evaluation": "params:evaluation", **predictions},
                "scores",
                name="score",
            ),
            Node(
                choose_model,
                ["scores", "params:evaluation"],
                ["best_model", "best_score"],
                name="choose",
            ),
            Node(
                refit_model,
                {"best": "best_model", **samples, **models},
                "final_model",
                name="refit",
            ),
        ],
        namespace="train",
        inputs={"train_set", "test_set"},
        outputs={"scores", "best_model", *predictions.values(), *models.values()},
    )


def _one_model(name: str) -> Pipeline:
    outputs = ("model", "fold_scores", "predictions")
    return Pipeline(
        [
            Node(fit_model, ["train_set", "params:model"], "model", name="fit"),
            Node(
                cross_validate_model,
                ["train_set", "params:model", "params:validation"],
                "fold_scores",
                name="cross_validate",
            ),
            Node(predict, ["model", "test_set"], "predictions"),
        ],
        namespace=name,
        inputs={"train_set", "test_set"},
        outputs={output: f"{name}_{output}" for output in outputs},
        parameters="params:validation",
    )
