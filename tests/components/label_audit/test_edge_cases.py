"""Edge cases: missing labels, one annotator, one class, ten thousand classes, repeated ids."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from components.label_audit.agreement import agreement
from components.label_audit.audit import audit_labels
from components.label_audit.audit_text import agreement_lines, audit_lines
from components.label_audit.encoding import FeatureTypes
from components.label_audit.export import label_issues_csv
from components.label_audit.recommendations import recommendations

KINDS = FeatureTypes((), ("x",))


def separable(rows: int = 200) -> pd.DataFrame:
    """Two separable classes with ten wrong labels; ids in `id`."""
    rng = np.random.default_rng(11)
    truth = np.arange(rows) % 2
    given = truth.copy()
    given[:10] = 1 - given[:10]
    return pd.DataFrame(
        {"id": [f"r{i}" for i in range(rows)], "x": 6.0 * truth + rng.normal(size=rows), "label": given}
    )


def test_missing_labels_of_some_annotators_by_hand():
    """Four rows; a and b share two, a and c three, b and c one."""
    frame = pd.DataFrame({"a": ["x", "x", "x", "y"], "b": ["x", "y", None, None], "c": [None, "y", "x", "x"]})
    found = agreement(frame, ["a", "b", "c"])
    # Row 0: a-b equal. Row 1: a-b and a-c differ, b-c equal. Row 2: a-c equal. Row 3: a-c differ. 3 of 6 pairs.
    assert found.raw == pytest.approx(3 / 6)
    assert [(pair.one, pair.other, pair.rows, pair.agreement) for pair in found.cohen] == [
        ("a", "b", 2, 0.5),
        ("a", "c", 3, pytest.approx(1 / 3)),
        ("b", "c", 1, 1.0),
    ]
    assert [labeler.labelled for labeler in found.labelers] == [4, 2, 3]
    # b and c share one row and one class: kappa is not defined there, and only row 1 has all three.
    assert found.cohen[2].kappa is None
    # Alpha: of 9 labels 6 are x and 3 y. Ordered pairs that differ, each weighted 1 / (labels in its row - 1): row 1
    # has 4 / 2, row 3 2 / 1, so 4 / 9 observed. Expected 2 * 6 * 3 / (9 * 8) = 1 / 2. Alpha 1 - (4 / 9) / (1 / 2).
    assert found.alpha == pytest.approx(1 / 9)
    assert agreement_lines(found)


def test_an_annotator_without_labels_changes_nothing():
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": ["x", "x", "x"]})
    alone = agreement(frame, ["a", "b"])
    found = agreement(frame.assign(c=None), ["a", "b", "c"])
    assert (found.raw, found.alpha, found.disagreeing) == (alone.raw, alone.alpha, alone.disagreeing)
    assert (found.labelers[2].labelled, found.labelers[2].agreement) == (0, None)
    assert found.fleiss is None  # not defined with gaps: no row has all three
    assert {(pair.one, pair.other): pair.rows for pair in found.cohen}["a", "c"] == 0


def test_a_single_annotator_gets_the_advice_to_label_twice():
    found = agreement(pd.DataFrame({"a": ["x", "y", None]}), ["a"])
    assert (found.raw, found.fleiss, found.alpha, found.human_level, found.cohen) == (None, None, None, None, ())
    assert found.labelers[0].labelled == 2
    assert agreement_lines(found) and "labelled twice" in recommendations(found)[0]


@pytest.mark.parametrize("labelers", [["a"], ["a", "b"]])
def test_no_label_at_all(labelers):
    found = agreement(pd.DataFrame({"a": [None, None], "b": [None, None]}), labelers)
    assert (found.rows, found.compared, found.classes, found.raw) == (2, 0, 0, None)
    assert agreement_lines(found)


def test_one_class_has_no_issues_and_undefined_agreement():
    found = audit_labels(separable().assign(label="yes"), "label", KINDS, ["id"])
    assert (found.doubtful, found.noise, found.issues) == (0, 0.0, ())
    assert "at least 2 are needed" in "\n".join(audit_lines(found))
    same = agreement(pd.DataFrame({"a": ["x"] * 3, "b": ["x"] * 3}), ["a", "b"])
    assert (same.raw, same.cohen[0].kappa, same.fleiss, same.alpha) == (1.0, None, None, None)


def test_ten_thousand_classes_by_three_annotators():
    truth = np.arange(20_000) % 10_000
    off = truth.copy()
    off[:2000] = (off[:2000] + 1) % 10_000
    found = agreement(pd.DataFrame({"a": truth, "b": truth, "c": off}), ["a", "b", "c"])
    # Of three pairs a row, two differ in 2,000 of 20,000 rows: 1 - 4,000 / 60,000.
    assert (found.classes, found.disagreeing) == (10_000, 2000)
    assert found.raw == pytest.approx(1 - 4000 / 60_000)
    # By chance two of ten thousand classes agree once in 10,000: kappa and alpha are raw, nearly.
    assert found.fleiss == pytest.approx(found.raw, abs=1e-4)
    assert found.alpha == pytest.approx(found.raw, abs=1e-4)


def test_ten_thousand_classes_of_two_rows_are_not_scored_but_reported():
    rows = pd.DataFrame({"x": np.arange(20_000.0), "label": np.arange(20_000) % 10_000})
    found = audit_labels(rows, "label", KINDS)
    assert (found.audited, found.doubtful, found.consistency.rows) == (0, 0, 20_000)
    assert "10,000 classes" in "\n".join(found.notes)


def test_rows_of_repeated_ids_are_scored_and_not_exported():
    rows = separable()
    rows.loc[[0, 1], "id"] = "twice"
    found = audit_labels(rows, "label", KINDS, ["id"])
    assert found.consistency.repeated_ids == 2
    named = {issue.row: issue.id for issue in found.issues}
    assert named[0] == named[1] == "twice" and set(range(10)) <= named.keys()
    text = label_issues_csv(found.issues, "label", frozenset({"twice"}))[0]
    ids = [line["id"] for line in csv.DictReader(io.StringIO(text))]
    assert len(ids) == len(found.issues) - 2 and "twice" not in ids


def test_missing_labels_and_ids_together():
    rows = separable().astype({"label": "Int64"})
    rows.loc[[3, 50], "label"] = None
    rows.loc[4, "id"] = None
    found = audit_labels(rows, "label", KINDS, ["id"])
    assert found.audited == 198 and not {3, 50} & {issue.row for issue in found.issues}
    assert {0, 1, 2, 4} <= {issue.row for issue in found.issues}
