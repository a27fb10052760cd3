"""Fit a linear model of the price and see how good it is."""

import logging
from typing import Any

import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.metrics import max_error, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

logger = logging.getLogger(__name__)


def split_data(
    table: pd.DataFrame, options: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Split the features and the price into rows to train on and rows to test on."""
    X_train, X_test, y_train, y_test = train_test_split(
        table[options["features"]],
        table["price"],
        test_size=options["test_size"],
        random_state=options["random_state"],
    )
    return X_train, X_test, y_train, y_test


def train_model(X_train: pd.DataFrame, y_train: pd.Series) -> LinearRegression:
    """Fit a linear regression of the price."""
    return LinearRegression().fit(X_train, y_train)


def evaluate_model(
    regressor: LinearRegression, X_test: pd.DataFrame, y_test: pd.Series
) -> dict[str, float]:
    """Compare predicted with true prices."""
    y_pred = regressor.predict(X_test)
    metrics = {
        "r2_score": r2_score(y_test, y_pred),
        "mean_absolute_error": mean_absolute_error(y_test, y_pred),
        "max_error": max_error(y_test, y_pred),
    }
    logger.info("The model explains %.3f of the variance.", metrics["r2_score"])
    return {name: round(float(value), 6) for name, value in metrics.items()}
