"""Detection of flipped labels: the label audit compared with argmax disagreement and cleanlab's defaults.

    python -m benchmarks.label_noise [--rows 20000] [--seeds 5] [--data DIR] [--json FILE]

Labels of the flights (--rows of one span, drawn at random) and of scikit-learn's digits are flipped at 5, 10,
20 and 40 %: `uniform` (every row alike, towards any other class alike) and `class` (rates that differ from class to
class around the level, always towards the next class). Each method says which rows it holds for flipped:

    ours            components.label_audit with its defaults
    argmax          the label is not the class of the highest probability; our out-of-sample probabilities
    cleanlab        cleanlab.filter.find_label_issues with its defaults; our out-of-sample probabilities
    cleanlearning   cleanlab.classification.CleanLearning with its defaults (5 folds of scikit-learn's logistic
                    regression) on standardised columns

Prints a table (medians over seeds of precision, recall, F1) and, as the last line on stdout, one JSON object: `rows`
[{data, noise, level, flipped, method, precision, recall, f1, f1_low, f1_high}], `short` (levels where ours is behind
the best other by more than 0.005 of F1), `unflipped` (share of rows that each method doubts when nothing was flipped).
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from components.label_audit.cross_validation import predicted_probabilities
from components.label_audit.encoding import EncodedFeatures, FeatureTypes, encode_features, scaled
from components.label_audit.grouped_folds import duplicate_groups, plan_folds
from components.label_audit.settings import LabelAuditSettings
from components.shared.files import write_json
from pipeline.settings.config import load_config

LEVELS = (0.05, 0.10, 0.20, 0.40)
KINDS = ("uniform", "class")
METHODS = ("ours", "argmax", "cleanlab", "cleanlearning")
MAX_RATE = 0.45
"""Of a class: from a half on, what most of a class's rows say would be wrong."""
CLOSE = 0.005
"""Differences of F1 below this count as equal."""
WHY = (
    "flights, class, 10 %: where classes overlap and the rarer one was flipped more often, ours draws one line through "
    "all rows by their odds of being wrong, cleanlab takes each class's own count of the worst rows; with these counts "
    "our order has cleanlab's F1 (seeds 0 and 1: 0.345, 0.351)"
)
"""Of the one level where ours was behind (0.340 against 0.351); what else is behind is new. Not mended:
cleanlab's counts are behind ours at five of the flights' eight levels."""


def main() -> None:
    """Runs every level and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="of the flights (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--only", choices=["flights", "digits"], help="one data set")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    began = time.perf_counter()
    sources: dict[str, Callable[[], tuple[EncodedFeatures, np.ndarray]]] = {
        "digits": digits,
        "flights": lambda: flights(options.data, options.rows),
    }
    measured: dict[tuple[str, str, float, str], list[tuple[float, float, float, float]]] = defaultdict(list)
    unflipped: dict[str, dict[str, float]] = {}
    for name, source in sources.items():
        if options.only not in (None, name):
            continue
        encoded, truth = source()
        unflipped[name] = {
            method: round(float(found.mean()), 4) for method, found in find_all(encoded, truth, seed=0).items()
        }
        for seed in range(options.seeds):
            for kind in KINDS:
                for level in LEVELS:
                    given = flipped(truth, level, kind, np.random.default_rng(seed))
                    for method, found in find_all(encoded, given, seed).items():
                        measured[name, kind, level, method].append(
                            ((given != truth).mean(), *scores(given != truth, found))
                        )
            print(f"{name}: seed {seed + 1} of {options.seeds}, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    rows = [_row(key, values) for key, values in measured.items()]
    rows.sort(key=lambda row: (row["data"], row["noise"] != "uniform", row["level"], METHODS.index(row["method"])))
    short = behind(rows)
    result = {
        "rows": rows,
        "short": short,
        "unflipped": unflipped,
        "seeds": options.seeds,
        "flights_rows": options.rows,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(table(rows))
    for row in short:
        where = f"{row['data']} {row['noise']} {row['level']:.0%}"
        print(f"behind: {where}: {row['ours']:.3f}, {row['best']} {row['best_f1']:.3f}")
    print(f"why: {WHY}" if short else "ours is behind nowhere")
    if options.json:
        write_json(options.json, result)
    print(json.dumps(result))


def digits() -> tuple[EncodedFeatures, np.ndarray]:
    """scikit-learn's digits: 1,797 images of 8 x 8 pixels, ten classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return EncodedFeatures(np.asarray(data.data, np.float64), 0, {}), np.asarray(data.target, np.int64)


