"""Predicts the eval split with candidate and champion in one pass, and reads the labels of the train split."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from components.predictor.schema_adaptation import Adapted, NotComparable
from components.shared.examples.example_reading import columns_of
from components.shared.serving.predictions import CANDIDATE, CHAMPION, About, table_of
from components.shared.serving.serving_contract import ModelOutput, SavedModel, matched


def predict(
    batches: Iterable[np.ndarray], models: Mapping[str, SavedModel], task: str, label: str
) -> tuple[list[pa.Table], About]:
    """Predicts a split with several models; memory holds predictions, not examples.

    Args:
      batches: Serialized examples of the split, bytes [N] each, in its order.
      models: The candidate, and the champion if there is one. Labels and class codes are those of the candidate.
      task: binary, multiclass or regression.
      label: Name of the label column, from which the classes that the candidate does not know are named.

    Returns:
      Tables as of predictions.table_of, one per batch (an empty one if there is no row), and the metadata of the split.
    """
    candidate, models, incomparable = models[CANDIDATE], dict(models), ""
    former = Adapted(models[CHAMPION]) if CHAMPION in models else None
    lacking: list[str] = []
    tables: list[pa.Table] = []
    rows, unlabelled = 0, 0
    unknown: Counter[str] = Counter()
    digest = hashlib.sha256()
    for records in batches:
        digest.update(b"".join(records.tolist()))
        labels = candidate.labels(records)
        known = np.isfinite(labels)
        if not known.all():
            without = columns_of(records[~known], [label])[label]
            unlabelled += without.null_count
            unknown.update(_text(value) for value in without.drop_null().to_pylist())
        if known.any():
            labelled = records if known.all() else records[known]
            outputs = {CANDIDATE: candidate.predict(labelled)}
            if former is not None:
                lacking = lacking if tables else former.lacking(labelled)
                try:
                    outputs[CHAMPION] = former.predict(labelled)
                except NotComparable as exc:
                    if tables:  # the champion could predict earlier rows, so the schema is not the cause
                        raise
                    former, incomparable = None, str(exc)
                    del models[CHAMPION]
            places = rows + np.flatnonzero(known)
            tables.append(table_of(places, labels[known], _with_candidate_codes(outputs, models)))
        rows += len(records)
    if not tables:
        nothing = ModelOutput(np.empty(0, np.float32), None if task == "regression" else np.empty(0, np.int64))
        tables.append(table_of(np.empty(0, np.int64), np.empty(0), dict.fromkeys(models, nothing)))
    thresholds = {name: model.threshold for name, model in models.items()} if task == "binary" else {}
    # Only in a multiclass task can a label that is not finite be an unknown class.
    if task != "multiclass":
        unlabelled, unknown = unlabelled + unknown.total(), Counter()
    about = About(
        task,
        rows,
        unlabelled,
        dict(unknown.most_common()),
        candidate.classes,
        thresholds,
        digest.hexdigest(),
        incomparable,
        tuple(lacking),
        tuple(former.converted) if former else (),
    )
    return tables, about


def train_labels(batches: Iterable[np.ndarray], candidate: SavedModel) -> np.ndarray:
    """Returns the labels of serialized examples, encoded for training, float64 [M]; NaN where missing."""
    return np.concatenate([np.empty(0), *(candidate.labels(records) for records in batches)])


def _with_candidate_codes(
    outputs: Mapping[str, ModelOutput], models: Mapping[str, SavedModel]
) -> dict[str, ModelOutput]:
    """Predictions with the class codes of the candidate."""
    wanted = models[CANDIDATE].classes
    found = {}
    for name, prediction in outputs.items():
        known = models[name].classes
        if prediction.decided is None or prediction.output.ndim == 1 or known == wanted:
            found[name] = prediction
            continue
        place = {one: at for at, one in enumerate(wanted)}
        codes = np.array([place.get(one, -1) for one in known], np.int64)
        found[name] = ModelOutput(matched(prediction.output, known, wanted), codes[prediction.decided])
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
