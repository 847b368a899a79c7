"""One pass of candidate and champion over the eval rows, and the labels of the train rows. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from components.predictor.schema_adaptation import Adapted, NotComparable
from components.shared.examples.example_reading import columns_of
from components.shared.serving.predictions import CANDIDATE, CHAMPION, About, table_of
from components.shared.serving.serving_contract import Answers, SavedModel, matched


def predict(
    batches: Iterable[np.ndarray], models: Mapping[str, SavedModel], task: str, label: str
) -> tuple[list[pa.Table], About]:
    """Asks models about a split; memory holds answers, not examples.

    Args:
      batches: Serialized examples of the split, bytes [N] each, in its order.
      models: candidate, and champion where there is one. Labels, and the classes by name, are the candidate's.
      task: binary, multiclass or regression.
      label: Column of the label, to name the classes that the candidate does not know.

    Returns:
      Tables of predictions.table_of, one for each batch (an empty one where there is no row), and what is known beside.
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
            asked = records if known.all() else records[known]
            answers = {CANDIDATE: candidate.answers(asked)}
            if former is not None:
                lacking = lacking if tables else former.lacking(asked)
                try:
                    answers[CHAMPION] = former.answers(asked)
                except NotComparable as exc:
                    if tables:  # it could read the rows before
                        raise
                    former, incomparable = None, str(exc)
                    del models[CHAMPION]
            places = rows + np.flatnonzero(known)
            tables.append(table_of(places, labels[known], _in_the_same_classes(answers, models)))
        rows += len(records)
    if not tables:
        nothing = Answers(np.empty(0, np.float32), None if task == "regression" else np.empty(0, np.int64))
        tables.append(table_of(np.empty(0, np.int64), np.empty(0), dict.fromkeys(models, nothing)))
    thresholds = {name: model.threshold for name, model in models.items()} if task == "binary" else {}
    # A number that is not finite is no class that the model does not know.
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
    """Labels of serialized examples as the candidate learned them, float64 [M]; NaN where there is none."""
    return np.concatenate([np.empty(0), *(candidate.labels(records) for records in batches)])


def _in_the_same_classes(answers: Mapping[str, Answers], models: Mapping[str, SavedModel]) -> dict[str, Answers]:
    """Answers by the candidate's codes of classes."""
    wanted = models[CANDIDATE].classes
    found = {}
    for name, answer in answers.items():
        known = models[name].classes
        if answer.decided is None or answer.output.ndim == 1 or known == wanted:
            found[name] = answer
            continue
        place = {one: at for at, one in enumerate(wanted)}
        codes = np.array([place.get(one, -1) for one in known], np.int64)
        found[name] = Answers(matched(answer.output, known, wanted), codes[answer.decided])
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
