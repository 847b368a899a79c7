"""Data quality of a window: missing values, unknown values, values out of range."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import hypergeom

from monitor.inputs.settings import InputSettings
from monitor.measurement import Kind, Measurement, Reference
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData


def check_quality(data: WindowData, baseline: Baseline, settings: InputSettings) -> list[Measurement]:
    """Measures the quality of each feature; [] for a window with fewer than `min_rows` rows.

    `missing`: share of rows without a value; the effect is its distance from that of the training rows, in either
    direction. `unknown`: share of the values of a text that are not in the domain of the schema, else not among those
    of the training rows; of a sample of them, the share that is expected to be unseen is singletons / rows (Good 1953,
    The population frequencies of species), and is subtracted. `out_of_range`: share of numbers beyond the domain, else
    beyond the training rows' range, less the 2 / (rows + 1) that is expected.
    """
    rows = data.features()
    if len(rows) < settings.min_rows:
        return []
    training = baseline.training
    found = []
    for name in rows.column_names:
        now = rows[name].combine_chunks()
        before = training[name].combine_chunks() if training is not None and name in training.column_names else None
        weight = baseline.weight(name)
        shares: list[_Share | None] = [_missing(name, now, before)]
        domain = data.dataset.domains.get(name, {})
        if pa.types.is_string(now.type):
            shares.append(_unknown(name, now, before, domain.get("values")))
        elif (pa.types.is_floating(now.type) or pa.types.is_integer(now.type)) and not _is_moment(data, name):
            shares.append(_out_of_range(name, now, before, domain))
        found += [one.measured(weight, settings) for one in shares if one is not None]
    return found


@dataclass(frozen=True)
class _Share:
    """`count` of `rows` against the usual share; `above_only`: fewer than usual are no effect."""

    kind: Kind
    name: str
    count: int
    rows: int
    usual: float = 0.0
    p_value: float = 1.0
    reference: Reference = "setting"
    detail: str = ""
    at: str | float | None = None
    above_only: bool = True

    def measured(self, weight: float, settings: InputSettings) -> Measurement:
        share = self.count / self.rows
        moderate, severe = settings.effects[self.kind]
        finite = not isinstance(self.at, float) or np.isfinite(self.at)
        return Measurement(
            kind=self.kind,
            subject=self.name,
            measure="share",
            value=share,
            effect=max(0.0, share - self.usual) if self.above_only else abs(share - self.usual),
            moderate=moderate,
            severe=severe,
            rows=self.rows,
            detail=self.detail,
            reference=self.reference,
            reference_value=self.usual,
            p_value=self.p_value if self.count or not self.above_only else 1.0,
            weight=weight,
            at=self.at if finite else str(self.at),
        )


def _is_moment(data: WindowData, name: str) -> bool:
    return data.dataset.features[name] in ("date", "timestamp")  # later dates are out of range by nature


def _missing(name: str, now: pa.Array, before: pa.Array | None) -> _Share:
    count = now.null_count
    if before is None or not len(before):
        return _Share("missing", name, count, len(now), above_only=False)
    usual = before.null_count / len(before)
    valid, valid_before = len(now) - count, len(before) - before.null_count
    one_sided = (
        _more(count, len(now), before.null_count, len(before)),
        _more(valid, len(now), valid_before, len(before)),
    )
    p_value = min(1.0, 2 * min(one_sided))
    detail = f"{name}: {100 * count / len(now):.3g} % of the rows have no value, {100 * usual:.3g} % in training"
    return _Share("missing", name, count, len(now), usual, p_value, "training", detail, above_only=False)


def _unknown(name: str, now: pa.Array, before: pa.Array | None, legal: Any) -> _Share | None:
    values = now.drop_null()
    if not len(values):
        return None
    if legal:
        known, usual, where = pa.array(legal, pa.string()), 0.0, "the schema's domain"
        reference: Reference = "setting"
        p_value = 0.0
    elif before is not None and len(before.drop_null()):
        counted = before.drop_null().value_counts()
        known = counted.field("values")
        singletons = pc.sum(pc.equal(counted.field("counts"), 1)).as_py() or 0
        usual, reference, where = singletons / len(before.drop_null()), "training", "the training data"
    else:
        return None
    strange = values.filter(pc.invert(pc.is_in(values, known)))
    if not legal:
        p_value = _more(len(strange), len(values), round(usual * len(before or ())), len(before or ()))
    share = len(strange) / len(values)
    detail, most = "", None
    if len(strange):
        counts = strange.value_counts()
        most = counts.field("values")[int(np.argmax(counts.field("counts").to_numpy()))].as_py()
        detail = f"{name}: {100 * share:.3g} % of the values are not in {where}, mostly {most!r}"
    return _Share("unknown", name, len(strange), len(values), usual, p_value, reference, detail, most)


def _out_of_range(name: str, now: pa.Array, before: pa.Array | None, domain: Any) -> _Share | None:
    values = now.drop_null().to_numpy().astype(np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high = domain.get("min"), domain.get("max")
    reference: Reference = "setting"
    usual, p_value, where = 0.0, 0.0, "the schema's domain"
    if low is None and high is None:
        if before is None or not len(before.drop_null()):
            return None
        trained = before.drop_null().to_numpy().astype(np.float64)
        low, high = float(np.nanmin(trained)), float(np.nanmax(trained))
        usual, reference, where = 2 / (len(trained) + 1), "training", "the range of the training data"
    beyond = np.zeros(len(values), bool)
    if low is not None:
        beyond |= values < low
    if high is not None:
        beyond |= values > high
    count = int(beyond.sum())
    if reference == "training":
        p_value = _more(count, len(values), 2, len(before or ()))
    detail, most = "", None
    if count:
        most = float(_furthest(values[beyond], low, high))
        detail = f"{name}: {100 * count / len(values):.3g} % of the values are beyond {where}, the furthest is {most:g}"
    return _Share("out_of_range", name, count, len(values), usual, p_value, reference, detail, most)


def _furthest(values: np.ndarray, low: float | None, high: float | None) -> float:
    distance = np.maximum(-np.inf if low is None else low - values, -np.inf if high is None else values - high)
    return float(values[int(np.argmax(distance))])


def _more(count: int, rows: int, count_before: int, rows_before: int) -> float:
    """Probability of at least `count` of `rows` if both sides have one rate: Fisher's exact test, one-sided."""
    if rows_before <= 0:
        return 1.0
    return float(hypergeom.sf(count - 1, rows + rows_before, count + count_before, rows))
