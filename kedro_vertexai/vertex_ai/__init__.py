"""Class paths of kedro-vertexai 1.0 that catalogs name."""
