"""Comparison of a shadow with the live version, on the requests that both of them answered.

Both predicted the same rows, so differences are paired: far fewer requests are needed than for a canary. There is no
decision: a shadow's latency is not what a client would see, and nobody was served its predictions.
"""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from components.registry.aliases import Aliases
from components.shared.serving.serving_contract import CLASSES, OUTPUTS
from serving.canary.log_statistics import SERVER_ERROR, Task, as_bytes
from serving.request_log.label_texts import label_texts
from serving.request_log.reading import RequestLog
from serving.request_log.records import OUTPUT

Z = 1.959963984540054
"""0.975 quantile of the normal distribution."""


@dataclass(frozen=True)
class PairedMean:
    """Mean of differences between shadow and live, with its 95 % interval (normal approximation).

    `rows` is the number of pairs; the numbers are None with fewer than two.
    """

    rows: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ShadowComparison:
    """What the shadow predicted beside what live answered.

    Attributes:
      shadow: Version of the shadow.
      live: Version of live.
      rows: Rows that both predicted.
      errors: Requests that the shadow failed with a server error.
      requests: Requests that the shadow was sent.
      prediction: Shadow minus live, of the probability or the predicted number; of multiclass, share of rows with
        another class.
      absolute: Mean absolute difference; None for multiclass or without rows.
      loss: Loss of the shadow minus that of live on rows with a label; squared error, or wrong class (0 or 1).
    """

    shadow: int
    live: int
    rows: int
    errors: int
    requests: int
    prediction: PairedMean
    absolute: float | None
    loss: PairedMean

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)

    def to_text(self) -> str:
        """Returns lines for a terminal."""
        head = f"shadow {self.shadow} and live {self.live}: {self.rows:,} rows that both predicted"
        failed = f"  errors: the shadow failed {self.errors:,} of {self.requests:,} requests"
        if not self.rows:
            return f"{head}\n{failed}"
        if self.absolute is None:
            prediction = f"  predictions: another class in {_signed(self.prediction, percent=True)} of the rows"
        else:
            prediction = (
                f"  predictions: shadow minus live {_signed(self.prediction)}; mean absolute difference "
                f"{self.absolute:.4g}"
            )
        if self.loss.mean is None:
            loss = f"  loss: {self.loss.rows:,} rows have a label; `plumbline feedback` imports labels"
        else:
            loss = (
                f"  loss: shadow minus live {_signed(self.loss)} on {self.loss.rows:,} labelled rows; below 0 is better"
            )
        return "\n".join([head, failed, prediction, loss])


def compare_shadow(log: RequestLog, aliases: Aliases, task: Task, since: datetime | None = None) -> ShadowComparison:
    """Compares the shadow with live on the rows that both predicted.

    Rows whose request id occurs twice in an arm are left out, because their partner is unknown.

    Args:
      log: The request log.
      aliases: Aliases with a shadow.
      task: What the model predicts.
      since: Earliest time of the requests; None is the whole log.

    Raises:
      ValueError: There is no shadow.
      InputError: The log cannot be read.
    """
    if aliases.shadow is None or aliases.live is None:
        raise ValueError("no version is the shadow")
    versions = (aliases.live, aliases.shadow)
    requests, errors = _requests(log, aliases.shadow, since)
    columns = set(log.columns())
    output, classes = f"{OUTPUT}{OUTPUTS[task.kind]}", f"{OUTPUT}{CLASSES}"
    predictions: list[np.ndarray] = []
    losses: list[np.ndarray] = []
    for batch in (
        log.query(_paired(output, classes if classes in columns else ""), since, parameters=versions)
        if (output in columns)
        else ()
    ):
        differences, labelled = (_of_classes if task.kind == "multiclass" else _of_numbers)(batch, task)
        predictions.append(differences)
        losses.append(labelled)
    differences = np.concatenate([np.zeros(0), *predictions])
    numeric = task.kind != "multiclass" and len(differences)
    return ShadowComparison(
        aliases.shadow,
        aliases.live,
        len(differences),
        errors,
        requests,
        _paired_mean(differences),
        float(np.abs(differences).mean()) if numeric else None,
        _paired_mean(np.concatenate([np.zeros(0), *losses])),
    )


