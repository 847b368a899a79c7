"""Class balancing of training rows, and the prior correction of predictions that it requires.

A model that is trained on reweighted or resampled rows learns the class shares of those rows. Let pi be the class
shares in the original training rows and pi' those that the model was trained on (by weight). Then

    p(k | x)  is proportional to  p'(k | x) pi_k / pi'_k

(Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural
Computation 14, 2002, formula 2.4; for two classes it is theorem 2 of Elkan: The Foundations of Cost-Sensitive Learning,
IJCAI 2001). On logits the correction adds log pi_k - log pi'_k, before the members are compared, blended and
calibrated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from components.shared.errors import InputError, UsageError
from components.trainer.jitter import jittered
from components.trainer.training_columns import TrainingColumns

INSTALL = "pip install 'plumbline[balance]'"


@dataclass(frozen=True)
class BalancedRows:
    """Training rows after class balancing and augmentation.

    Attributes:
      rows: Training rows.
      weights: Sample weights, [N], with mean 1; None for unweighted rows.
      shift: Prior correction that is added to predictions [M, outputs], [outputs]; None for no correction.
    """

    rows: TrainingColumns
    weights: np.ndarray | None = None
    shift: np.ndarray | None = None


def as_they_are(rows: TrainingColumns) -> BalancedRows:
    """Returns the rows unchanged and unweighted."""
    return BalancedRows(rows)


@dataclass
class DataSteps:
    """Balances the classes of training rows and adds jitter; validation rows never pass through it.

    Attributes:
      balance: Section `balance` of pipeline.toml.
      augmentation: Section `augmentation` of pipeline.toml.
      task: binary, multiclass or regression.
      classes: Names of a multiclass label by index; empty for a binary one, whose names are "0" and "1".
      seed: Seed of resampling, SMOTE and jitter.
      done: What the last call changed, for training.json; empty if nothing was to be done.
    """

    balance: Mapping[str, Any]
    augmentation: Mapping[str, Any]
    task: str
    classes: Sequence[str]
    seed: int
    done: dict[str, Any] = field(default_factory=dict)

    def __call__(self, rows: TrainingColumns) -> BalancedRows:
        """Returns balanced and jittered rows. The same rows and seed give the same result.

        Raises:
          InputError: A class in `weights` does not occur in the label, or a class has too few rows for SMOTE.
          UsageError: SMOTE is requested and imbalanced-learn is not installed.
        """
        draw = np.random.default_rng(self.seed)
        method = self.balance.get("method", "none")
        learned = BalancedRows(rows)
        if method != "none":
            learned = self._balanced(rows, method, draw)
        if jitter := self.augmentation.get("jitter", 0.0):
            moved, columns = jittered(learned.rows, jitter, draw)
            learned = BalancedRows(moved, learned.weights, learned.shift)
            self.done["jitter"] = {"share": jitter, "columns": columns}
        return learned

    def _balanced(self, rows: TrainingColumns, method: str, draw: np.random.Generator) -> BalancedRows:
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
            learned = synthesized(rows, oversampled(counts, ratio), self.balance.get("neighbours", 5), self.seed, names)
        else:
            target = (oversampled if method == "over" else undersampled)(counts, ratio)
            learned = rows.taken(resampled(labels, target, draw))
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
        return BalancedRows(learned, weights, shift)

    def _given(self, names: Sequence[str]) -> np.ndarray | None:
        given = self.balance.get("weights") or {}
        if unknown := [name for name in given if name not in names]:
            there = ", ".join(names[:20])
            raise InputError(
                f"[balance] weights: no row of the train split is labelled {unknown[0]}; available: {there}"
            )
        return np.array([given.get(name, 1.0) for name in names]) if given else None


def class_weights(counts: np.ndarray, ratio: float, given: np.ndarray | None = None) -> np.ndarray:
    """Returns the weight of a row by its class, [K], with mean 1 over all rows.

    Args:
      counts: Number of rows by class, [K].
      ratio: Least total weight of the rarest class as a share of the most frequent; 1 is scikit-learn's "balanced".
      given: Class weights from the settings, [K]; they replace those of `ratio`.
    """
    there = np.maximum(counts, 1)
    each = given if given is not None else np.maximum(counts.max() * ratio / there, 1.0)
    scaled: np.ndarray = each * counts.sum() / (each * counts).sum()
    return scaled


def oversampled(counts: np.ndarray, ratio: float) -> np.ndarray:
    """Rows by class, [K], after oversampling each class to at least `ratio` times the rows of the most frequent."""
    return np.where(counts > 0, np.maximum(counts, np.ceil(counts.max() * ratio - 1e-9)), 0).astype(np.int64)


def undersampled(counts: np.ndarray, ratio: float) -> np.ndarray:
    """Rows by class, [K], after undersampling until the rarest class has `ratio` times the rows of any other."""
    return np.minimum(counts, np.floor(counts[counts > 0].min() / ratio + 1e-9)).astype(np.int64)


def resampled(labels: np.ndarray, target: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Samples rows by class; within a class each row is taken equally often, up to a difference of one.

    Args:
      labels: Class indices, [N].
      target: Requested rows by class, [K].
      draw: Generator that chooses, without replacement, the rows that are taken once more.

    Returns:
      Row indices in ascending order, [sum of `target`].
    """
    times = np.zeros(len(labels), np.int64)
    for k in np.flatnonzero(target):
        mine = np.flatnonzero(labels == k)
        whole, rest = divmod(int(target[k]), len(mine))
        times[mine] = whole
        times[draw.choice(mine, rest, replace=False)] += 1
    return np.repeat(np.arange(len(labels)), times)


