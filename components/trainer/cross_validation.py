"""Out-of-sample predictions of the candidates, concatenated over all validation folds, and the selection among them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from components.shared.images.pixels import PIXELS
from components.trainer.candidates import Candidate, Clock, FoldRows, TaskSpec
from components.trainer.class_balancing import BalancedRows
from components.trainer.network_candidate import PROMISING, NetworkCandidate
from components.trainer.selection import Selection, select
from components.trainer.time_budget import (
    NETWORK_START,
    NETWORK_TRIAL_ROWS,
    NETWORK_VALIDATION,
    NETWORK_VALIDATION_IMAGES,
    TrainingPlan,
)

BLOCKS = 10
"""Blocks of consecutive validation rows in each fold of time-ordered rows; the variance of gains is between blocks."""
FEW_BLOCK_ROWS = 20
"""Minimum rows of a block."""


class CrossValidation:
    """Out-of-sample predictions of the candidates for the validation rows of all folds, concatenated."""

    def __init__(self, task: TaskSpec, folds: Sequence[FoldRows]) -> None:
        """Prepares the validation.

        Args:
          task: The learning task.
          folds: Training and validation rows of each fold, in the order of time where rows are ordered.
        """
        self._task, self._folds = task, folds
        counts = [len(fold.validation) for fold in folds]
        self._labels = np.concatenate([fold.validation.labels for fold in folds])
        self._numbers = np.repeat(np.arange(len(folds)), counts)
        self._last = self._numbers == len(folds) - 1
        self._blocks = None
        if task.ordered:
            blocks = [min(BLOCKS, max(count // FEW_BLOCK_ROWS, 1)) for count in counts]
            starts = np.cumsum([0, *blocks[:-1]])
            within = [np.arange(count) * block // count for count, block in zip(counts, blocks, strict=True)]
            self._blocks = np.concatenate([start + each for start, each in zip(starts, within, strict=True)])
        self._predictions: dict[str, np.ndarray] = {}
        self._left_out: dict[str, str] = {}

    def add(self, candidate: Candidate, clock: Clock) -> None:
        """Fits the candidate on every fold and keeps its predictions, with the prior correction applied."""
        predictions = clock.timed(candidate.name, partial(candidate.validate, self._folds))
        if predictions is None:
            self._left_out[candidate.name] = "cannot be trained: no column, or a single class in a fold"
            return
        self._predictions[candidate.name] = np.concatenate(
            [_shifted(prediction, fold.learned) for prediction, fold in zip(predictions, self._folds, strict=True)]
        )

    def selection(self, reasons: Mapping[str, str]) -> Selection:
        """Selects members among the added candidates; `reasons` gives those of candidates that were not tried."""
        if not self._predictions:
            return Selection({}, {**self._left_out, **reasons})
        found = select(self._predictions, self._labels, self._task.kind, self._blocks)
        return Selection(found.weights, {**found.reasons, **self._left_out, **reasons})

    def fallback(self, candidate: Candidate, before: Selection, clock: Clock) -> Selection:
        """Selects a candidate that can always be trained, for when no other could be."""
        self.add(candidate, clock)
        return Selection({candidate.name: 1.0}, {candidate.name: "no other candidate can be trained", **before.reasons})

    def with_network(
        self,
        network: NetworkCandidate,
        before: Selection,
        settings: Mapping[str, Any],
        planned: TrainingPlan,
        clock: Clock,
    ) -> Selection:
        """Decides, on the validation rows of the last fold, whether the network becomes a member.

        Args:
          network: The network candidate.
          before: The selection among the other candidates; empty weights if the settings name the network only.
          settings: Section `training` of pipeline.toml.
          planned: The time budget.
          clock: Deadline and time by candidate.

        Returns:
          The selection including the network, with weight 0 where it is not a member.
        """
        if not before.weights:  # the settings name the network only
            (prediction,) = clock.timed(network.name, partial(network.validate, self._folds))
            self._network = _shifted(prediction, self._folds[-1].learned)
            reason = "the only candidate: [training] model"
            return Selection({network.name: 1.0}, {**before.reasons, network.name: reason})
        blocks = None if self._blocks is None else self._blocks[self._last] - self._blocks[self._last].min()
        current, fold = self._blend(before)[self._last], self._folds[-1]
        if settings["model"] == "auto":
            refused = self._not_promising(network, fold, current, blocks, settings, planned, clock)
            if refused:
                return Selection({**before.weights, network.name: 0.0}, {**before.reasons, network.name: refused})
        (prediction,) = clock.timed(network.name, partial(network.validate, self._folds))
        prediction = _shifted(prediction, fold.learned)
        found = select(
            {"the others": current, network.name: prediction}, self._labels[self._last], self._task.kind, blocks
        )
        share = found.weights["the others"]
        if found.weights[network.name]:
            self._network = prediction
        weights = {name: weight * share for name, weight in before.weights.items()}
        return Selection(
            {**weights, network.name: found.weights[network.name]},
            {**before.reasons, network.name: found.reasons[network.name]},
        )

    @staticmethod
    def _not_promising(
        network: NetworkCandidate,
        fold: FoldRows,
        current: np.ndarray,
        blocks: np.ndarray | None,
        settings: Mapping[str, Any],
        planned: TrainingPlan,
        clock: Clock,
    ) -> str:
        """Returns why the network is not trained on all rows; "" if it is."""
        rows = len(fold.learned.rows)
        images = any(name.startswith(PIXELS) for name in fold.validation.features)
        least = NETWORK_VALIDATION_IMAGES if images else NETWORK_VALIDATION
        if len(fold.validation) < least:
            return f"not tried: {len(fold.validation):,} validation rows, at least {least} are needed"
        trial = min(rows, NETWORK_TRIAL_ROWS)
        # Training starts only if the trial, the validation and the final fit together fit into the time budget.
        seconds = partial(network.seconds, columns=fold.learned.rows)
        needed = NETWORK_START + 2 * seconds(rows) + (0.0 if images and trial == rows else seconds(trial))
        if needed > planned.network:
            return f"not tried: it needs {needed:.0f} s, {max(planned.network, 0):.0f} s are left of time_budget"
        if trial == rows:
            return ""
        found = clock.timed(network.name, partial(network.trial, fold, trial, current, blocks))
        if found.mean <= PROMISING * found.error:
            return f"not trained on all rows: trained on {trial:,}, its blend has a loss {found} that without it"
        return ""

    def _blend(self, selection: Selection) -> np.ndarray:
        weights = {name: weight for name, weight in selection.weights.items() if weight and name in self._predictions}
        total = sum(weights.values())
        return np.asarray(sum(self._predictions[name] * (weight / total) for name, weight in weights.items()))

    def blend(self, selection: Selection) -> np.ndarray:
        """Returns the blended predictions, [V, outputs]; with the network as a member, of the last fold only."""
        share = selection.weights.get("network", 0.0)
        if not share:
            return self._blend(selection)
        if share == 1:
            return self._network
        return np.asarray((1 - share) * self._blend(selection)[self._last] + share * self._network)

    def labels_of(self, selection: Selection) -> np.ndarray:
        """Returns the labels of the rows that `blend` predicts, [V]."""
        return self._labels[self._last] if selection.weights.get("network") else self._labels

    def blocks_of(self, selection: Selection) -> np.ndarray | None:
        """Returns the block numbers of the same rows, [V]; None for rows without an order in time."""
        if self._blocks is None or not selection.weights.get("network"):
            return self._blocks
        return self._blocks[self._last] - self._blocks[self._last].min()

    def folds_of(self, selection: Selection) -> np.ndarray:
        """Returns the fold numbers of the same rows, [V]."""
        return self._numbers[self._last] if selection.weights.get("network") else self._numbers


def _shifted(prediction: np.ndarray, learned: BalancedRows) -> np.ndarray:
    return prediction if learned.shift is None else prediction + learned.shift
