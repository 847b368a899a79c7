"""Clean the labels or collect more rows? The claim of A. Ng's talk (From Model-centric to Data-centric AI, 2021), measured.

    python -m benchmarks.clean_vs_collect [--seeds 30] [--data DIR] [--only digits] [--json FILE] [--figure FILE]

"500 examples, 12 % of them noisy: cleaning up the noise and collecting another 500 are about equally effective."
"""

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.errors import UsageError
from components.files import write_bytes, write_json
from components.label_audit.audit import audit_labels
from components.label_audit.encoding import Encoded, Kinds, encode, scaled
from components.label_audit.settings import Settings
from pipeline.config import load_config

NOISE, BLOCK = 0.12, 50
"""Of every 50 rows of a draw exactly 6 are wrong, so that each size has the same share and contains the smaller ones."""
ROWS = 500
MODELS = ("boosting", "logistic", "logistic, C = 1")
DRAWN = MODELS[:2]
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
TEST_ROWS = 20_000
RESAMPLES = 10_000
Interval = tuple[float, float, float]
"""Estimate, lower and upper end of its 95 % interval; infinite where the data set no bound."""


@dataclass(frozen=True, eq=False)
class Source:
    """Rows to draw from.

    Attributes:
      name: Of the data set.
      metric: "accuracy" or "AUC", on true labels.
      rows: The features as they came, for the audit.
      kinds: Of the features.
      encoded: The same as numbers, N rows.
      truth: Class codes 0..K-1, N.
      sizes: Of the learning curves, rising, multiples of BLOCK, ROWS and 2 * ROWS among them.
      test: Rows of the fixed test set; empty: in each draw those that are not learned from.
    """

    name: str
    metric: str
    rows: pd.DataFrame
    kinds: Kinds
    encoded: Encoded
    truth: np.ndarray
    sizes: tuple[int, ...]
    test: np.ndarray


def main() -> None:
    """Runs every arm on every draw and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30, help="draws (%(default)s)")
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--only", choices=["flights", "digits"], help="one data set")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--figure", type=Path, help="learning curves, .svg or .png")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds: an interval takes at least 2")
    if options.figure and options.figure.suffix not in (".svg", ".png"):
        parser.error(f"--figure {options.figure}: name it .svg or .png")
    began = time.perf_counter()
    sources: dict[str, Callable[[], Source]] = {"digits": digits, "flights": lambda: flights(options.data)}
    result: dict[str, Any] = {"noise": NOISE, "seeds": options.seeds, "rows": [], "audits": []}
    for name, source in sources.items():
        if options.only in (None, name):
            rows, audited = study(source(), options.seeds)
            result["rows"] += rows
            result["audits"].append(audited)
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(table(result))
    if options.json:
        write_json(options.json, result)
    if options.figure:
        save(result, options.figure)
    print(json.dumps(result, allow_nan=False))


def digits() -> Source:
    """scikit-learn's digits: 1,797 images of 8 x 8 pixels, ten classes. The 547 not drawn are the test set of a draw."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rows = pd.DataFrame(np.asarray(data.data, np.float64), columns=[f"pixel_{at}" for at in range(64)])
    kinds = Kinds(numeric=tuple(rows.columns))
    truth = np.asarray(data.target, np.int64)
    return Source("digits", "accuracy", rows, kinds, encode(rows, kinds), truth, (250, 500, 1000, 1250), np.array([]))


def flights(folder: Path, sizes: tuple[int, ...] = (250, 500, 1000, 2000, 4000), test_rows: int = TEST_ROWS) -> Source:
    """The flights of all spans in `folder`, the columns that the pipeline learns from; the test set is drawn once.

    Drawn at random over the year: what a month's drift does is another question.
    """
    config = load_config(Path("schemas/flights/pipeline.toml"))
    kinds = Kinds(config.features.categorical, config.features.numeric, config.features.cyclical)
    label = config.dataset.label
    spans = sorted(folder.glob("span-*.csv"))
    if not spans:
        raise UsageError(f"{folder}: no span-*.csv; run `make data` or name the folder with --data")
    rows = pd.concat([pd.read_csv(path, usecols=[*kinds.names, label]) for path in spans], ignore_index=True)
    truth = rows.pop(label).to_numpy(np.int64)
    test = np.random.default_rng(0).choice(len(rows), test_rows, replace=False)
    return Source("flights", "AUC", rows, kinds, encode(rows, kinds), truth, sizes, test)


