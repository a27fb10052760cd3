"""Prepare: from measurements to samples for training and for testing."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