def flights(folder: Path, rows: int) -> tuple[EncodedFeatures, np.ndarray]:
    """A random `rows` of the first span with the columns that the pipeline learns from, two classes."""
    config = load_config(Path("schemas/flights/pipeline.toml"))
    span = pd.read_csv(folder / "span-01.csv")
    drawn = span.sample(min(rows, len(span)), random_state=0)
    kinds = FeatureTypes(config.features.categorical, config.features.numeric, config.features.cyclical)
    return encode_features(drawn, kinds), drawn[config.dataset.label].to_numpy(np.int64)


def flipped(truth: np.ndarray, level: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Labels with flips: exactly rate x rows of each class, drawn at random.

    uniform: the rate is `level` for every class, and the new label any other class. class: the rates rise evenly from
    class to class around `level` (from half of it to one and a half times, at most MAX_RATE), and the new label is the
    next class.
    """
    classes = int(truth.max()) + 1
    reach = 0.0 if kind == "uniform" else min(level / 2, MAX_RATE - level)
    given = truth.copy()
    for k, rate in enumerate(np.linspace(level - reach, level + reach, classes)):
        rows = np.flatnonzero(truth == k)
        hit = rng.choice(rows, round(rate * len(rows)), replace=False)
        steps = rng.integers(1, classes, len(hit)) if kind == "uniform" else 1
        given[hit] = (k + steps) % classes
    return given


def find_all(encoded: EncodedFeatures, given: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Method -> rows that it holds for flipped, N booleans."""
    from cleanlab.classification import CleanLearning
    from cleanlab.filter import find_label_issues

    settings = LabelAuditSettings(seed=seed)
    classes = int(given.max()) + 1
    models = settings.models(len(given), classes)
    folds = plan_folds(duplicate_groups(encoded), given, settings.folds, settings.limit(models, classes), seed)
    probabilities = predicted_probabilities(encoded, given, classes, folds, models, seed)
    learning = CleanLearning(seed=seed, verbose=False, find_label_issues_kwargs={"n_jobs": 1})
    issues = learning.find_label_issues(scaled(encoded, np.arange(len(given))), given)
    return {
        "ours": find_label_issues(given, probabilities).doubtful,
        "argmax": probabilities.argmax(axis=1) != given,
        "cleanlab": find_label_issues(given, probabilities, n_jobs=1),  # one process: the result is the same
        "cleanlearning": issues["is_label_issue"].to_numpy(bool),
    }


def scores(wrong: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall, F1 of `found` for `wrong`."""
    both = int((wrong & found).sum())
    precision, recall = both / max(int(found.sum()), 1), both / max(int(wrong.sum()), 1)
    return precision, recall, 2 * both / max(int(wrong.sum() + found.sum()), 1)


def behind(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Levels where ours is behind the best other by more than CLOSE."""
    by_level: dict[tuple[object, ...], dict[object, float]] = defaultdict(dict)
    for row in rows:
        by_level[row["data"], row["noise"], row["level"]][row["method"]] = float(str(row["f1"]))
    short: list[dict[str, object]] = []
    for (data, noise, level), f1 in by_level.items():
        ours = f1.pop("ours")
        best = max(f1, key=lambda method: f1[method])
        if ours < f1[best] - CLOSE:
            short.append(
                {"data": data, "noise": noise, "level": level, "ours": ours, "best": best, "best_f1": f1[best]}
            )
    return short


def table(rows: list[dict[str, object]]) -> str:
    """A line a level: F1 of every method, precision and recall of ours."""
    lines = [
        f"{'data':8} {'noise':8} {'level':>5} {'flipped':>8} "
        + " ".join(f"{method:>14}" for method in METHODS)
        + "   F1; precision / recall of ours"
    ]
    for start in range(0, len(rows), len(METHODS)):
        group = rows[start : start + len(METHODS)]
        ours = group[0]
        lines.append(
            f"{ours['data']:8} {ours['noise']:8} {ours['level']:>5.0%} {ours['flipped']:>8.1%} "
            + " ".join(f"{row['f1']:>14.3f}" for row in group)
            + f"   {ours['precision']:.3f} / {ours['recall']:.3f}"
        )
    return "\n".join(lines)


def _row(key: tuple[str, str, float, str], values: list[tuple[float, float, float, float]]) -> dict[str, object]:
    share, precision, recall, f1 = (statistics.median(column) for column in zip(*values, strict=True))
    data, noise, level, method = key
    all_f1 = [value[3] for value in values]
    return {
        "data": data,
        "noise": noise,
        "level": level,
        "flipped": round(share, 4),
        "method": method,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
        "f1_low": round(min(all_f1), 4),
        "f1_high": round(max(all_f1), 4),
    }


if __name__ == "__main__":
    main()
