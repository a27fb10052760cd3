"""Clean the measurements and split the samples."""

from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split


def clean_measurements(measurements: pd.DataFrame) -> pd.DataFrame:
    """Drop incomplete and repeated samples, and number those that stay."""
    clean = measurements.dropna().drop_duplicates().reset_index(drop=True)
    return clean.rename_axis("sample")


def select_features(clean: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """Keep the columns of the wanted statistics, without the excluded ones."""
    endings = tuple(f"_{statistic}" for statistic in options["statistics"])
    excluded = set(options["exclude"] or [])
    columns = clean.columns
    return clean[[c for c in columns if c.endswith(endings) and c not in excluded]]


def encode_diagnosis(clean: pd.DataFrame, positive: str) -> pd.Series:
    """Return 1 for each sample with the diagnosis `positive`, 0 for the others."""
    return (clean["diagnosis"] == positive).astype("int64").rename("target")


def split_samples(
    features: pd.DataFrame, target: pd.Series, options: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into samples to train on and to test on, both with `target` as a column.

    Each part has the same share of positive samples.
    """
    train_set, test_set = train_test_split(
        features.assign(target=target),
        test_size=options["test_fraction"],
        random_state=options["random_state"],
        stratify=target,
    )
    return train_set, test_set
