"""The evaluation, from predictions to verdict.json and TFMA's files; independent of TFX."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.assessment import Assessment, assess, finite
from components.evaluator.baselines import LINEAR, PRIOR, STRONGEST, feature_names, learn_baselines
from components.evaluator.blessing import OVERALL, ValidationThresholds, find_insignificant, find_violations
from components.evaluator.finding_text import listed, to_text
from components.evaluator.findings import ChampionColumns, ChampionIncomparable, Finding, UnknownClasses
from components.evaluator.slicing import groups_of, slices_of
from components.evaluator.tfma_result import write_result
from components.shared.errors import InputError
from components.shared.examples.example_reading import column_batches, joined_columns
from components.shared.progress import report_progress
from components.shared.serving.predictions import CANDIDATE, CHAMPION, About, ModelPredictions


def evaluate(
    predictions: ModelPredictions,
    train_labels: np.ndarray,
    splits: Mapping[str, str],
    features: Mapping[str, Any],
    keys: list[list[str]],
    policy: ValidationThresholds,
    locations: Mapping[str, str],
    version: int | None,
    folder: Path,
) -> dict[str, Any]:
    """Evaluates the candidate and writes TFMA's result.

    Args:
      predictions: Predictions of candidate and champion for the eval split.
      train_labels: Labels of the train split, see predictions.py.
      splits: `train` and `eval` -> folder of the examples.
      features: Section [features] of pipeline.toml.
      keys: Columns of each slicing spec.
      policy: The evaluation policy.
      locations: candidate and champion -> folder of its SavedModel; the same models as in `predictions`.
      version: Version of the champion; None if there is none.
      folder: Folder for TFMA's files.

    Returns:
      The content of verdict.json; docs/verdict.md describes every field. Here are the types:
        `violations`, `notices`: findings.Finding as JSON; `violation_texts` and `warnings` hold the same as text, and
        `shortfalls` is the former name of `violation_texts`.
        `decisions`, `baseline_differences`, `champion_differences`: fields of assessment.Assessment.
        `comparisons`: paired_comparison.MetricComparison, with `slice` and `metric`.
        `strongest_column`: baseline_comparison.StrongestColumnResult, or null.
        `unknown_labels`: class that the candidate does not know -> eval rows. These rows are left out of all metrics
          except `accuracy_with_unseen`, where they count as wrong. It is null if there are none.

    Raises:
      InputError: No eval row has a label that the candidate knows.
    """
    about, labels = predictions.about, predictions.labels
    unknown = dict(about.unknown_labels)
    if not len(labels):
        why = f" that the model has learned ({listed(unknown)} instead)" if unknown else ""
        raise InputError(
            f"{splits['eval']}: no row has a label{why} to evaluate on; check the label column of the eval span"
        )
    task, split = about.task, splits["eval"]
    locations = {name: place for name, place in locations.items() if name in predictions.outputs}
    version = version if CHAMPION in locations else None
    baselines = learn_baselines(
        splits["train"], train_labels, task, features, policy.threshold_metric, classes=len(about.classes)
    )
    wanted = sorted({column for key in keys for column in key} | set(policy.sensitive))
    kept, lines, alone, scored = [], [], [], 0
    strongest = baselines.strongest
    for batch in column_batches(split, [*{*wanted, *feature_names(features)}], predictions.places):
        kept.append({name: batch[name] for name in wanted})
        lines.append(baselines.linear(batch))
        scored += len(next(iter(batch.values())))
        report_progress(f"{scored:,} of {len(labels):,} rows", scored, len(labels))
        if strongest is not None:
            alone.append(strongest(batch[strongest.column]))
    report_progress("metrics and their intervals")
    columns = joined_columns(kept, wanted)
    outputs = {name: one.output for name, one in predictions.outputs.items()}
    outputs[PRIOR] = baselines.constant(len(labels))
    if known := [one for one in lines if one is not None]:
        outputs[LINEAR] = np.concatenate(known)
    if alone:
        outputs[STRONGEST] = np.concatenate(alone)
    slices = slices_of(columns, keys)
    groups = {column: groups_of(columns, column) for column in (policy.sensitive if task == "binary" else ())}
    thresholds = {**about.thresholds, **baselines.thresholds}
    column = strongest.column if strongest is not None else ""
    found = assess(task, labels, outputs, thresholds, {one.name: one.rows for one in slices}, groups, policy, column)
    compared = {name: outputs[name] for name in locations}
    write_result(folder, task, keys, slices, found.measured, labels, compared, locations, split)
    report_progress("")
    return _verdict(found, policy, version, unknown, former_champion(about))


def _verdict(
    found: Assessment,
    policy: ValidationThresholds,
    version: int | None,
    unknown: Mapping[str, int],
    former: Sequence[Finding] = (),
) -> dict[str, Any]:
    candidate, champion = found.measured[CANDIDATE], found.measured.get(CHAMPION)
    violations: list[Finding] = [*find_violations(candidate, champion, policy, found.comparisons), *found.violations]
    notices: list[Finding] = [*find_insignificant(candidate, champion, policy, found.comparisons), *former]
    with_unseen = None
    if unknown:
        rows = sum(unknown.values())
        with_unseen = candidate[OVERALL]["accuracy"] * candidate[OVERALL]["rows"] / (candidate[OVERALL]["rows"] + rows)
        notices.append(UnknownClasses(dict(unknown), with_unseen))
    notices += found.notices
    shown = {name: {**values, **_differences(values, (champion or {}).get(name))} for name, values in candidate.items()}
    texts = [to_text(one) for one in violations]
    return {
        "blessed": not violations,
        "violations": [one.to_json() for one in violations],
        "notices": [one.to_json() for one in notices],
        "violation_texts": texts,
        "shortfalls": texts,
        "warnings": [to_text(one) for one in notices],
        "metrics": _finite(shown[OVERALL]),
        "intervals": found.intervals.get(OVERALL, {}),
        "slices": {name: _finite(values) for name, values in shown.items() if name != OVERALL},
        "slice_intervals": {name: ends for name, ends in found.intervals.items() if name != OVERALL},
        "decisions": found.decisions,
        "baselines": {name: _finite(values) for name, values in found.baselines.items()},
        "baseline_differences": found.baseline_differences,
        "strongest_column": None if found.strongest is None else _finite(asdict(found.strongest)),
        "champion_differences": found.champion_differences,
        "champion": None if champion is None else {"version": version, "metrics": _finite(champion[OVERALL])},
        "comparisons": [
            {"slice": part, "metric": metric, **_finite(asdict(compared))}
            for (part, metric), compared in found.comparisons.items()
        ],
        "fairness": found.fairness,
        "unknown_labels": dict(unknown),
        "accuracy_with_unseen": with_unseen,
    }


def former_champion(about: About) -> list[Finding]:
    """Returns findings about columns that have changed since the champion was trained."""
    if about.incomparable:
        return [ChampionIncomparable(about.incomparable)]
    given = (("missing", about.lacking), ("converted", about.converted))
    return [ChampionColumns(problem, tuple(columns)) for problem, columns in given if columns]


def _differences(candidate: Mapping[str, float], champion: Mapping[str, float] | None) -> dict[str, float]:
    """Candidate minus champion, with TFMA's name "<metric>_diff"."""
    if champion is None:
        return {}
    without = ("rows", "threshold")
    return {f"{name}_diff": candidate[name] - champion[name] for name in candidate if name not in without}


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics with None for undefined ones, because JSON has no NaN."""
    return {name: finite(value) if isinstance(value, float) else value for name, value in values.items()}
