"""Error analysis of a model: from its predictions to the content of `errors.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from components.error_analysis.binning import Column
from components.error_analysis.diagnosis import TrainingRows, diagnose_slices
from components.error_analysis.importance import affordable, correlation_ratios, permutation_importance
from components.error_analysis.permuted_predictions import PermutedPredictions
from components.error_analysis.row_losses import LOSS, RowLosses, row_losses, task_metrics
from components.error_analysis.row_sample import MAX_CELLS, read_feature_columns, sample_rows
from components.error_analysis.settings import ErrorAnalysisSettings
from components.error_analysis.slice_search import SliceSearchResult, weak_slices
from components.shared.audited_rows import audited_rows
from components.shared.examples.example_reading import whole_columns
from components.shared.features.derived_features import sources
from components.shared.images.statistic_names import statistics_columns
from components.shared.serving.predictions import CANDIDATE, ModelPredictions
from components.shared.serving.serving_contract import load_model

MAX_IMAGES = 12_000
"""Maximum number of images that are decoded for permutation importance, about 1 ms of CPU each."""
MAX_PRODUCTS = 400_000_000
"""Maximum of rows x columns x classes, to which the cost of the search is proportional; more rows are sampled."""


def analyse_errors(
    predictions: ModelPredictions,
    evaluated: str,
    learned: str,
    learned_rows: int,
    model: Path,
    audit: Mapping[str, Any],
    kinds: Mapping[str, Any],
    metric: str,
    settings: ErrorAnalysisSettings,
) -> dict[str, Any]:
    """Finds the weak slices of the split `eval` with likely causes, and measures the importance of features.

    Args:
      predictions: Predictions of the candidate on the split `eval`.
      evaluated: Folder of the examples of `eval`.
      learned: Folder of the examples of `train`.
      learned_rows: Number of rows of `train`.
      model: Folder of the SavedModel; it is loaded to measure importance.
      audit: Content of the label audit's labels.json, which describes `train`.
      kinds: {categorical, numeric, cyclical, text, image} -> features.
      metric: Metric of permutation importance.
      settings: Error-analysis settings.

    Returns:
      JSON with `says` (the result in a sentence), `slices` (fields of WeakSlice and SliceDiagnosis, largest weight
      first), `importance` (fields of FeatureImportance, largest first) measured on `importance_rows` rows,
      `importance_left_out` (number of features that were not measured), `metrics` and mean `loss` of all rows, `looked`
      (number of slices tested) and the settings.
    """
    task = predictions.about.task
    categorical, numeric = list(kinds["categorical"]), [*kinds["numeric"], *kinds["cyclical"]]
    texts = list(kinds.get("text", ()))
    images = list(kinds.get("image", ()))
    measured = set(statistics_columns(images))  # for slices; the model computes what it needs from the image
    features = [*categorical, *(name for name in numeric if name not in measured), *texts, *images]
    most = min(settings.max_rows, MAX_CELLS // max(1, len(features)))
    classes = max(1, len(predictions.about.classes))
    chosen = sample_rows(
        len(predictions.labels), min(most, MAX_PRODUCTS // max(1, len(features) * classes)), settings.seed
    )
    candidate = predictions.outputs[CANDIDATE]
    decided = None if candidate.decided is None else candidate.decided[chosen]
    found = row_losses(task, predictions.labels[chosen], candidate.output[chosen], decided)
    places = predictions.places[chosen]
    columns = read_feature_columns(evaluated, categorical, numeric, places, texts)
    search = weak_slices(found, columns, settings)
    diagnoses = []
    if search.slices:  # the split train is not needed otherwise
        before = sample_rows(learned_rows, most, settings.seed)
        diagnoses = diagnose_slices(
            search.slices,
            search.cuts,
            columns,
            _training(read_feature_columns(learned, categorical, numeric, before, texts), before, audit, learned_rows),
        )
    rows = []
    for one, cause in zip(search.slices, diagnoses, strict=True):
        fields = asdict(one)
        del fields["parts"]
        rows.append({**fields, **asdict(cause)})
    return {
        "says": search.says(),
        "slices": rows,
        **_importance(model, evaluated, places, found, columns, search, features, len(images), metric, settings),
        "rows": search.rows,
        "unlabelled": predictions.about.rows - len(predictions.labels),
        "metrics": task_metrics(found),
        "loss": {"metric": LOSS[task], "value": float(found.loss.mean()) if search.rows else None},
        "looked": search.looked,
        "min_rows": search.least,
        "alpha": settings.alpha,
        "effect": settings.effect_size,
    }


def _training(columns: Mapping[str, Column], places: np.ndarray, audit: Mapping[str, Any], total: int) -> TrainingRows:
    if not audited_rows(audit):
        return TrainingRows(columns, None, total=total)
    issues = [issue["row"] for issue in audit["issues"]]
    doubtful = np.isin(places, issues)
    return TrainingRows(columns, doubtful, len(issues) / audit["doubtful"] if audit["doubtful"] else 1.0, total)


def _importance(
    model: Path,
    evaluated: str,
    places: np.ndarray,
    found: RowLosses,
    columns: Mapping[str, Column],
    search: SliceSearchResult,
    features: Sequence[str],
    images: int,
    metric: str,
    settings: ErrorAnalysisSettings,
) -> dict[str, Any]:
    rows_wanted = min(len(places), settings.importance_rows)
    if images:  # every permutation decodes and encodes the images of its rows again
        rows_wanted = min(rows_wanted, MAX_IMAGES // (images * len(features) * settings.importance_repeats))
    most, count = affordable(len(features), rows_wanted, settings.importance_repeats)
    if not count or not features:
        return {"importance": [], "importance_rows": 0, "importance_left_out": len(features)}
    measured = list(features)
    if most < len(features):
        codes = {
            cut.feature.removesuffix(": characters"): cut.codes_of(columns[cut.feature])[0]
            for cut in search.cuts
            if cut.unlooked is not None
        }
        ratios = correlation_ratios(codes, found.scores)
        measured = sorted(features, key=lambda name: -ratios.get(name, 0.0))[:most]
    chosen = np.sort(np.random.default_rng(settings.seed).choice(len(places), count, replace=False))
    cells = whole_columns(evaluated, features, places[chosen])
    # Derived columns are permuted by way of their source columns, because the model takes the columns of the data.
    measured = sources(measured, cells.__contains__)
    permuted = PermutedPredictions(load_model(model), cells, found.task, found.target[chosen])

    rows = permutation_importance(measured, count, permuted, metric, settings.importance_repeats, settings.seed)
    return {
        "importance": [asdict(one) for one in rows],
        "importance_rows": count,
        "importance_left_out": len(cells) - len(measured),
    }
