"""Train: fit two models, score both, keep the better one."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
