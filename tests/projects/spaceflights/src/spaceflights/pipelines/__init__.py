"""The pipelines of the project."""
