"""How each row came out: its loss, and the figures of a task over rows."""

from dataclasses import dataclass

import numpy as np

from components.shared.serving.serving_contract import likeliest
from components.shared.statistics.weighted_metrics import Binary

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1: float32 says no more, and one row's loss stays below 16.2 nats."""

LOSS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error"}
"""What a row's loss is called: nats, or the label's unit squared."""


@dataclass(frozen=True)
class Outcomes:
    """Labels and answers of N rows.

    Attributes:
      task: binary, multiclass or regression.
      target: Class [N] in 0..K-1, or number [N].
      scores: Probabilities [N, K], K = 2 for binary; or predictions [N].
      decided: Class [N] that the model says; None for a regression.
      loss: [N], -log of the given class's probability, or (target - prediction) squared.
    """

    task: str
    target: np.ndarray
    scores: np.ndarray
    decided: np.ndarray | None
    loss: np.ndarray

    @property
    def classes(self) -> int:
        """K; 1 for a regression."""
        return 1 if self.task == "regression" else int(self.scores.shape[1])

    def wrong(self) -> np.ndarray | None:
        """0/1 error [N]; None for a regression."""
        return None if self.decided is None else (self.decided != self.target).astype(float)

    def take(self, rows: np.ndarray) -> "Outcomes":
        """Some rows: an index or a mask [N]."""
        decided = None if self.decided is None else self.decided[rows]
        return Outcomes(self.task, self.target[rows], self.scores[rows], decided, self.loss[rows])


def outcomes(task: str, target: np.ndarray, scores: np.ndarray, decided: np.ndarray | None = None) -> Outcomes:
    """Outcomes of what a model answered.

    Args:
      task: binary, multiclass or regression.
      target: Class or number [N]; none is missing.
      scores: Probability of class 1 [N], probabilities [N, K], or predictions [N].
      decided: Class [N]; the likeliest by default.
    """
    if task == "regression":
        target, scores = np.asarray(target, float), np.asarray(scores, float)
        return Outcomes(task, target, scores, None, (target - scores) ** 2)
    target, scores = np.asarray(target, np.int64), np.asarray(scores, float)
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    scores = np.clip(scores, SMALLEST, 1 - SMALLEST)
    decided = likeliest(scores) if decided is None else np.asarray(decided, np.int64)
    return Outcomes(task, target, scores, decided, -np.log(scores[np.arange(len(target)), target]))


def figures(found: Outcomes) -> dict[str, float | None]:
    """Metrics over rows, by the names that reports use; None where it cannot be told (AUC of one class)."""
    if not len(found.loss):
        return {}
    mean_loss = float(found.loss.mean())
    if found.task == "regression":
        return {"rmse": mean_loss**0.5, "mae": float(np.abs(found.target - found.scores).mean())}
    wrong = found.wrong()
    assert wrong is not None
    told: dict[str, float | None] = {"accuracy": 1 - float(wrong.mean()), "log_loss": mean_loss}
    if found.task == "multiclass":
        return told
    positive = float(found.target.mean())
    score = found.scores[:, 1]
    judge = Binary(found.target, score)
    areas = dict(zip(judge.names, judge(np.ones(len(score))).tolist(), strict=True)) if 0 < positive < 1 else {}
    return {
        "auc": areas.get("auc"),
        "average_precision": areas.get("average_precision"),
        **told,
        "positive": positive,
        "predicted": float(score.mean()),
    }
