"""The arms' statistics from the request log: works without a running server, and with several of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.registry.aliases import Aliases
from components.shared.serving.serving_contract import CLASSES, OUTPUTS
from serving.canary.arm_statistics import ArmStatistics, LossSums, latency_counts
from serving.request_log.label_texts import label_texts
from serving.request_log.reading import TARGET, RequestLog
from serving.request_log.records import OUTPUT
from serving.traffic import BASELINE, CANARY, LIVE

PROBABILITY_BINS = 10
NUMBER_BINS = 10
BEFORE = 500
"""Number of predictions of a regression model before the canary from which the bins are chosen; with fewer there are no
bins, and the predictions are not compared."""
SERVER_ERROR = 500
"""HTTP status from which a request counts as an error; a client's error says nothing about the version."""


@dataclass(frozen=True)
class Task:
    """What the model predicts.

    Attributes:
      kind: "binary", "multiclass" or "regression".
      positive: Positive class of a binary task, as a text; "" if the labels are 0 and 1.
    """

    kind: str
    positive: str = ""

    def truth(self, labels: Sequence[str | None]) -> np.ndarray:
        """Labels of a binary task, as texts: 1.0 for the positive class, else 0.0."""
        return np.array([text == (self.positive or "1") for text in labels], float)


@dataclass
class _Classes:
    """Classes seen so far, in both arms: name -> bin."""

    bins: dict[bytes, int] = field(default_factory=dict)

    def bin_of(self, name: bytes) -> int:
        return self.bins.setdefault(name, len(self.bins))


def arms_from_log(log: RequestLog, aliases: Aliases, task: Task) -> tuple[ArmStatistics, ArmStatistics]:
    """Returns the statistics of live and canary since the share was set.

    The latencies of live are those of the baseline, the part of its requests that is as large as the canary's: see
    traffic.py. Everything else is counted in all of its requests.

    Args:
      log: The request log.
      aliases: Aliases with a canary.
      task: What the model predicts.

    Raises:
      ValueError: There is no canary.
      InputError: The log cannot be read.
    """
    if aliases.canary is None or aliases.live is None:
        raise ValueError("no version is the canary")
    since = datetime.fromisoformat(aliases.since) if aliases.since else None
    output = f"{OUTPUT}{OUTPUTS[task.kind]}"
    versions: Mapping[str, int] = {LIVE: aliases.live, BASELINE: aliases.live, CANARY: aliases.canary}
    chosen: dict[str, Any] = {"since": since, "versions": [*{*versions.values()}], "labels": list(versions)}
    with log.relation(**chosen) as found_rows:
        names = list(found_rows.schema.names)
    wanted = ["row", "label", "version", "status", "latency", TARGET]
    wanted += [name for name in (output, f"{OUTPUT}{CLASSES}") if name in names]
    edges = _edges(log, aliases, task, since, output) if output in names else None
    classes = _Classes()
    found = {arm: ArmStatistics() for arm in versions}
    for batch in log.read(**chosen, columns=wanted):
        for arm, version in versions.items():
            rows = batch.filter(pc.and_(pc.equal(batch["label"], arm), pc.equal(batch["version"], version)))
            found[arm] = _merged(found[arm], _statistics(rows, task, output, edges, classes))
    bins = len(classes.bins)
    live, canary = _padded(_merged(found[LIVE], found[BASELINE]), bins), _padded(found[CANARY], bins)
    if found[BASELINE].requests:
        live = replace(live, latencies=found[BASELINE].latencies)
    return live, canary


