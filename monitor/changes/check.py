"""Measurements of what changed in a window: the relation between inputs and label, and the share of the label."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.changes.diagnosis import ChangeSettings, Diagnosis, diagnose
from monitor.measurement import Measurement
from monitor.performance.delays import ArrivalModel
from monitor.performance.window_rows import FeatureEncoder, reference_rows, window_rows
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData

MAX_SLICES = 30
VALUES = 5
PARTS = 3


def check_changes(
    data: WindowData,
    baseline: Baseline,
    settings: ChangeSettings,
    now: datetime,
    like: WindowData | None = None,
    arrival: ArrivalModel | None = None,
) -> tuple[list[Measurement], Diagnosis | None]:
    """Diagnoses one version in one window.

    Args:
      data: The window.
      baseline: Baseline of the version, whose evaluation rows are the reference.
      settings: Settings.
      now: Time up to which labels are known; timezone-aware.
      like: The window one season ago, if the same version answered it.
      arrival: Arrival of labels in mature windows (monitor.performance.state.arrival_model).

    Returns:
      Measurements of the kinds concept_drift and prior_shift, whose detail is the diagnosis; and the diagnosis. Nothing
      if the baseline has no evaluation rows.
    """
    found = reference_rows(baseline)
    if found is None:
        return [], None
    reference, encoder = found
    rows = window_rows(data, baseline, encoder, now)
    if not len(rows):
        return [], None
    before = None if like is None else window_rows(like, baseline, encoder, now)
    slices = feature_slices(data.features(baseline.version), encoder, baseline.importances)
    if len(rows) != len(data.rows(baseline.version)):  # rows without a prediction were left out
        slices = {}
    diagnosis = diagnose(reference, rows, settings, names=encoder.names, slices=slices, like=before, arrival=arrival)
    return measurements(diagnosis, len(rows), baseline.version, settings), diagnosis


def measurements(diagnosis: Diagnosis, rows: int, version: int, settings: ChangeSettings) -> list[Measurement]:
    """Turns a diagnosis into measurements.

    A significant concept drift has the effect of its largest test; what the diagnosis does not call a moved relation
    has effect 0, whatever the size of a mean that noise may explain.
    """
    relation, season = diagnosis.relation, diagnosis.kind == "season"
    concept = Measurement(
        kind="concept_drift", subject="(label)", measure="residual", slice="",
        value=None if relation is None else abs(relation.effect),
        effect=abs(relation.effect) if relation is not None and diagnosis.kind == "concept" else 0.0,
        moderate=settings.relation, severe=settings.severe * settings.relation, rows=diagnosis.labels,
        detail=diagnosis.text, reference="history" if season else "evaluation", version=version,
        p_value=relation.adjusted if relation else None, at=(relation and relation.slice) or None,
    )  # fmt: skip
    if diagnosis.prior is None:
        return [concept]
    prior = diagnosis.prior
    at = int(np.argmax(np.abs(prior.shares - prior.reference)))
    shares, errors = prior.shares, prior.errors
    share = float(shares[at]) if diagnosis.share is None else (diagnosis.share if at == 1 else 1 - diagnosis.share)
    normal, reach = float(prior.reference[at]), 1.645 * float(errors[at])
    return [
        concept,
        Measurement(
            kind="prior_shift", subject="(label)", measure="em" if diagnosis.share is None else "labels", value=share,
            effect=abs(share - normal) if diagnosis.kind == "prior" else 0.0, moderate=settings.relation,
            severe=settings.severe * settings.relation, rows=rows, detail=diagnosis.text, reference="evaluation",
            reference_value=normal, version=version, at=f"class {at}",
            low=max(0.0, share - reach) if diagnosis.share is None else None,
            high=min(1.0, share + reach) if diagnosis.share is None else None,
        ),
    ]  # fmt: skip


def feature_slices(table: pa.Table, encoder: FeatureEncoder, importances: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Slices of rows by single features: the frequent values of texts, thirds of numbers; the important ones first.

    Args:
      table: Features of N rows.
      encoder: Encoder of the features.
      importances: Feature -> importance; {} keeps the order of the features.

    Returns:
      "feature=value" or "feature in [low, high)" -> rows, bool [N]; at most MAX_SLICES.
    """
    names = sorted((name for name in encoder.names if name in table.column_names), key=lambda n: -importances.get(n, 0))
    values = encoder.encode(table)
    found: dict[str, np.ndarray] = {}
    for name in names:
        if len(found) >= MAX_SLICES:
            break
        column = values[:, encoder.names.index(name)]
        if name in encoder.ranks:
            texts = list(encoder.ranks[name])[:VALUES]
            found.update({f"{name}={text}": column == rank for rank, text in enumerate(texts)})
            continue
        there = column[np.isfinite(column)]
        if not len(there):
            continue
        edges = [-np.inf, *np.unique(np.quantile(there, np.arange(1, PARTS) / PARTS)), np.inf]
        for low, high in pairwise(edges):
            if len(edges) > 2:
                found[f"{name} in [{_shown(table, name, low)}, {_shown(table, name, high)})"] = (
                    (column >= low) & (column < high)
                )  # fmt: skip
    return {name: mask for name, mask in found.items() if 0 < mask.sum() < len(mask)}


def _shown(table: pa.Table, name: str, value: float) -> str:
    kind = table[name].type
    if np.isinf(value):
        return "-inf" if value < 0 else "inf"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return str(pc.cast(pa.scalar(int(value)), pa.timestamp("us")).as_py().date())
    return f"{value:.4g}"
