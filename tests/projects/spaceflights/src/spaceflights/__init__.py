"""Spaceflights: what does a flight to the moon cost?"""

__version__ = "0.1"
