"""The network as a candidate: tried on a sample first, and trained on all rows only if it improves the blend there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.candidates import FoldRows, TaskSpec
from components.trainer.class_balancing import BalancedRows
from components.trainer.ensemble import Member, NetworkMember, network_answer
from components.trainer.ensemble_loss import LossGain, gain, losses
from components.trainer.network_layers import multiplications
from components.trainer.time_budget import network_seconds
from components.trainer.training_columns import TrainingColumns

PROMISING = 1.0
"""Standard errors by which the network has to improve the blend on the sample before it is trained on all rows."""


class NetworkCandidate:
    """The network of network_layers.py. It is validated on the last fold only, because its training is expensive."""

    name = "network"

    def __init__(self, task: TaskSpec, settings: Mapping[str, Any], logs: str = "") -> None:
        self._task, self._settings, self._logs = task, settings, logs
        self._found: Any = None

    def seconds(self, rows: int, columns: TrainingColumns) -> float:
        """Returns the nominal seconds of one training.

        Args:
          rows: Number of training rows.
          columns: Any rows with the columns of the task; only their widths are read.
        """
        size = multiplications(self._task.shape(columns), self._settings)
        return network_seconds(rows, self._settings["epochs"], size)

    def trial(self, fold: FoldRows, rows: int, other: np.ndarray, blocks: np.ndarray | None) -> LossGain:
        """Estimates the gain of an equal-weight blend with a network that is trained on the newest rows only.

        Args:
          fold: Training and validation rows.
          rows: Maximum number of training rows.
          other: Predictions of the current model for the validation rows, [V, outputs]. It was trained on all rows, so
            a network that improves it when trained on a sample will improve it more when trained on all.
          blocks: See ensemble_loss.gain.

        Returns:
          Mean decrease of the loss by the blend, with its standard error.
        """
        few = replace(fold, learned=newest(fold.learned, rows))
        answer = self._shifted(self._answer(few, f"{self._logs}/trial" if self._logs else ""), few.learned)
        labels, kind = fold.validation.labels, self._task.kind
        return gain(losses((answer + other) / 2, labels, kind), losses(other, labels, kind), blocks)

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """Fits on the last fold and returns its predictions only, in a list of one."""
        return [self._answer(folds[-1], f"{self._logs}/first" if self._logs else "")]

    def _answer(self, fold: FoldRows, logs: str) -> np.ndarray:
        from components.trainer.network import PREDICTED_ROWS, fit_network

        task, validation = self._task, self._read(fold.validation)
        rows = self._read(fold.learned.rows)
        self._found = fit_network(
            rows,
            validation,
            task.shape(rows),
            task.kind,
            self._settings,
            fold.learned.weights,
            logs,
            fold.learned.shift,
        )
        outputs = self._found.model.predict(validation.features, batch_size=PREDICTED_ROWS, verbose=0)
        return network_answer(tf.constant(outputs), task.kind).numpy()

    def _read(self, rows: TrainingColumns) -> TrainingColumns:
        """Keeps only the matrices that the network reads."""
        shape = self._task.shape(rows)
        return TrainingColumns({name: rows.features[name] for name in (*shape.widths, *shape.images)}, rows.labels)

    @staticmethod
    def _shifted(answer: np.ndarray, learned: BalancedRows) -> np.ndarray:
        return answer if learned.shift is None else answer + learned.shift

    def fit(self, learned: BalancedRows | None) -> Member:
        """See Candidate."""
        assert self._found is not None
        if learned is None:
            return NetworkMember(self._found.model, self._task.kind)
        from components.trainer.network import fit_network

        rows, weights = self._read(learned.rows), learned.weights
        settings = {**self._settings, "epochs": self._found.best_epoch}
        logs = f"{self._logs}/all_rows" if self._logs else ""
        again = fit_network(rows, None, self._task.shape(rows), self._task.kind, settings, weights, logs)
        return NetworkMember(again.model, self._task.kind)

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        if self._found is None:
            return {}
        names = ("epochs", "best_epoch", "examples_per_second", "bound_by")
        return {name: getattr(self._found, name) for name in names}


def newest(learned: BalancedRows, rows: int) -> BalancedRows:
    """Returns the last `rows` training rows."""
    if len(learned.rows) <= rows:
        return learned
    part = slice(len(learned.rows) - rows, None)
    weights = None if learned.weights is None else learned.weights[part]
    return replace(learned, rows=learned.rows.rows(part), weights=weights)
