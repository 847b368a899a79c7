"""Losses of rows, and metrics of each task over rows."""

from dataclasses import dataclass

import numpy as np

from components.shared.serving.serving_contract import likeliest
from components.shared.statistics.weighted_metrics import BinaryMetrics

SMALLEST = 1e-7
"""Probabilities are clipped to [SMALLEST, 1 - SMALLEST], about the precision of float32; the loss of a row is then at
most 16.2 nats."""

LOSS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error"}
"""Task -> name of the loss of a row, in nats or in the label's unit squared."""


@dataclass(frozen=True)
class RowLosses:
    """Labels, predictions and losses of N rows.

    Attributes:
      task: "binary", "multiclass" or "regression".
      target: Class in 0..K-1, or number, [N].
      scores: Probabilities [N, K], K = 2 for binary; or predictions [N].
      decided: Predicted class [N]; None for a regression.
      loss: Negative log of the probability of the labelled class, or squared residual, [N].
    """

    task: str
    target: np.ndarray
    scores: np.ndarray
    decided: np.ndarray | None
    loss: np.ndarray

    @property
    def classes(self) -> int:
        """Number of classes K; 1 for a regression."""
        return 1 if self.task == "regression" else int(self.scores.shape[1])

    def wrong(self) -> np.ndarray | None:
        """Returns the 0-1 loss [N]; None for a regression."""
        return None if self.decided is None else (self.decided != self.target).astype(float)

    def take(self, rows: np.ndarray) -> "RowLosses":
        """Selects rows by index or by mask [N]."""
        decided = None if self.decided is None else self.decided[rows]
        return RowLosses(self.task, self.target[rows], self.scores[rows], decided, self.loss[rows])


def row_losses(task: str, target: np.ndarray, scores: np.ndarray, decided: np.ndarray | None = None) -> RowLosses:
    """Computes the losses of predictions.

    Args:
      task: "binary", "multiclass" or "regression".
      target: Class or number, [N], without missing values.
      scores: Probability of class 1 [N], probabilities [N, K], or predictions [N].
      decided: Predicted class [N]; by default the class of highest probability.
    """
    if task == "regression":
        target, scores = np.asarray(target, float), np.asarray(scores, float)
        return RowLosses(task, target, scores, None, (target - scores) ** 2)
    target, scores = np.asarray(target, np.int64), np.asarray(scores, float)
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    scores = np.clip(scores, SMALLEST, 1 - SMALLEST)
    decided = likeliest(scores) if decided is None else np.asarray(decided, np.int64)
    return RowLosses(task, target, scores, decided, -np.log(scores[np.arange(len(target)), target]))


def task_metrics(found: RowLosses) -> dict[str, float | None]:
    """Computes the metrics of a task over rows.

    Returns:
      Name of the metric, as in reports -> value. It is None where the metric is not defined, as the AUC of one class.
    """
    if not len(found.loss):
        return {}
    mean_loss = float(found.loss.mean())
    if found.task == "regression":
        return {"rmse": mean_loss**0.5, "mae": float(np.abs(found.target - found.scores).mean())}
    wrong = found.wrong()
    assert wrong is not None
    common: dict[str, float | None] = {"accuracy": 1 - float(wrong.mean()), "log_loss": mean_loss}
    if found.task == "multiclass":
        return common
    positive = float(found.target.mean())
    score = found.scores[:, 1]
    judge = BinaryMetrics(found.target, score)
    areas = dict(zip(judge.names, judge(np.ones(len(score))).tolist(), strict=True)) if 0 < positive < 1 else {}
    return {
        "auc": areas.get("auc"),
        "average_precision": areas.get("average_precision"),
        **common,
        "positive": positive,
        "predicted": float(score.mean()),
    }
