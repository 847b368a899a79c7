"""The whole evaluation, from predictions to verdict.json and TFMA's files. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import InputError
from components.evaluator.assessing import Assessment, assess, finite
from components.evaluator.baselines import feature_names, learn_baselines
from components.evaluator.evidence import Comparison
from components.evaluator.slicing import Slice, groups_of, slices_of
from components.evaluator.tfma_result import write_result
from components.evaluator.verdict import OVERALL, Bar, Shortfall, by_chance, judge
from components.examples import column_batches, joined_columns
from components.predictions import CANDIDATE, CHAMPION, Predictions

MOST_NAMED = 5
"""Unknown classes that the warning names; verdict.json counts all."""


def evaluate(
    predictions: Predictions,
    train_labels: np.ndarray,
    splits: Mapping[str, str],
    features: Mapping[str, Any],
    keys: list[list[str]],
    bar: Bar,
    locations: Mapping[str, str],
    version: int | None,
    folder: Path,
) -> dict[str, Any]:
    """Weighs the candidate and writes TFMA's result.

    Args:
      predictions: Of candidate and champion, on split eval.
      train_labels: Of split train, see predictions.py.
      splits: `train` and `eval` -> folder of the examples.
      features: pipeline.toml's [features].
      keys: Columns of each slicing spec.
      bar: What is asked.
      locations: candidate and champion -> folder of its SavedModel; the same models as in `predictions`.
      version: The champion's; None if there is none.
      folder: For TFMA's files.

    Returns:
      verdict.json: `blessed`, the texts `shortfalls` and `warnings`, `metrics`, `slices` and `champion`, `intervals`
      and `slice_intervals` (95 %), `baselines` (prior and linear), `baseline_differences` (Assessment's), `comparisons`
      (evidence.Comparison with `slice` and `metric`), `fairness`, and `unknown_labels`: class that the candidate does
      not know -> eval rows, which are in no figure.

    Raises:
      InputError: No eval row has a label that the candidate knows.
    """
    about, labels = predictions.about, predictions.labels
    unknown = dict(about.unknown_labels)
    if not len(labels):
        why = f" that the model has learned ({_listed(unknown)} instead)" if unknown else ""
        raise InputError(
            f"{splits['eval']}: no row has a label{why} to evaluate on; check the label column of the eval span"
        )
    decide_by = bar.decide_by
    baselines = learn_baselines(splits["train"], train_labels, about.task, features, decide_by, len(about.classes))
    wanted = sorted({column for key in keys for column in key} | set(bar.sensitive))
    kept: list[dict[str, Any]] = []

    def batches() -> Any:
        """Eval columns for the linear model; those of slices and groups are kept."""
        for batch in column_batches(splits["eval"], [*{*wanted, *feature_names(features)}], predictions.places):
            kept.append({name: batch[name] for name in wanted})
            yield batch

    answers = {name: answer.output for name, answer in predictions.answers.items()}
    answers |= baselines.answers(len(labels), read := batches())
    for _ in read:  # where there is no linear model, nobody has read them
        pass
    columns = joined_columns(kept, wanted)
    slices = slices_of(columns, keys)
    groups = {column: groups_of(columns, column) for column in (bar.sensitive if about.task == "binary" else ())}
    cuts = {**about.thresholds, **baselines.thresholds} if about.task == "binary" else {}
    found = assess(about.task, labels, answers, cuts, {one.name: one.rows for one in slices}, groups, bar)
    _write(folder, about.task, keys, slices, found, labels, answers, locations, splits["eval"])
    return _verdict(found, bar, version, unknown)


def _write(
    folder: Path,
    task: str,
    keys: list[list[str]],
    slices: list[Slice],
    found: Assessment,
    labels: np.ndarray,
    answers: Mapping[str, np.ndarray],
    locations: Mapping[str, str],
    data: str,
) -> None:
    outputs = {name: answers[name] for name in locations}
    write_result(folder, task, keys, slices, found.measured, labels, outputs, locations, data)


def _verdict(found: Assessment, bar: Bar, version: int | None, unknown: Mapping[str, int]) -> dict[str, Any]:
    candidate, champion = found.measured[CANDIDATE], found.measured.get(CHAMPION)
    missed = judge(candidate, champion, bar, found.comparisons)
    shortfalls = [*map(str, missed), *found.shortfalls]
    chance = by_chance(candidate, champion, bar, found.comparisons)
    told = [_within_chance(*one) for one in chance]
    if unknown:
        rows = sum(unknown.values())
        told.append(
            f"{rows:,} eval row{'s have' if rows > 1 else ' has'} a class that no train row has, so they are in no "
            f"figure: {_listed(unknown)}"
        )
    shown = {name: {**values, **_differences(values, (champion or {}).get(name))} for name, values in candidate.items()}
    return {
        "blessed": not shortfalls,
        "shortfalls": shortfalls,
        "warnings": [*told, *found.warnings],
        "metrics": _finite(shown[OVERALL]),
        "intervals": found.intervals.get(OVERALL, {}),
        "slices": {name: _finite(values) for name, values in shown.items() if name != OVERALL},
        "slice_intervals": {name: ends for name, ends in found.intervals.items() if name != OVERALL},
        "baselines": {name: _finite(values) for name, values in found.baselines.items()},
        "baseline_differences": found.baseline_differences,
        "champion": None if champion is None else {"version": version, "metrics": _finite(champion[OVERALL])},
        "comparisons": [
            {"slice": part, "metric": metric, **_finite(asdict(compared))}
            for (part, metric), compared in found.comparisons.items()
        ],
        "fairness": found.fairness,
        "unknown_labels": dict(unknown),
    }


def _differences(candidate: Mapping[str, float], champion: Mapping[str, float] | None) -> dict[str, float]:
    """Candidate less champion, as "<metric>_diff", which is what TFMA calls it."""
    if champion is None:
        return {}
    without = ("rows", "threshold")
    return {f"{name}_diff": candidate[name] - champion[name] for name in candidate if name not in without}


def _listed(unknown: Mapping[str, int]) -> str:
    named = ", ".join(f"{name} ({rows:,})" for name, rows in [*unknown.items()][:MOST_NAMED])
    more = len(unknown) - MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _within_chance(shortfall: Shortfall, compared: Comparison) -> str:
    p = "cannot be told" if compared.p_value != compared.p_value else f"{compared.p_value:.2f}"
    return f"{shortfall}: within chance (p = {p}), so it does not count"


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a metric that cannot be told is null."""
    return {name: finite(value) if isinstance(value, float) else value for name, value in values.items()}
