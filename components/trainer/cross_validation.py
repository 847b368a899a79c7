"""Out-of-sample answers of the candidates, end to end over all validation folds, and the selection among them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from components.trainer.candidates import Candidate, Clock, FoldRows, Task
from components.trainer.class_balancing import Learned
from components.trainer.network_candidate import PROMISING, NetworkCandidate
from components.trainer.selection import Selection, select
from components.trainer.time_budget import NETWORK_START, NETWORK_TRIAL_ROWS, NETWORK_VALIDATION, Plan, network_seconds

BLOCKS = 10
"""Stretches of consecutive validation rows in each fold of rows that are ordered in time; gains vary between them."""
FEW_BLOCK_ROWS = 20
"""Rows of a block, at least."""


class Validated:
    """Answers of the candidates to the validation rows of all folds, end to end."""

    def __init__(self, task: Task, folds: Sequence[FoldRows]) -> None:
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
        self._answers: dict[str, np.ndarray] = {}
        self._left_out: dict[str, str] = {}

    def add(self, candidate: Candidate, clock: Clock) -> None:
        """Validates a candidate."""
        answers = clock.timed(candidate.name, partial(candidate.validate, self._folds))
        if answers is None:
            self._left_out[candidate.name] = "cannot be trained: no column, or a single class in a fold"
            return
        self._answers[candidate.name] = np.concatenate(
            [_shifted(answer, fold.learned) for answer, fold in zip(answers, self._folds, strict=True)]
        )

    def selection(self, reasons: Mapping[str, str]) -> Selection:
        """Members among what was added."""
        if not self._answers:
            return Selection({}, {**self._left_out, **reasons})
        found = select(self._answers, self._labels, self._task.kind, self._blocks)
        return Selection(found.weights, {**found.reasons, **self._left_out, **reasons})

    def fallback(self, candidate: Candidate, before: Selection, clock: Clock) -> Selection:
        """The selection of a candidate that can always be trained, where no other could be."""
        self.add(candidate, clock)
        return Selection({candidate.name: 1.0}, {candidate.name: "no other candidate can be trained", **before.reasons})

    def with_network(
        self,
        network: NetworkCandidate,
        before: Selection,
        settings: Mapping[str, Any],
        planned: Plan,
        clock: Clock,
    ) -> Selection:
        """The selection with the network considered, on the last fold's validation rows."""
        if not before.weights:  # the network was asked for alone
            (answer,) = clock.timed(network.name, partial(network.validate, self._folds))
            self._network = _shifted(answer, self._folds[-1].learned)
            reason = "the only candidate: [training] model"
            return Selection({network.name: 1.0}, {**before.reasons, network.name: reason})
        blocks = None if self._blocks is None else self._blocks[self._last] - self._blocks[self._last].min()
        current, fold = self._blend(before)[self._last], self._folds[-1]
        if settings["model"] == "auto":
            refused = self._not_promising(network, fold, current, blocks, settings, planned, clock)
            if refused:
                return Selection({**before.weights, network.name: 0.0}, {**before.reasons, network.name: refused})
        (answer,) = clock.timed(network.name, partial(network.validate, self._folds))
        answer = _shifted(answer, fold.learned)
        found = select({"the others": current, network.name: answer}, self._labels[self._last], self._task.kind, blocks)
        share = found.weights["the others"]
        if found.weights[network.name]:
            self._network = answer
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
        planned: Plan,
        clock: Clock,
    ) -> str:
        """Why the network is not trained on all rows; "" if it is."""
        rows, epochs = len(fold.learned.rows), settings["epochs"]
        if len(fold.validation) < NETWORK_VALIDATION:
            return f"not tried: {len(fold.validation):,} validation rows, it takes {NETWORK_VALIDATION}"
        trial = min(rows, NETWORK_TRIAL_ROWS)
        # What could not be finished is not begun: the first look, the validation and the final fit have to fit in.
        needed = NETWORK_START + network_seconds(trial, epochs) + 2 * network_seconds(rows, epochs)
        if needed > planned.network:
            return f"not tried: it takes {needed:.0f} s, {max(planned.network, 0):.0f} s are left of time_budget"
        if trial == rows:
            return ""
        found = clock.timed(network.name, partial(network.trial, fold, trial, current, blocks))
        if found.mean <= PROMISING * found.error:
            return f"not trained on all rows: trained on {trial:,}, its blend has a loss {found} that without it"
        return ""

    def _blend(self, selection: Selection) -> np.ndarray:
        weights = {name: weight for name, weight in selection.weights.items() if weight and name in self._answers}
        total = sum(weights.values())
        return np.asarray(sum(self._answers[name] * (weight / total) for name, weight in weights.items()))

    def blend(self, selection: Selection) -> np.ndarray:
        """What the blend answers, [V, outputs]; with the network for the last fold's rows alone."""
        share = selection.weights.get("network", 0.0)
        if not share:
            return self._blend(selection)
        if share == 1:
            return self._network
        return np.asarray((1 - share) * self._blend(selection)[self._last] + share * self._network)

    def labels_of(self, selection: Selection) -> np.ndarray:
        """Labels of the rows that `blend` answers."""
        return self._labels[self._last] if selection.weights.get("network") else self._labels

    def blocks_of(self, selection: Selection) -> np.ndarray | None:
        """Blocks of the same rows."""
        if self._blocks is None or not selection.weights.get("network"):
            return self._blocks
        return self._blocks[self._last] - self._blocks[self._last].min()

    def folds_of(self, selection: Selection) -> np.ndarray:
        """Folds of the same rows."""
        return self._numbers[self._last] if selection.weights.get("network") else self._numbers


def _shifted(answer: np.ndarray, learned: Learned) -> np.ndarray:
    return answer if learned.shift is None else answer + learned.shift
