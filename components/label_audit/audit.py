"""The label audit of one table and its result, the content of `labels.json`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from components.label_audit.consistency import LabelConsistency, label_consistency
from components.label_audit.disagreement import row_id
from components.label_audit.encoding import EncodedFeatures, FeatureTypes, encode_features
from components.label_audit.label_issues import LabelQuality, find_class_issues, find_number_issues
from components.label_audit.outliers import OUTLYING, NearConflict, Outlier, near_conflicts, outlier_scores
from components.label_audit.settings import LabelAuditSettings

MAX_LISTED = 20
"""Maximum number of confused pairs, near conflicts and outliers in the result."""
MAX_CLASSES_LISTED = 100
"""Maximum number of classes in `class_noise`."""


@dataclass(frozen=True)
class LabelIssue:
    """A suspected label error.

    Attributes:
      row: 0-based position in the audited data.
      id: The row's id; None if the data have no id columns.
      label: The given label as text.
      suggested: The most probable other class; for a regression the prediction.
      quality: Label quality in [0, 1]; near 0 the label is probably wrong.
    """

    row: int
    id: str | None
    label: str
    suggested: str
    quality: float


@dataclass(frozen=True)
class ClassNoise:
    """Suspected label errors of one given class.

    Attributes:
      label: The class.
      rows: Scored rows with this label.
      doubtful: Suspected label errors among them.
      noise: doubtful / rows, in [0, 1].
    """

    label: str
    rows: int
    doubtful: int
    noise: float


@dataclass(frozen=True)
class ConfusedClasses:
    """A pair of given and suggested class.

    Attributes:
      label: The given class.
      suggested: The suggested class.
      rows: Suspected label errors with this pair.
      share: Share of all suspected label errors, in [0, 1].
    """

    label: str
    suggested: str
    rows: int
    share: float


@dataclass(frozen=True)
class LabelAudit:
    """Result of the label audit.

    Attributes:
      consistency: Label consistency among rows that are equal in every feature.
      audited: Rows whose label quality was estimated, from out-of-sample predictions.
      learned: Rows that the models were trained on.
      model: Names of the models, joined by "+".
      doubtful: Number of suspected label errors; `issues` lists those of lowest quality.
      noise: Estimated share of wrong labels, in [0, 1]: doubtful / audited. Where `separable` is false it is an upper
        estimate, because rows that are hard to predict are counted, too.
      separable: Whether the models separate the classes; None for a regression or where no row was scored.
      issues: Suspected label errors, lowest quality first.
      class_noise: Suspected label errors by given class, highest noise first.
      confused: Pairs of given and suggested class, most frequent first.
      near_conflicting_rows: Rows that are nearly equal to a row with another label.
      near_conflicts: The largest groups of such rows.
      outlying_rows: Number of outliers.
      outliers: Outliers, highest score first.
      notes: Rows that were not scored, with the reason, and limits of the figures.
    """

    consistency: LabelConsistency
    audited: int
    learned: int
    model: str
    doubtful: int
    noise: float
    separable: bool | None
    issues: tuple[LabelIssue, ...]
    class_noise: tuple[ClassNoise, ...]
    confused: tuple[ConfusedClasses, ...]
    near_conflicting_rows: int
    near_conflicts: tuple[NearConflict, ...]
    outlying_rows: int
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns all fields as JSON; the fields of `consistency` are on the same level as the others.

        `judged` is the former name of `audited`, for readers of earlier versions.
        """
        fields = asdict(self)
        return {**fields.pop("consistency"), **fields, "judged": self.audited}


def audit_labels(
    rows: pd.DataFrame,
    label: str,
    kinds: FeatureTypes,
    ids: Sequence[str] = (),
    regression: bool = False,
    settings: LabelAuditSettings | None = None,
    embeddings: Mapping[str, np.ndarray] | None = None,
) -> LabelAudit:
    """Audits the labels of a table.

    Args:
      rows: One row for each example; features and label may have missing values.
      label: The label column.
      kinds: Feature columns by type.
      ids: Id columns. Repeated ids are counted; their rows are scored like all others.
      regression: Whether the label is a number to predict instead of a class.
      settings: Label-audit settings; None for the defaults.
      embeddings: Image column -> its embedding, float32 [N, D], NaN where missing; `rows` holds a digest of each image.

    Raises:
      InputError: A numeric feature holds a value that is not a number.
    """
    settings = settings or LabelAuditSettings()
    rows = rows.reset_index(drop=True)
    encoded = encode_features(rows, kinds, embeddings)
    find_issues = find_number_issues if regression else find_class_issues
    found = find_issues(rows[label], encoded, settings)
    names = rows[list(ids)] if ids else None

    def name(row: int) -> str | None:
        return None if names is None else row_id(names, row)

    ranked = found.ranked
    worst = [
        LabelIssue(
            row=int(found.rows[at]),
            id=name(int(found.rows[at])),
            label=str(found.labels[at]),
            suggested=str(found.suggested[at]),
            quality=round(float(found.quality[at]), 6),
        )
        for at in ranked[: settings.max_issues]
    ]
    near, groups = (0, []) if regression or not kinds.names else _near(found, encoded)
    scores = outlier_scores(encoded, settings.seed)
    outlying = np.flatnonzero(scores >= OUTLYING)
    highest = outlying[np.argsort(-scores[outlying], kind="stable")[:MAX_LISTED]]
    return LabelAudit(
        consistency=_consistency(rows, label, kinds, ids, regression),
        audited=len(found.rows),
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
        outlying_rows=len(outlying),
        outliers=tuple(Outlier(int(row), name(int(row)), round(float(scores[row]), 4)) for row in highest),
        notes=found.notes,
    )


def _near(found: LabelQuality, encoded: EncodedFeatures) -> tuple[int, list[NearConflict]]:
    part = encoded.of(found.rows)
    near, groups = near_conflicts(part, found.codes, list(found.classes), MAX_LISTED)
    in_data = [NearConflict(tuple(int(found.rows[at]) for at in g.rows), g.size, g.labels) for g in groups]
    return near, in_data


def _consistency(
    rows: pd.DataFrame, label: str, kinds: FeatureTypes, ids: Sequence[str], regression: bool
) -> LabelConsistency:
    labelled = rows[rows[label].notna()]
    if kinds.names:
        found = label_consistency(labelled, label, kinds.names, ids)
    else:
        found = label_consistency(labelled.assign(**{"": 0}), label, [""], ids)
    return replace(found, classes={}) if regression else found  # class shares mean nothing for a regression


def _class_noise(found: LabelQuality) -> list[ClassNoise]:
    if not len(found.rows) or not found.classes:
        return []
    rows = np.bincount(found.codes, minlength=len(found.classes))
    doubtful = np.bincount(found.codes[found.ranked], minlength=len(found.classes))
    each = [
        ClassNoise(label, int(n), int(bad), float(bad / n))
        for label, n, bad in zip(found.classes, rows, doubtful, strict=True)
    ]
    return sorted(each, key=lambda row: -row.noise)[:MAX_CLASSES_LISTED]


def _confused(found: LabelQuality) -> list[ConfusedClasses]:
    if not found.classes:
        return []
    pairs = Counter(zip(found.labels[found.ranked], found.suggested[found.ranked], strict=True))
    return [
        ConfusedClasses(str(label), str(suggested), rows, rows / len(found.ranked))
        for (label, suggested), rows in pairs.most_common(MAX_LISTED)
    ]
