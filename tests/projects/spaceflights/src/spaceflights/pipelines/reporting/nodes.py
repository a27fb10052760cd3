"""Draw what a seat costs."""

import pandas as pd
from matplotlib.figure import Figure


def plot_price_by_capacity(shuttles: pd.DataFrame) -> Figure:
    """Draw the mean price of the shuttles of each passenger capacity."""
    prices = shuttles.groupby("passenger_capacity")["price"].mean()
    figure = Figure()
    axes = figure.add_subplot(xlabel="Passenger capacity", ylabel="Mean price in dollars")
    axes.bar(prices.index, prices)
    return figure
