"""Turn text into numbers, and three tables into one."""

import pandas as pd


def preprocess_companies(companies: pd.DataFrame) -> pd.DataFrame:
    """Read the ratings as shares and the approval as a boolean."""
    return companies.assign(
        company_rating=_from_percent(companies["company_rating"]),
        iata_approved=_from_letter(companies["iata_approved"]),
    )


def preprocess_shuttles(shuttles: pd.DataFrame) -> pd.DataFrame:
    """Read the checks as booleans and the price as a number of dollars."""
    return shuttles.assign(
        d_check_complete=_from_letter(shuttles["d_check_complete"]),
        moon_clearance_complete=_from_letter(shuttles["moon_clearance_complete"]),
        price=_from_dollars(shuttles["price"]),
    )


def create_model_input_table(
    shuttles: pd.DataFrame, companies: pd.DataFrame, reviews: pd.DataFrame
) -> pd.DataFrame:
    """Join each shuttle with its reviews and its company; keep the complete rows."""
    rated = shuttles.merge(reviews, left_on="id", right_on="shuttle_id")
    joined = rated.drop(columns="id").merge(companies, left_on="company_id", right_on="id")
    return joined.dropna().reset_index(drop=True)


def _from_letter(column: pd.Series) -> pd.Series:
    return column == "t"


def _from_percent(column: pd.Series) -> pd.Series:
    return column.str.removesuffix("%").astype(float) / 100


def _from_dollars(column: pd.Series) -> pd.Series:
    return column.str.replace("[$,]", "", regex=True).astype(float)