def _requests(log: RequestLog, version: int, since: datetime | None) -> tuple[int, int]:
    sql = (
        f"SELECT count(*), count(*) FILTER (status >= {SERVER_ERROR}) FROM requests "
        "WHERE label = 'shadow' AND version = ? AND \"row\" = 0"
    )
    (batch,) = log.query(sql, since, parameters=[version])
    return batch.column(0)[0].as_py(), batch.column(1)[0].as_py()


def _paired(output: str, classes: str) -> str:
    """SQL: one, other (predictions of live and shadow), their classes, target."""
    names = f', any_value("{classes}") AS classes' if classes else ", NULL AS classes"

    def arm(condition: str) -> str:
        return (
            f'SELECT request_id, "row", any_value("{output}") AS output{names}, any_value(target) AS target '
            f'FROM requests WHERE {condition} AND version = ? AND status < 400 GROUP BY request_id, "row" '
            "HAVING count(*) = 1"
        )

    live, shadow = arm("label IN ('live', 'baseline')"), arm("label = 'shadow'")
    return (
        "SELECT one.output AS one, other.output AS other, one.classes AS one_classes, other.classes AS other_classes, "
        f'one.target AS target FROM ({live}) one JOIN ({shadow}) other USING (request_id, "row") '
        "WHERE one.output IS NOT NULL AND other.output IS NOT NULL"
    )


def _of_numbers(rows: pa.RecordBatch, task: Task) -> tuple[np.ndarray, np.ndarray]:
    one, other = (rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in ("one", "other"))
    labelled = np.asarray(rows["target"].is_valid())
    target = rows["target"].filter(pa.array(labelled))
    if task.kind == "binary":
        truth = task.truth(label_texts(target))
    else:
        truth = target.cast(pa.float64()).to_numpy(zero_copy_only=False)
    losses = (other[labelled] - truth) ** 2 - (one[labelled] - truth) ** 2
    differences = other - one
    return differences[np.isfinite(differences)], losses[np.isfinite(losses)]


def _of_classes(rows: pa.RecordBatch, _: Task) -> tuple[np.ndarray, np.ndarray]:
    one, other = _named(rows, "one"), _named(rows, "other")
    different = np.array([a != b for a, b in zip(one, other, strict=True)], float)
    targets = [None if text is None else text.encode() for text in label_texts(rows["target"])]
    losses = [
        float(b != target) - float(a != target)
        for a, b, target in zip(one, other, targets, strict=True)
        if target is not None
    ]
    return different, np.array(losses, float)


def _named(rows: pa.RecordBatch, arm: str) -> list[bytes]:
    best = [int(np.argmax(one)) for one in rows[arm].to_pylist()]
    names = rows[f"{arm}_classes"].to_pylist()
    return [as_bytes(at if names[row] is None else names[row][at]) for row, at in enumerate(best)]


def _paired_mean(values: np.ndarray) -> PairedMean:
    if len(values) < 2:
        return PairedMean(len(values))
    mean, half = float(values.mean()), Z * float(values.std(ddof=1)) / math.sqrt(len(values))
    return PairedMean(len(values), mean, mean - half, mean + half)


def _signed(one: PairedMean, *, percent: bool = False) -> str:
    if one.mean is None or one.low is None or one.high is None:
        return "unknown"
    if percent:
        return f"{100 * one.mean:.3g} % (95 % interval {100 * max(0.0, one.low):.3g} to {100 * one.high:.3g})"
    return f"{one.mean:+.4g} (95 % interval {one.low:+.4g} to {one.high:+.4g})"
