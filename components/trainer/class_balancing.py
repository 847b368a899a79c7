"""Data steps on the training rows: classes that count alike, and probabilities taken back to how frequent they are.

A model learns from rows in which classes occur as often as they are made to, and answers for a world in which they
do not. With pi the classes' shares in the training rows and pi' those that it has learned from (weights count),

    p(k | x)  is proportional to  p'(k | x) pi_k / pi'_k

(Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural
Computation 14, 2002, formula 2.4; for two classes it is theorem 2 of Elkan: The Foundations of Cost-Sensitive Learning,
IJCAI 2001). In logits that is adding log pi_k - log pi'_k, before the members are judged, blended and tempered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from components.shared.errors import InputError, UsageError
from components.trainer.jitter import jittered
from components.trainer.training_columns import Columns

INSTALL = "pip install 'plumbline[balance]'"


@dataclass(frozen=True)
class Learned:
    """What a member learns from.

    Attributes:
      rows: Training rows, after the data steps.
      weights: What each counts for, [N], 1 in the mean; None is all alike.
      shift: What is added to the answers [M, outputs] to take them back to the true prior, [outputs]; None is nothing.
    """

    rows: Columns
    weights: np.ndarray | None = None
    shift: np.ndarray | None = None


def as_they_are(rows: Columns) -> Learned:
    """The rows, all alike."""
    return Learned(rows)


@dataclass
class DataSteps:
    """Balances and jitters rows to learn from; the validation rows never pass through it.

    Attributes:
      balance: pipeline.toml's table `balance`.
      augmentation: Its table `augmentation`.
      task: binary, multiclass or regression.
      classes: A multiclass label's names by index; for a binary one "0" and "1" are meant.
      seed: Of what is drawn.
      done: What the last call came to, for the training record; empty as long as nothing was to be done.
    """

    balance: Mapping[str, Any]
    augmentation: Mapping[str, Any]
    task: str
    classes: Sequence[str]
    seed: int
    done: dict[str, Any] = field(default_factory=dict)

    def __call__(self, rows: Columns) -> Learned:
        """The rows as they are learned from. The same rows and seed give the same result.

        Raises:
          InputError: A class that is weighted does not occur in the label, or has too few rows for SMOTE.
          UsageError: SMOTE is asked for and imbalanced-learn is not installed.
        """
        draw = np.random.default_rng(self.seed)
        method = self.balance.get("method", "none")
        learned = Learned(rows)
        if method != "none":
            learned = self._balanced(rows, method, draw)
        if jitter := self.augmentation.get("jitter", 0.0):
            moved, columns = jittered(learned.rows, jitter, draw)
            learned = Learned(moved, learned.weights, learned.shift)
            self.done["jitter"] = {"share": jitter, "columns": columns}
        return learned

    def _balanced(self, rows: Columns, method: str, draw: np.random.Generator) -> Learned:
        names = list(self.classes) or ["0", "1"]
        labels = rows.labels.astype(np.int64)
        counts = np.bincount(labels, minlength=len(names))
        ratio = self.balance.get("ratio", 1.0)
        weights = None
        if method == "weights":
            each = class_weights(counts, ratio, self._given(names))
            weights = each[labels].astype(np.float32)
            learned = rows
        elif method == "smote":
            learned = synthesized(rows, enlarged(counts, ratio), self.balance.get("neighbours", 5), self.seed, names)
        else:
            target = (enlarged if method == "over" else reduced)(counts, ratio)
            learned = rows.taken(drawn(labels, target, draw))
        shift = None
        if self.balance.get("correct_prior", True):
            shift = prior_shift(labels, learned.labels.astype(np.int64), weights, len(names))
        self.done["balance"] = {
            "method": method,
            "rows": {"before": len(rows), "after": len(learned)},
            "share": {
                name: {"before": float(before), "after": float(after)}
                for name, before, after in zip(
                    names, shares(labels, None, len(names)), shares(learned.labels, weights, len(names)), strict=True
                )
            },
            "correct_prior": shift is not None,
        }
        return Learned(learned, weights, shift)

    def _given(self, names: Sequence[str]) -> np.ndarray | None:
        given = self.balance.get("weights") or {}
        if unknown := [name for name in given if name not in names]:
            there = ", ".join(names[:20])
            raise InputError(
                f"[balance] weights: no row of the train split is labelled {unknown[0]}; there is: {there}"
            )
        return np.array([given.get(name, 1.0) for name in names]) if given else None


def class_weights(counts: np.ndarray, ratio: float, given: np.ndarray | None = None) -> np.ndarray:
    """Weight of a row by its class, [K], 1 in the mean over all rows.

    Args:
      counts: Rows by class, [K].
      ratio: What the rarest class counts for at least, as a share of the most frequent; 1 is scikit-learn's "balanced".
      given: Weights that were asked for, [K], instead of those of `ratio`.
    """
    there = np.maximum(counts, 1)
    each = given if given is not None else np.maximum(counts.max() * ratio / there, 1.0)
    scaled: np.ndarray = each * counts.sum() / (each * counts).sum()
    return scaled


def enlarged(counts: np.ndarray, ratio: float) -> np.ndarray:
    """Rows by class once every class that occurs has `ratio` times the rows of the most frequent, or what it had."""
    return np.where(counts > 0, np.maximum(counts, np.ceil(counts.max() * ratio - 1e-9)), 0).astype(np.int64)


def reduced(counts: np.ndarray, ratio: float) -> np.ndarray:
    """Rows by class once the rarest that occurs has `ratio` times the rows of any other, or they what they had."""
    return np.minimum(counts, np.floor(counts[counts > 0].min() / ratio + 1e-9)).astype(np.int64)


def drawn(labels: np.ndarray, target: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Which rows to take, in their order: each as often as any other of its class, or once more.

    Args:
      labels: Class indices, [N].
      target: Rows wanted by class, [K].
      draw: Of the rows taken once more, without replacement.
    """
    times = np.zeros(len(labels), np.int64)
    for k in np.flatnonzero(target):
        mine = np.flatnonzero(labels == k)
        whole, rest = divmod(int(target[k]), len(mine))
        times[mine] = whole
        times[draw.choice(mine, rest, replace=False)] += 1
    return np.repeat(np.arange(len(labels)), times)


