"""The whole error analysis of a model, from folders to the JSON of its report."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from components.error_analysis.binning import Categories, Column
from components.error_analysis.causes import Training, causes
from components.error_analysis.importance import permutation_importance
from components.error_analysis.outcomes import LOSS, Outcomes, figures
from components.error_analysis.reading import BATCH, Kept, keep_rows, take_rows
from components.error_analysis.serving import Served, known_outcomes, shuffled
from components.error_analysis.settings import Settings
from components.error_analysis.slices import weak_slices
from components.examples import example_batches


def analyse(
    evaluated: str,
    learned: str,
    model: str,
    audit: Mapping[str, Any],
    kinds: Mapping[str, Any],
    task: str,
    metric: str,
    settings: Settings,
) -> dict[str, Any]:
    """Finds the weakest slices of the eval split, with their causes, and what each feature is worth.

    Args:
      evaluated: Folder of the eval split's examples.
      learned: Folder of the train split's.
      model: Folder of the SavedModel.
      audit: labels.json of the label audit, about the train split.
      kinds: {categorical, numeric, cyclical} -> features.
      task: binary, multiclass or regression.
      metric: Of importance.
      settings: How.

    Returns:
      JSON: `says` in a sentence, `slices` (fields of slices.WeakSlice and causes.Cause, the costliest first),
      `importance` (importance.Importance, the largest first), `metrics` and mean `loss` of all rows, and how many
      slices were `looked` at with what settings.
    """
    served = Served(model)
    categorical, numeric = list(kinds["categorical"]), [*kinds["numeric"], *kinds["cyclical"]]
    batches = example_batches(evaluated, batch_size=BATCH)
    kept = keep_rows(batches, categorical, numeric, settings.rows, settings.seed, served)
    found, known = known_outcomes(task, kept.answers)
    columns = {name: _only(column, known) for name, column in kept.columns.items()}
    search = weak_slices(found, columns, settings)
    why = []
    if search.slices:  # only then is it worth reading the train split
        batches = example_batches(learned, [*categorical, *numeric])
        before = keep_rows(batches, categorical, numeric, settings.rows, settings.seed)
        why = causes(search.slices, search.cuts, columns, _training(before, audit))
    rows = []
    for one, cause in zip(search.slices, why, strict=True):
        fields = asdict(one)
        del fields["parts"]
        rows.append({**fields, **asdict(cause)})
    return {
        "says": search.says(),
        "slices": rows,
        "importance": _importance(served, evaluated, kept.places[known], [*kept.columns], task, metric, settings),
        "rows": search.rows,
        "unlabelled": int((~known).sum()),
        "metrics": figures(found),
        "loss": {"metric": LOSS[task], "value": float(found.loss.mean()) if search.rows else None},
        "looked": search.looked,
        "min_rows": search.least,
        "alpha": settings.alpha,
        "effect": settings.effect,
    }


def _only(column: Column, rows: np.ndarray) -> Column:
    return Categories(column.codes[rows], column.names) if isinstance(column, Categories) else column[rows]


def _training(before: Kept, audit: Mapping[str, Any]) -> Training:
    if not audit.get("judged"):
        return Training(before.columns, None)
    issues = [issue["row"] for issue in audit["issues"]]
    doubtful = np.isin(before.places, issues)
    return Training(before.columns, doubtful, len(issues) / audit["doubtful"] if audit["doubtful"] else 1.0)


def _importance(
    served: Served,
    evaluated: str,
    places: np.ndarray,
    features: list[str],
    task: str,
    metric: str,
    settings: Settings,
) -> list[dict[str, Any]]:
    count = min(len(places), settings.importance_rows)
    if not count:
        return []
    chosen = np.sort(np.random.default_rng(settings.seed).choice(places, count, replace=False))
    table = take_rows(example_batches(evaluated, batch_size=BATCH), chosen)

    target = served(shuffled(table, None, chosen))["target"]

    def predict(feature: str | None, order: np.ndarray) -> Outcomes:
        return known_outcomes(task, served.again(shuffled(table, feature, order), target))[0]

    found = permutation_importance(features, count, predict, metric, settings.importance_repeats, settings.seed)
    return [asdict(one) for one in found]
