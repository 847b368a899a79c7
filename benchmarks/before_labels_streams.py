"""Streams of before_labels.py: labelled windows in the order of time, and what the model was evaluated on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from monitor.performance.scored_rows import ScoredRows, Task

FLIGHTS = Path(__file__).resolve().parents[1] / "data" / "flights"


@dataclass(frozen=True, eq=False)
class Stream:
    """A stream.

    Attributes:
      name: Name.
      real: Whether it is real data; its windows may hold concept drift of their own.
      metrics: Metrics that are estimated.
      reference: Evaluation rows, all labelled, in the order of time.
      windows: Windows after them, all labelled.
    """

    name: str
    real: bool
    metrics: tuple[str, ...]
    reference: ScoredRows
    windows: Sequence[ScoredRows]


def flights() -> Stream:
    """The flights, late or not: trained on January and February, evaluated on March, then by weeks."""
    spans = [pd.read_csv(FLIGHTS / f"span-{month:02d}.csv", low_memory=False) for month in range(1, 13)]
    table = pd.concat(spans, ignore_index=True)
    stamp = pd.to_datetime(table["row_id"].str.rsplit("-", n=1).str[1], format="%Y%m%dT%H%M")
    order = np.argsort(stamp.to_numpy(), kind="stable")
    table, stamp = table.iloc[order].reset_index(drop=True), stamp.iloc[order].reset_index(drop=True)
    month = stamp.dt.month.to_numpy()
    features = table.drop(columns=["row_id", "late", "tailnum"])
    train = month <= 2
    x = encode(features, train)
    y = table["late"].to_numpy(np.float64)
    scores = _boosted(x[train], y[train], x)
    rows = ScoredRows(x, scores, y, time=(stamp - pd.Timestamp(0)).dt.total_seconds().to_numpy())
    week = ((stamp - pd.Timestamp("2013-04-01")).dt.days // 7).to_numpy()
    windows = [rows.among(week == number) for number in range(int(week.max()) + 1)]
    windows = [one for one in windows if len(one) >= 2000]
    return Stream("flights", True, ("auc", "average_precision", "f1", "log_loss"),
                  rows.among(month == 3), windows)  # fmt: skip


def employment(folder: Path) -> Stream:
    """NannyML's employment_MA: employed people of Massachusetts (ACS census); reference 2015, then by 10,000 rows."""
    reference = pd.read_parquet(folder / "employment_MA_reference.pq")
    analysis = pd.read_parquet(folder / "employment_MA_analysis.pq")
    analysis = analysis.merge(pd.read_parquet(folder / "employment_MA_analysis_target.pq"), on="id")
    drop = ("id", "year", "prediction")
    return _given("employment", reference, analysis, "employed", "predicted_probability", drop, True, 10_000)


def california(folder: Path) -> Stream:
    """NannyML's california_housing: real houses in the order of its made-up time; by 600 rows."""
    reference = pd.read_csv(folder / "california_housing_reference.csv")
    analysis = pd.read_csv(folder / "california_housing_analysis.csv")
    analysis = analysis.merge(pd.read_csv(folder / "california_housing_analysis_gt.csv"), on="id")
    drop = ("id", "y_pred", "timestamp")
    return _given("california", reference, analysis, "clf_target", "y_pred_proba", drop, True, 600)


def car_loan(folder: Path) -> Stream:
    """NannyML's synthetic car loans, with covariate shift in the second half; by 5,000 rows."""
    reference = pd.read_csv(folder / "synthetic_car_loan_reference.csv")
    analysis = pd.read_csv(folder / "synthetic_car_loan_analysis.csv")
    target = pd.read_csv(folder / "synthetic_car_loan_analysis_target.csv")
    analysis = analysis.merge(target, on="id") if "id" in target else pd.concat([analysis, target], axis=1)
    return _given("car_loan", reference, analysis, "repaid", "y_pred_proba", ("id", "y_pred", "timestamp"),
                  False, 5000)  # fmt: skip


