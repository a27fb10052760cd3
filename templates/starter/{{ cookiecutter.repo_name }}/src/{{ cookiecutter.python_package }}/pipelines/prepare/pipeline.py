"""The pipeline `prepare`."""

from kedro.pipeline import Node, Pipeline

from .nodes import clean_measurements, encode_diagnosis, select_features, split_samples


def create_pipeline(**kwargs: object) -> Pipeline:
    """Turn `measurements` into `train_set` and `test_set`."""
    return Pipeline(
        [
            Node(clean_measurements, "measurements", "clean", name="clean"),
            Node(select_features, ["clean", "params:features"], "features"),
            Node(encode_diagnosis, ["clean", "params:positive"], "target"),
            Node(
                split_samples,
                ["features", "target", "params:split"],
                ["train_set", "test_set"],
                name="split",
            ),
        ],
        namespace="prepare",
        inputs="measurements",
        outputs={"train_set", "test_set"},
    )
