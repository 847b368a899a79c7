"""The label audit of one table: all that is said about its labels, as one record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from components.label_audit.consistency import LabelConsistency, label_consistency
from components.label_audit.disagreement import row_id
from components.label_audit.encoding import Encoded, Kinds, encode
from components.label_audit.label_issues import Judged, judge_classes, judge_numbers
from components.label_audit.outliers import OUTLYING, NearConflict, Outlier, near_conflicts, outlier_scores
from components.label_audit.settings import Settings

MOST_LISTED = 20
"""Confused pairs, near conflicts and outliers that are listed."""
MOST_CLASSES_LISTED = 100


@dataclass(frozen=True)
class Issue:
    """A doubtful label.

    Attributes:
      row: 0-based, in the data that was audited.
      id: The row's id, or None.
      label: As given, as a text.
      suggested: The likeliest other label; a regression's prediction.
      quality: In [0, 1]: 0 = surely wrong, 1 = surely right.
    """

    row: int
    id: str | None
    label: str
    suggested: str
    quality: float


@dataclass(frozen=True)
class ClassNoise:
    """One class as it was given: `rows` judged, of which `doubtful`; `noise` is their share, in [0, 1]."""

    label: str
    rows: int
    doubtful: int
    noise: float


@dataclass(frozen=True)
class Confused:
    """`rows` labelled `label` that rather look like `suggested`; `share` of all doubtful rows."""

    label: str
    suggested: str
    rows: int
    share: float


@dataclass(frozen=True)
class LabelAudit:
    """All of it.

    Attributes:
      consistency: Of rows that are equal in every feature.
      judged: Rows judged out of sample.
      learned: Rows that the models learnt from.
      model: Their names, joined by "+".
      doubtful: Rows whose label is doubtful; `issues` lists the worst.
      noise: Estimated share of wrong labels among the judged, in [0, 1]: doubtful / judged. Where `separable` is
        false it is an upper estimate, since hard rows are in it.
      separable: Whether the classes can be told apart; None for a regression or where nothing was judged.
      issues: Worst first.
      class_noise: By given class, noisiest first.
      confused: Pairs of classes, most frequent first.
      near_conflicting_rows: Rows that are nearly alike and labelled differently.
      near_conflicts: The largest groups of these.
      outlying_rows: Rows unlike all others.
      outliers: The strangest of these.
      notes: What was not judged and why, and how far the figures carry.
    """

    consistency: LabelConsistency
    judged: int
    learned: int
    model: str
    doubtful: int
    noise: float
    separable: bool | None
    issues: tuple[Issue, ...]
    class_noise: tuple[ClassNoise, ...]
    confused: tuple[Confused, ...]
    near_conflicting_rows: int
    near_conflicts: tuple[NearConflict, ...]
    outlying_rows: int
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields of the consistency and the others, side by side."""
        fields = asdict(self)
        return {**fields.pop("consistency"), **fields}


def audit_labels(
    rows: pd.DataFrame,
    label: str,
    kinds: Kinds,
    ids: Sequence[str] = (),
    regression: bool = False,
    settings: Settings | None = None,
) -> LabelAudit:
    """Audits labels.

    Args:
      rows: One row an example; features and label may be missing.
      label: Column.
      kinds: Feature columns by kind.
      ids: Columns that name a row; a repeated id is counted, and its rows are judged like any other.
      regression: Whether the label is a number to predict instead of a class.
      settings: How.

    Raises:
      InputError: A numeric feature holds what is no number.
    """
    settings = settings or Settings()
    rows = rows.reset_index(drop=True)
    encoded = encode(rows, kinds)
    judge = judge_numbers if regression else judge_classes
    found = judge(rows[label], encoded, settings)
    names = rows[list(ids)] if ids else None

    def name(row: int) -> str | None:
        return None if names is None else row_id(names, row)

    ranked = found.ranked
    worst = [
        Issue(
            row=int(found.rows[at]),
            id=name(int(found.rows[at])),
            label=str(found.labels[at]),
            suggested=str(found.suggested[at]),
            quality=round(float(found.quality[at]), 6),
        )
        for at in ranked[: settings.most_issues]
    ]
    near, groups = (0, []) if regression or not kinds.names else _near(found, encoded)
    scores = outlier_scores(encoded, settings.seed)
    strange = np.flatnonzero(scores >= OUTLYING)
    strangest = strange[np.argsort(-scores[strange], kind="stable")[:MOST_LISTED]]
    return LabelAudit(
        consistency=_consistency(rows, label, kinds, ids, regression),
        judged=len(found.rows),
        learned=found.learned,
        model="+".join(found.models),
        doubtful=len(ranked),
        noise=len(ranked) / len(found.rows) if len(found.rows) else 0.0,
        separable=found.separable,
        issues=tuple(worst),
        class_noise=tuple(_class_noise(found)),
        confused=tuple(_confused(found)),
        near_conflicting_rows=near,
        near_conflicts=tuple(groups),
        outlying_rows=len(strange),
        outliers=tuple(Outlier(int(row), name(int(row)), round(float(scores[row]), 4)) for row in strangest),
        notes=found.notes,
    )


def _near(found: Judged, encoded: Encoded) -> tuple[int, list[NearConflict]]:
    part = Encoded(encoded.matrix[found.rows], encoded.categorical, encoded.periods)
    near, groups = near_conflicts(part, found.codes, list(found.classes), MOST_LISTED)
    in_data = [NearConflict(tuple(int(found.rows[at]) for at in g.rows), g.size, g.labels) for g in groups]
    return near, in_data


def _consistency(
    rows: pd.DataFrame, label: str, kinds: Kinds, ids: Sequence[str], regression: bool
) -> LabelConsistency:
    labelled = rows[rows[label].notna()]
    if kinds.names:
        found = label_consistency(labelled, label, kinds.names, ids)
    else:
        found = label_consistency(labelled.assign(**{"": 0}), label, [""], ids)
    return replace(found, classes={}) if regression else found  # every number would be a class


def _class_noise(found: Judged) -> list[ClassNoise]:
    if not len(found.rows) or not found.classes:
        return []
    rows = np.bincount(found.codes, minlength=len(found.classes))
    doubtful = np.bincount(found.codes[found.ranked], minlength=len(found.classes))
    each = [
        ClassNoise(label, int(n), int(bad), float(bad / n))
        for label, n, bad in zip(found.classes, rows, doubtful, strict=True)
    ]
    return sorted(each, key=lambda row: -row.noise)[:MOST_CLASSES_LISTED]


def _confused(found: Judged) -> list[Confused]:
    if not found.classes:
        return []
    pairs = Counter(zip(found.labels[found.ranked], found.suggested[found.ranked], strict=True))
    return [
        Confused(str(label), str(suggested), rows, rows / len(found.ranked))
        for (label, suggested), rows in pairs.most_common(MOST_LISTED)
    ]