def shares(labels: np.ndarray, weights: np.ndarray | None, classes: int) -> np.ndarray:
    """What each class counts for, [K], in sum 1."""
    sums = np.bincount(labels.astype(np.int64), weights, minlength=classes)
    found: np.ndarray = sums / sums.sum()
    return found


def prior_shift(labels: np.ndarray, learned: np.ndarray, weights: np.ndarray | None, classes: int) -> np.ndarray:
    """What takes answers back from the prior that was learned from to that of `labels`; see the head of this file.

    Args:
      labels: Class indices of the rows as they came, [N].
      learned: Of those that were learned from.
      weights: Of these; None is all alike.
      classes: K.

    Returns:
      float32 [1], to be added to a logit, for two classes; otherwise [K], to be added to log-probabilities: 0 for a
      class that does not occur.
    """
    before, after = shares(labels, None, classes), shares(learned, weights, classes)
    there = (before > 0) & (after > 0)
    shift = np.zeros(classes)
    shift[there] = np.log(before[there]) - np.log(after[there])
    return (shift[1:] - shift[:1] if classes == 2 else shift).astype(np.float32)


def synthesized(rows: Columns, target: np.ndarray, neighbours: int, seed: int, names: Sequence[str]) -> Columns:
    """The rows, and after them synthetic ones, until there are `target` of each class, [K].

    SMOTE-NC (Chawla et al., JAIR 16, 2002, section 6.1) by imbalanced-learn: a new row lies between a row and one of
    its nearest neighbours of the same class in what is numeric or cyclical, and has what most of its neighbours have
    in categories and in what is missing.
    """
    sampler = _smote_nc()
    labels = rows.labels.astype(np.int64)
    counts = np.bincount(labels, minlength=len(target))
    grown = np.flatnonzero(target > counts)
    if not len(grown):
        return rows
    fewest = grown[np.argmin(counts[grown])]
    if counts[fewest] < 2:
        raise InputError(
            f'[balance] method = "smote": class {names[fewest]} has a single row, and it takes two to lie between; '
            'take "over" or "weights"'
        )
    widths = {name: matrix.shape[1] for name, matrix in rows.features.items()}
    flat = np.concatenate([rows.features[name].astype(np.float64) for name in widths], axis=1)
    named = np.repeat(list(widths), list(widths.values()))
    smote = sampler(
        categorical_features=np.flatnonzero(np.isin(named, ("categorical", "missing"))).tolist(),
        sampling_strategy={int(k): int(target[k]) for k in grown},
        k_neighbors=int(min(neighbours, counts[fewest] - 1)),
        random_state=seed,
    )
    made = smote.fit_resample(flat, labels)
    new, new_labels = made[0][len(rows) :], made[1][len(rows) :]
    features = {name: new[:, named == name].astype(rows.features[name].dtype) for name in widths}
    return rows.and_then(Columns(_consistent(features), new_labels.astype(rows.labels.dtype)))


def _consistent(features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is between two rows as a row can be: 0 where it is missing, and phases on their circle."""
    numbers = features["numeric"].shape[1] if "numeric" in features else 0
    if numbers:
        for name in {"numeric", "standardized"} & features.keys():
            features[name] = np.where(features["missing"][:, :numbers] > 0, 0, features[name])
    if "cyclical" in features:
        pairs = features["cyclical"].reshape(len(features["cyclical"]), -1, 2)
        length = np.linalg.norm(pairs, axis=2, keepdims=True)
        gone = (features["missing"][:, numbers:] > 0)[:, :, None] | (length < 1e-6)
        features["cyclical"] = np.where(gone, 0, pairs / np.where(gone, 1, length)).reshape(features["cyclical"].shape)
    return features


def _smote_nc() -> Callable[..., Any]:
    try:
        sampler: Callable[..., Any] = import_module("imblearn.over_sampling").SMOTENC
    except ImportError as exc:
        raise UsageError(f'[balance] method = "smote" needs imbalanced-learn: {INSTALL}') from exc
    return sampler