def _statistics(
    rows: pa.RecordBatch, task: Task, output: str, edges: np.ndarray | None, classes: _Classes
) -> ArmStatistics:
    status = rows["status"].to_numpy()
    first = rows["row"].to_numpy() == 0  # one row of each request
    succeeded = status < 400
    latencies = rows["latency"].to_numpy()[first & succeeded]
    predictions, losses = np.zeros(0, np.int64), LossSums()
    if output in rows.schema.names:
        answered = rows.filter(pc.and_(pa.array(succeeded), rows[output].is_valid()))
        if answered.num_rows and task.kind == "multiclass":
            predictions, losses = _of_classes(answered, output, classes)
        elif answered.num_rows:
            predictions, losses = _of_numbers(answered, output, edges, task)
    return ArmStatistics(
        int(first.sum()),
        int((first & (status >= SERVER_ERROR)).sum()),
        latency_counts(latencies),
        predictions,
        losses,
    )


def _of_numbers(rows: pa.RecordBatch, output: str, edges: np.ndarray | None, task: Task) -> tuple[np.ndarray, LossSums]:
    values = rows[output].cast(pa.float64()).to_numpy(zero_copy_only=False)
    counts = np.zeros(0, np.int64)
    if edges is not None:
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    labelled = np.asarray(rows[TARGET].is_valid())
    if not labelled.any():
        return counts, LossSums()
    target = rows[TARGET].filter(pa.array(labelled))
    if task.kind == "binary":
        truth = task.truth(label_texts(target))
    else:
        truth = target.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return counts, _sums((values[labelled] - truth) ** 2)


def _of_classes(rows: pa.RecordBatch, output: str, classes: _Classes) -> tuple[np.ndarray, LossSums]:
    best = [int(np.argmax(one)) for one in rows[output].to_pylist()]
    names = rows[f"{OUTPUT}{CLASSES}"].to_pylist() if f"{OUTPUT}{CLASSES}" in rows.schema.names else None
    chosen = [as_bytes(names[row][at] if names else at) for row, at in enumerate(best)]
    bins = np.array([classes.bin_of(name) for name in chosen])
    targets = [None if text is None else text.encode() for text in label_texts(rows[TARGET])]
    wrong = [float(name != target) for name, target in zip(chosen, targets, strict=True) if target is not None]
    return np.bincount(bins, minlength=len(classes.bins)), _sums(np.array(wrong))


def _sums(losses: np.ndarray) -> LossSums:
    finite = losses[np.isfinite(losses)]
    return LossSums(len(finite), float(finite.sum()), float((finite**2).sum()))


def _edges(log: RequestLog, aliases: Aliases, task: Task, since: datetime | None, output: str) -> np.ndarray | None:
    """Inner edges of the bins: fixed for probabilities, deciles of live's earlier predictions for numbers."""
    if task.kind == "binary":
        return np.arange(1, PROBABILITY_BINS) / PROBABILITY_BINS
    if task.kind == "multiclass" or since is None or aliases.live is None:
        return None
    earlier: dict[str, Any] = {"until": since, "versions": [aliases.live], "labels": [LIVE, BASELINE]}
    with log.relation(**earlier) as rows:
        if output not in rows.schema.names:
            return None
    before = list(_values(log.read(**earlier, columns=[output])))
    values = np.concatenate(before) if before else np.zeros(0)
    if len(values) < BEFORE:
        return None
    return np.unique(np.quantile(values, np.arange(1, NUMBER_BINS) / NUMBER_BINS))


def _values(batches: Iterator[pa.RecordBatch]) -> Iterator[np.ndarray]:
    for batch in batches:
        values = batch.column(0).drop_null().cast(pa.float64()).to_numpy(zero_copy_only=False)
        yield values[np.isfinite(values)]


def _merged(one: ArmStatistics, other: ArmStatistics) -> ArmStatistics:
    bins = max(len(one.predictions), len(other.predictions))
    return _padded(one, bins) + _padded(other, bins)


def _padded(arm: ArmStatistics, bins: int) -> ArmStatistics:
    """With bins for the classes that were first seen later."""
    if not 0 < len(arm.predictions) < bins:
        return arm
    counts = np.pad(arm.predictions, (0, bins - len(arm.predictions)))
    return ArmStatistics(arm.requests, arm.errors, arm.latencies, counts, arm.losses)


def as_bytes(value: object) -> bytes:
    """A class name, or a class code, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