def noisy(truth: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Labels of a draw of a multiple of BLOCK rows: NOISE of each block, any row alike, become any other class alike."""
    given = truth.copy()
    for start in range(0, len(truth), BLOCK):
        hit = start + rng.choice(BLOCK, round(NOISE * BLOCK), replace=False)
        given[hit] = (given[hit] + rng.integers(1, classes, len(hit))) % classes
    return given


def study(source: Source, seeds: int, models: Sequence[str] = MODELS) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All arms on `seeds` draws: a row of figures for each model, and what the audit found."""
    scores: dict[str, list[dict[str, float]]] = {model: [] for model in models}
    found = []
    for seed in range(seeds):
        arms, test, counts = draw(source, seed)
        found.append(counts)
        for model in models:
            scores[model].append(
                {arm: score(model, source, rows, labels, test, seed) for arm, (rows, labels) in arms.items()}
            )
        print(f"{source.name}: draw {seed + 1} of {seeds}", file=sys.stderr)
    audited = {"data": source.name} | {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    return [
        {"data": source.name, "metric": source.metric, "model": model, **compare(pd.DataFrame(each), source.sizes)}
        for model, each in scores.items()
    ], audited


Arms = dict[str, tuple[np.ndarray, np.ndarray]]


def draw(source: Source, seed: int) -> tuple[Arms, np.ndarray, dict[str, int]]:
    """The arms of one draw: name -> rows and their labels; the test rows; and counts of the audit.

    Every arm is cut from one order of the rows, with the same wrong labels.
    """
    rng = np.random.default_rng(seed)
    classes, most = int(source.truth.max()) + 1, source.sizes[-1]
    pool = rng.permutation(np.setdiff1d(np.arange(len(source.truth)), source.test))
    rows, test = pool[:most], source.test if len(source.test) else pool[most:]
    truth = source.truth[rows]
    given = noisy(truth, classes, rng)
    arms = {}
    for size in source.sizes:
        arms[f"clean {size}"] = rows[:size], truth[:size]
        arms[f"noisy {size}"] = rows[:size], given[:size]
    frame = source.rows.iloc[rows[:ROWS]].assign(given=given[:ROWS])
    listed = audit_labels(frame, "given", source.kinds, settings=Settings(seed=seed)).issues
    looks = {"audit": [issue.row for issue in listed], "random": rng.permutation(ROWS)[: len(listed)]}
    wrong = given[:ROWS] != truth[:ROWS]
    counts = {"wrong": int(wrong.sum()), "looked_at": len(listed)}
    for name, seen in looks.items():
        at = np.asarray(seen, np.int64)
        labels = given[:ROWS].copy()
        labels[at] = truth[at]
        arms[name] = rows[:ROWS], labels
        counts[f"corrected_{name}"] = int(wrong[at].sum())
    return arms, test, counts


def score(model: str, source: Source, rows: np.ndarray, labels: np.ndarray, test: np.ndarray, seed: int) -> float:
    """The metric on `test`, with true labels, of a model that learnt `labels` of `rows`; in [0, 1]."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.metrics import roc_auc_score

    whole = source.encoded
    part = Encoded(whole.matrix[np.concatenate([rows, test])], whole.categorical, whole.periods)
    features = part.matrix if model == "boosting" else scaled(part, np.arange(len(rows))).astype(np.float64)
    if model == "boosting":
        learner: Any = HistGradientBoostingClassifier(
            max_leaf_nodes=7,
            early_stopping=False,
            categorical_features=list(range(whole.categorical)) or None,
            random_state=seed,
        )
    elif model == "logistic":
        learner = LogisticRegressionCV(Cs=PENALTIES, cv=5, scoring="neg_log_loss", max_iter=500)
    else:
        learner = LogisticRegression(max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer rows than folds
        learner.fit(features[: len(rows)], labels)
    asked, truth = features[len(rows) :], source.truth[test]
    if source.metric == "AUC":
        return float(roc_auc_score(truth, learner.predict_proba(asked)[:, 1]))
    return float((learner.predict(asked) == truth).mean())


def compare(scores: pd.DataFrame, sizes: Sequence[int]) -> dict[str, Any]:
    """What the arms (columns) of paired draws (rows) say, each figure with its 95 % interval (None: no bound).

    The intervals are over draws: t for means and mean differences, percentile bootstrap for the ratio and the size.
    """
    start = scores[f"noisy {ROWS}"]
    cleaning, collecting = scores[f"clean {ROWS}"] - start, scores[f"noisy {2 * ROWS}"] - start
    picks = np.random.default_rng(0).integers(0, len(scores), (RESAMPLES, len(scores)))
    curve = scores[[f"noisy {size}" for size in sizes]].to_numpy()
    goal = scores[f"clean {ROWS}"].to_numpy()
    means, goals = curve[picks].mean(axis=1), goal[picks].mean(axis=1)
    worth = [worth_of(one, sizes, float(aim)) for one, aim in zip(means, goals, strict=True)]
    ratios = [ratio(a, b) for a, b in zip(cleaning.to_numpy()[picks].mean(1), collecting.to_numpy()[picks].mean(1))]
    figures = {
        "gain_cleaning": interval(cleaning),
        "gain_collecting": interval(collecting),
        "difference": interval(cleaning - collecting),
        "ratio": (ratio(cleaning.mean(), collecting.mean()), *ends(ratios)),
        "gain_audit": interval(scores["audit"] - start),
        "gain_random": interval(scores["random"] - start),
        "noisy_rows_worth_clean": (worth_of(curve.mean(axis=0), sizes, float(goal.mean())), *ends(worth)),
    }
    arms = {str(arm): _finite(interval(column)) for arm, column in scores.items()}
    return {"arms": arms, **{name: _finite(figure) for name, figure in figures.items()}}


def interval(values: pd.Series) -> Interval:
    """Mean and 95 % t interval."""
    from scipy import stats

    mean, reach = float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * values.sem())
    return mean, mean - reach, mean + reach


def ends(resampled: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of resampled figures, infinite ones among them."""
    low, high = np.quantile(np.asarray(resampled), (0.025, 0.975), method="nearest")
    return float(low), float(high)


def ratio(cleaning: float, collecting: float) -> float:
    """Cleaning for collecting; infinite where collecting gained nothing."""
    return cleaning / collecting if collecting > 0 else math.inf


def worth_of(curve: Sequence[float] | np.ndarray, sizes: Sequence[int], goal: float) -> float:
    """The size at which a learning curve first reaches `goal`, between sizes linear in their logarithm.

    The smallest size where the curve starts above it, infinite where it never gets there.
    """
    if curve[0] >= goal:
        return float(sizes[0])
    for at in range(1, len(sizes)):
        if curve[at] >= goal:
            part = (goal - curve[at - 1]) / (curve[at] - curve[at - 1])
            return float(sizes[at - 1] * (sizes[at] / sizes[at - 1]) ** part)
    return math.inf


def _finite(figure: Interval) -> list[float | None]:
    return [round(value, 6) if math.isfinite(value) else None for value in figure]