def car_price(folder: Path) -> Stream:
    """NannyML's synthetic car prices (regression); by 5,000 rows."""
    reference = pd.read_csv(folder / "regression_synthetic_reference.csv")
    analysis = pd.read_csv(folder / "regression_synthetic_analysis.csv")
    target = pd.read_csv(folder / "regression_synthetic_analysis_targets.csv")
    analysis = analysis.merge(target, on="id") if "id" in target else pd.concat([analysis, target], axis=1)
    stream = _given("car_price", reference, analysis, "y_true", "y_pred", ("id", "timestamp"), False, 5000,
                    "regression")  # fmt: skip
    return replace(stream, metrics=("rmse", "mae"))


def covariate_shift(seed: int) -> Stream:
    """Simulated covariate shift: inputs move, P(label | inputs) does not; 30 windows of 3,000 rows."""
    random = np.random.default_rng(seed)

    def rows(count: int, shift: float) -> ScoredRows:
        x = random.normal(size=(count, 12))
        x[:, 0] += shift
        x[:, 1] *= 1 + abs(shift) / 2
        eta = 0.9 * x[:, 0] + 0.7 * x[:, 1] + 0.6 * (x[:, 2] > 0) - 1.2 + 0.5 * np.maximum(x[:, 0], 0) * (x[:, 1] > 0)
        y = (random.random(count) < 1 / (1 + np.exp(-eta))).astype(np.float64)
        score = 1 / (1 + np.exp(-(1.1 * x[:, 0] + 0.9 * x[:, 1] - 1.0)))
        return ScoredRows(x, score, y)

    reference = rows(8000, 0.0)
    shifts = np.concatenate([np.zeros(10), np.linspace(0.1, 1.2, 10), random.uniform(-1.2, 1.2, 10)])
    metrics = ("auc", "average_precision", "f1", "log_loss")
    return Stream("covariate_shift", False, metrics, reference, [rows(3000, one) for one in shifts])


def encode(table: pd.DataFrame, fitted: np.ndarray) -> np.ndarray:
    """Numbers as they are, categories by their rank of frequency among the `fitted` rows; float64 [N, d]."""
    columns = []
    for name in table.columns:
        series = table[name]
        if pd.api.types.is_numeric_dtype(series.dtype):
            columns.append(series.to_numpy(np.float64))
            continue
        ranks = {value: at for at, value in enumerate(series[fitted].value_counts().index)}
        codes = series.astype(object).map(ranks)
        columns.append(codes.astype(np.float64).fillna(len(ranks)).where(series.notna()).to_numpy(np.float64))
    return np.column_stack(columns)


def _given(
    name: str, reference: pd.DataFrame, analysis: pd.DataFrame, target: str, score: str, drop: tuple[str, ...],
    real: bool, size: int, task: Task = "binary",
) -> Stream:  # fmt: skip
    """A stream whose predictions come with the data."""
    both = pd.concat([reference, analysis], ignore_index=True)
    features = both.drop(columns=[column for column in (*drop, target, score) if column in both])
    x = encode(features, np.arange(len(both)) < len(reference))
    scores, y = both[score].to_numpy(np.float64), both[target].to_numpy(np.float64)
    keep = np.isfinite(scores) & np.isfinite(y)
    rows = ScoredRows(x, np.where(keep, scores, 0), np.where(keep, y, 0), task=task)
    old = np.arange(len(both)) < len(reference)
    after = rows.among(np.flatnonzero(keep & ~old))
    windows = [after.among(np.arange(at, at + size)) for at in range(0, len(after) - size + 1, size)]
    metrics = ("auc", "average_precision", "f1", "log_loss")
    return Stream(name, real, metrics, rows.among(np.flatnonzero(keep & old)), windows)


def _boosted(x: np.ndarray, y: np.ndarray, every: np.ndarray) -> np.ndarray:
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=150, learning_rate=0.05, num_leaves=31, n_jobs=1, random_state=1, verbose=-1)
    found: np.ndarray = model.fit(x, y).predict_proba(every)[:, 1]
    return found
