"""Other ways to learn from one table's train rows. Run by the Python of tables_requirements.txt's environment.

    <that Python> benchmarks/run_tables_rivals.py MODEL FOLDER [--budget S]

MODEL is one of

    boosting   scikit-learn's HistGradientBoosting with defaults, text columns as native categories
    lightgbm   LightGBM with defaults, text columns as native categories
    linear     logistic regression or ridge on one-hot text, and on standardised numbers, the median where missing
    flaml      FLAML's AutoML within `--budget` seconds

FOLDER holds train.parquet and test.parquet (row_id, features, label) and table.json ({"task", "label"}). Writes
FOLDER/MODEL.npy: answers to the test rows, [N] (probability of 1, or the number) or [N, K] for the classes that the
train rows have, in sorted order. Prints one JSON object: `seconds` and `cpu_seconds` of fitting, what comes before it
(categories to codes, one-hot) included, imports and reading not.

A script by itself: the environment that runs it has nothing of Plumbline.
"""

import argparse
import importlib
import json
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MAX_CATEGORIES = 254
"""HistGradientBoosting takes 255 at most; rarer ones are missing values to it."""

Fitted = Callable[[pd.DataFrame], np.ndarray]


def main() -> None:
    """Fits, answers, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=list(MODELS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", type=float, default=60.0)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    table = json.loads((options.folder / "table.json").read_text())
    train, test = (pd.read_parquet(options.folder / f"{part}.parquet") for part in ("train", "test"))
    labels = train[table["label"]].to_numpy()
    left_out = ["row_id", table["label"]]
    train, test = train.drop(columns=left_out), test.drop(columns=left_out)
    # LightGBM refuses names with some characters.
    train.columns = test.columns = [f"x{number}" for number in range(train.shape[1])]
    if table["task"] != "regression":
        labels = np.unique(labels, return_inverse=True)[1]
    for module in MODULES[options.model]:
        importlib.import_module(module)
    began, used = time.perf_counter(), _cpu_seconds()
    answer = MODELS[options.model](train, labels, table["task"], options.budget)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - used
    found = np.asarray(answer(test), np.float64)
    if table["task"] == "binary":
        found = found[:, 1]
    np.save(options.folder / f"{options.model}.npy", found)
    print(json.dumps({"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}))


def _cpu_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def _boosting(rows: pd.DataFrame, labels: np.ndarray, task: str, budget: float) -> Fitted:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    coded = _categories(rows, MAX_CATEGORIES)
    made = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = made(categorical_features="from_dtype", random_state=0).fit(coded(rows), labels)
    return lambda test: _answer(model, coded(test), task)


def _lightgbm(rows: pd.DataFrame, labels: np.ndarray, task: str, budget: float) -> Fitted:
    import lightgbm

    coded = _categories(rows, None)
    made = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    model = made(random_state=0, verbose=-1).fit(coded(rows), labels)
    return lambda test: _answer(model, coded(test), task)


def _linear(rows: pd.DataFrame, labels: np.ndarray, task: str, budget: float) -> Fitted:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = _text_columns(rows)
    numbers = [name for name in rows if name not in text]
    steps = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="ignore"), text),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ]
    )
    model = make_pipeline(steps, Ridge() if task == "regression" else LogisticRegression(max_iter=1000))
    model.fit(_plain(rows, text), labels)
    return lambda test: _answer(model, _plain(test, text), task)


def _flaml(rows: pd.DataFrame, labels: np.ndarray, task: str, budget: float) -> Fitted:
    from flaml import AutoML

    coded = _categories(rows, None)
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    model = AutoML()
    kind = "regression" if task == "regression" else "classification"
    model.fit(coded(rows), labels, task=kind, metric=metric, time_budget=budget, seed=0, verbose=0)
    return lambda test: _answer(model, coded(test), task)


def _answer(model: Any, rows: pd.DataFrame, task: str) -> np.ndarray:
    found: np.ndarray = model.predict(rows) if task == "regression" else model.predict_proba(rows)
    return found


def _text_columns(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]


def _categories(rows: pd.DataFrame, most: int | None) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Text as pandas categories: the `most` frequent of the train rows, another value is missing; numbers as float."""
    known = {name: rows[name].value_counts().index[:most] for name in _text_columns(rows)}

    def coded(table: pd.DataFrame) -> pd.DataFrame:
        columns = {
            name: pd.Categorical(table[name], categories=known[name]) if name in known else table[name].astype(float)
            for name in table
        }
        return pd.DataFrame(columns, index=table.index)

    return coded


def _plain(rows: pd.DataFrame, text: list[str]) -> pd.DataFrame:
    """Text without missing values, numbers as float: what the encoders take."""
    return pd.DataFrame(
        {name: rows[name].fillna("").astype(str) if name in text else rows[name].astype(float) for name in rows}
    )


MODELS: dict[str, Callable[[pd.DataFrame, np.ndarray, str, float], Fitted]] = {
    "boosting": _boosting,
    "lightgbm": _lightgbm,
    "linear": _linear,
    "flaml": _flaml,
}
MODULES = {
    "boosting": ["sklearn.ensemble"],
    "lightgbm": ["lightgbm", "sklearn.preprocessing"],
    "linear": [
        "sklearn.compose",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.pipeline",
        "sklearn.preprocessing",
    ],
    "flaml": ["flaml"],
}
"""What is imported before the clock starts."""

if __name__ == "__main__":
    main()
