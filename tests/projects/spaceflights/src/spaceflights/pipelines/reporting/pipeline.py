"""The pipeline `reporting`."""

from kedro.pipeline import Node, Pipeline

from .nodes import plot_price_by_capacity


def create_pipeline(**kwargs: object) -> Pipeline:
    """Draw `price_by_capacity`."""
    return Pipeline(
        [
            Node(
                plot_price_by_capacity,
                inputs="preprocessed_shuttles",
                outputs="price_by_capacity",
                name="plot_price_by_capacity_node",
            )
        ]
    )
