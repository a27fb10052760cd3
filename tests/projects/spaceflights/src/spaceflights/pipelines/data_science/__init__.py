"""Predict the price of a shuttle."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
