"""The staleness of a model in one window: its loss minus that of the model refreshed on newer labelled rows.

The refreshed model is the served one plus a constant and boosted trees (LightGBM) that begin at its predictions
(`init_score`), fitted to the labelled rows that it served before the window. The newest quarter of these rows chooses
the number of rounds; if no round lowers their loss, the model is not stale. It is a lower bound of what a retraining
gains, since a retraining has more rows, and it needs neither a training nor a canary.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.retraining.settings import Loss

MIN_ROWS = 200
"""Labelled rows before the window, and in it, below which nothing is measured."""
_ROUNDS = 150
_PARAMETERS = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 10.0,
    "feature_fraction": 0.8,
    "seed": 19,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
_SMALLEST = 1e-6
_RESOLUTION = 0.1
"""Smallest standard error of the staleness, in units of that of the loss: a model that no round improves is not
measured without error."""


@dataclass(frozen=True)
class LabelledRows:
    """N rows in the order of time.

    Attributes:
      features: Columns; texts and booleans are categories.
      scores: Predictions of the served model, float64 (N,), or probabilities of K classes (N, K).
      targets: 0 or 1, the index of the class, or the number; float64 (N,).
    """

    features: pa.Table
    scores: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, which: slice) -> "LabelledRows":
        """Some of the rows."""
        start, stop, _ = which.indices(len(self))
        return LabelledRows(self.features.slice(start, stop - start), self.scores[which], self.targets[which])


def losses(scores: np.ndarray, targets: np.ndarray, loss: Loss, threshold: float = 0.5) -> np.ndarray:
    """Loss of each row.

    Args:
      scores: As those of `LabelledRows`.
      targets: As those of `LabelledRows`.
      loss: The loss; "log_loss" in nats.
      threshold: Probability of the positive class from which it is predicted.

    Returns:
      float64 (N,).
    """
    if loss == "squared_error":
        return np.asarray((scores - targets) ** 2)
    if loss == "absolute_error":
        return np.abs(scores - targets)
    if scores.ndim == 1:
        if loss == "error_rate":
            return ((scores >= threshold) != (targets > 0.5)).astype(np.float64)
        likely = np.where(targets > 0.5, scores, 1 - scores)
    else:
        if loss == "error_rate":
            return (scores.argmax(axis=1) != targets).astype(np.float64)
        likely = scores[np.arange(len(targets)), targets.astype(np.int64)]
    return -np.log(np.clip(likely, _SMALLEST, 1.0))


def staleness(
    before: LabelledRows, window: LabelledRows, loss: Loss, threshold: float = 0.5
) -> tuple[float, float] | None:
    """Mean loss of the served model in a window minus that of the refreshed one.

    Args:
      before: Labelled rows between the end of the model's training data and the window.
      window: Labelled rows of the window.
      loss: The loss.
      threshold: Decision threshold of a binary model.

    Returns:
      The difference and its standard error; None with fewer than MIN_ROWS rows on either side.
    """
    if min(len(before), len(window)) < MIN_ROWS:
        return None
    own = losses(window.scores, window.targets, loss, threshold)
    refreshed = _refreshed(before, window, loss)
    difference = own - losses(refreshed, window.targets, loss, threshold)
    error = max(float(difference.std()), _RESOLUTION * float(own.std()), 1e-9) / np.sqrt(len(window))
    return float(difference.mean()), float(error)


def _refreshed(before: LabelledRows, window: LabelledRows, loss: Loss) -> np.ndarray:
    """Predictions of the refreshed model for the window."""
    import lightgbm

    classes = before.scores.shape[1] if before.scores.ndim == 2 else 0
    objective = {"squared_error": "regression", "absolute_error": "regression_l1"}.get(
        loss, "multiclass" if classes else "binary"
    )
    parameters = {**_PARAMETERS, "objective": objective, **({"num_class": classes} if classes else {})}
    tables = _encoded(before.features, window.features)
    categorical = [at for at, name in enumerate(before.features.column_names) if _is_category(before.features[name])]
    raw = _raw(before.scores, objective)
    cut = len(before) * 3 // 4
    start = raw + _shift(raw[:cut], before.targets[:cut], objective)

    def dataset(which: slice) -> "lightgbm.Dataset":
        init = start[which]
        return lightgbm.Dataset(
            tables[0][which],
            before.targets[which],
            init_score=init.ravel(order="F") if classes else init,
            categorical_feature=categorical,
            free_raw_data=False,
        )

    fitting, choosing = dataset(slice(0, cut)), dataset(slice(cut, None))
    booster = lightgbm.train(parameters, fitting, _ROUNDS, valid_sets=[choosing], callbacks=[_stopping()])
    newest = slice(cut, None)
    best = start[newest] + booster.predict(tables[0][newest], num_iteration=booster.best_iteration, raw_score=True)
    kind: Loss = loss if loss in ("squared_error", "absolute_error") else "log_loss"
    was = losses(before.scores[newest], before.targets[newest], kind).mean()
    if not losses(_predicted(best, objective), before.targets[newest], kind).mean() < was:
        return window.scores
    shift = _shift(raw, before.targets, objective)
    start = raw + shift
    whole = lightgbm.train(parameters, dataset(slice(0, None)), max(1, booster.best_iteration))
    return _predicted(_raw(window.scores, objective) + shift + whole.predict(tables[1], raw_score=True), objective)


def _shift(raw: np.ndarray, targets: np.ndarray, objective: str) -> np.ndarray:
    """The constant that corrects a regression in the large; trees do not, since no split gains from a constant.

    Returns:
      (), or zeros (K,) for classes: their shares move from window to window more than a retraining follows.
    """
    if objective == "regression_l1":
        return np.asarray(np.median(targets - raw))
    if objective == "regression":
        return np.asarray((targets - raw).mean())
    return np.zeros(raw.shape[1:])


def _stopping() -> object:
    import lightgbm

    return lightgbm.early_stopping(15, verbose=False)


def _raw(scores: np.ndarray, objective: str) -> np.ndarray:
    if objective.startswith("regression"):
        return scores
    clipped = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped) if objective == "multiclass" else np.log(clipped / (1 - clipped))


def _predicted(raw: np.ndarray, objective: str) -> np.ndarray:
    if objective.startswith("regression"):
        return raw
    if objective == "binary":
        return 1 / (1 + np.exp(-raw))
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _is_category(column: pa.ChunkedArray) -> bool:
    return not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or _is_moment(column.type))


def _is_moment(type_: pa.DataType) -> bool:
    return pa.types.is_date(type_) or pa.types.is_timestamp(type_)


def _encoded(first: pa.Table, second: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Both tables as float64 (N, d); categories are numbered alike, missing values are NaN."""
    both = pa.concat_tables([first, second])
    columns = []
    for name in first.column_names:
        column = both[name]
        if _is_category(column):
            if pa.types.is_list(column.type):
                column = pa.chunked_array([pa.array([None if one is None else str(one) for one in column.to_pylist()])])
            codes = column.combine_chunks().dictionary_encode().indices
            columns.append(codes.cast(pa.float64()).to_numpy(zero_copy_only=False))
            continue
        if _is_moment(column.type):
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        columns.append(column.cast(pa.float64(), safe=False).to_numpy())
    matrix = np.column_stack(columns) if columns else np.zeros((len(both), 1))
    return matrix[: len(first)], matrix[len(first) :]
