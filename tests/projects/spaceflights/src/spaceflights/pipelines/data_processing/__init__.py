"""Join companies, shuttles and reviews into one table."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