def shares(labels: np.ndarray, weights: np.ndarray | None, classes: int) -> np.ndarray:
    """Returns the (weighted) share of each class, [K], with sum 1."""
    sums = np.bincount(labels.astype(np.int64), weights, minlength=classes)
    found: np.ndarray = sums / sums.sum()
    return found


def prior_shift(labels: np.ndarray, learned: np.ndarray, weights: np.ndarray | None, classes: int) -> np.ndarray:
    """Returns the prior correction from the shares of the training rows to those of `labels`.

    The formula is that of the module docstring.

    Args:
      labels: Class indices of the original rows, [N].
      learned: Class indices of the rows that the model is trained on, [M].
      weights: Sample weights of those rows, [M]; None for unweighted rows.
      classes: Number of classes K.

    Returns:
      Float32 [1], to be added to the logit of two classes; otherwise [K], to be added to log-probabilities, with 0 for
      a class that does not occur.
    """
    before, after = shares(labels, None, classes), shares(learned, weights, classes)
    there = (before > 0) & (after > 0)
    shift = np.zeros(classes)
    shift[there] = np.log(before[there]) - np.log(after[there])
    return (shift[1:] - shift[:1] if classes == 2 else shift).astype(np.float32)


def synthesized(
    rows: TrainingColumns, target: np.ndarray, neighbours: int, seed: int, names: Sequence[str]
) -> TrainingColumns:
    """Appends synthetic rows by SMOTE-NC until there are `target` rows of each class.

    SMOTE-NC (Chawla et al., JAIR 16, 2002, section 6.1) by imbalanced-learn: the numeric and cyclical columns of a new
    row interpolate between a row and one of its nearest neighbours of the same class; its categories and missing
    flags are the most frequent ones among the neighbours.

    Args:
      rows: Training rows.
      target: Requested rows by class, [K].
      neighbours: Number of nearest neighbours; fewer if the smallest class has fewer rows.
      seed: Seed of SMOTE.
      names: Class names by index, for messages.

    Raises:
      InputError: A class to be oversampled has a single row.
      UsageError: imbalanced-learn is not installed.
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
            f'[balance] method = "smote": class {names[fewest]} has a single row, and SMOTE needs at least two; '
            'set "over" or "weights"'
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
    return rows.and_then(TrainingColumns(_consistent(features), new_labels.astype(rows.labels.dtype)))


def _consistent(features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Makes interpolated columns valid: 0 where the value is missing, and (sine, cosine) pairs of length 1."""
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
