import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from components.label_audit.audit import LabelIssue, audit_labels
from components.label_audit.audit_text import audit_lines
from components.label_audit.encoding import FeatureTypes, encode_features
from components.label_audit.export import COLUMNS, AutoCorrection, ExportCounts, label_issues_csv
from components.label_audit.outliers import near_conflicts, outlier_scores
from components.label_audit.settings import LabelAuditSettings

KINDS = FeatureTypes(("color",), ("x", "y"))


def blobs(rows: int = 600, classes: int = 3) -> pd.DataFrame:
    """Separable classes with 30 flipped labels; the column `truth` holds the true labels."""
    rng = np.random.default_rng(3)
    truth = np.arange(rows) % classes
    frame = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(rows)],
            "x": truth * 4 + rng.normal(size=rows),
            "y": -truth * 4 + rng.normal(size=rows),
            "color": rng.choice(["red", "blue"], rows),
            "truth": [f"class {k}" for k in truth],
        }
    )
    given = truth.copy()
    hit = rng.choice(rows, 30, replace=False)
    given[hit] = (given[hit] + 1) % classes
    return frame.assign(label=[f"class {k}" for k in given])


def test_flipped_labels_are_found_and_the_true_class_is_suggested():
    rows = blobs()
    found = audit_labels(rows, "label", KINDS, ["id"])
    wrong = set(np.flatnonzero(rows["label"] != rows["truth"]))
    named = {issue.row for issue in found.issues}
    assert len(named & wrong) >= 28 and len(named - wrong) <= 3
    assert all(issue.suggested == rows["truth"][issue.row] for issue in found.issues if issue.row in wrong)
    assert all(issue.id == f"r{issue.row}" and issue.label == rows["label"][issue.row] for issue in found.issues)
    qualities = [issue.quality for issue in found.issues]
    assert qualities == sorted(qualities) and qualities[0] >= 0 and qualities[-1] <= 1
    assert found.separable
    assert found.noise == found.doubtful / 600 == pytest.approx(0.05, abs=0.01)
    assert sum(pair.rows for pair in found.confused) == found.doubtful
    assert sum(each.doubtful for each in found.class_noise) == found.doubtful


def test_json_keeps_the_fields_of_the_first_version():
    found = audit_labels(blobs(), "label", KINDS, ["id"]).to_json()
    assert {"rows", "classes", "repeated_rows", "conflicting_rows", "ceiling", "repeated_ids"} <= found.keys()
    assert {"issues", "noise", "judged", "doubtful", "confused", "outliers", "notes"} <= found.keys()
    json.dumps(found, allow_nan=False)


def test_result_is_reproducible_and_independent_of_the_index():
    rows = blobs()
    assert audit_labels(rows, "label", KINDS) == audit_labels(rows.set_index("id", drop=False), "label", KINDS)


def test_missing_labels_are_not_scored_but_reported():
    rows = blobs()
    rows.loc[[0, 5], "label"] = None
    found = audit_labels(rows, "label", KINDS)
    assert found.audited == 598 and found.consistency.rows == 598
    assert any(note.startswith("2 rows without a label") for note in found.notes)
    assert not {0, 5} & {issue.row for issue in found.issues}


@pytest.mark.parametrize("label", ["yes", None])
def test_one_class_or_no_class_gives_a_note_and_no_issues(label):
    found = audit_labels(blobs().assign(label=label), "label", KINDS)
    assert (found.audited, found.doubtful, found.noise, found.separable) == (0, 0, 0.0, None)
    assert "at least 2 are needed" in found.notes[-1]
    assert audit_lines(found) == list(found.notes)


def test_no_rows_and_no_features():
    rows = blobs()
    assert audit_labels(rows.iloc[:0], "label", KINDS).doubtful == 0
    assert "no feature" in audit_labels(rows, "label", FeatureTypes()).notes[-1]


def test_rare_classes_are_left_out_and_counted():
    rows = blobs()
    rows.loc[:2, "label"] = "rare"
    found = audit_labels(rows, "label", KINDS)
    assert found.audited == 597
    assert any("3 rows of 1 classes are not audited" in note for note in found.notes)


def test_ten_thousand_classes():
    rows = pd.DataFrame({"x": np.arange(30_000.0), "label": np.arange(30_000) % 10_000})
    rows.loc[rows["x"] < 6000, "label"] = (rows["x"] // 3000).astype(int)
    found = audit_labels(rows, "label", FeatureTypes((), ("x",)))
    assert len(found.consistency.classes) == 10_000
    assert found.audited >= 6000
    assert any("classes are not audited" in note for note in found.notes)


def test_repeated_ids_are_counted_and_their_rows_scored():
    rows = blobs().assign(id="same")
    found = audit_labels(rows, "label", KINDS, ["id"])
    assert (found.consistency.repeated_ids, found.audited) == (600, 600)


def test_numeric_labels_are_scored_by_residual():
    rng = np.random.default_rng(8)
    rows = pd.DataFrame({"x": rng.uniform(0, 100, 1500)})
    rows["price"] = 3 * rows["x"] + rng.normal(0, 2, 1500)
    wrong = [10, 700, 1400]
    rows.loc[wrong, "price"] *= -10
    found = audit_labels(rows, "price", FeatureTypes((), ("x",)), regression=True)
    assert {issue.row for issue in found.issues[:3]} == set(wrong)
    assert found.doubtful <= 15
    assert float(found.issues[0].suggested) == pytest.approx(3 * rows["x"][found.issues[0].row], abs=15)
    assert (found.class_noise, found.confused, found.separable) == ((), (), None)


def test_issues_are_limited_but_all_are_counted():
    found = audit_labels(blobs(), "label", KINDS, settings=LabelAuditSettings(max_issues=5))
    assert len(found.issues) == 5 and found.doubtful > 20


def test_nearly_equal_rows_with_different_labels():
    rng = np.random.default_rng(9)
    rows = pd.DataFrame({"x": rng.uniform(0, 1000, 300), "color": "red"})
    rows.loc[[3, 4], "x"] = [500.0, 500.01]
    encoded = encode_features(rows, FeatureTypes(("color",), ("x",)))
    labels = np.zeros(300, np.int64)
    assert near_conflicts(encoded, labels, ["a", "b"], 5) == (0, [])
    labels[3] = 1
    count, groups = near_conflicts(encoded, labels, ["a", "b"], 5)
    assert count >= 2
    assert all(3 in group.rows and group.labels["b"] == 1 for group in groups)
    blue = encode_features(
        rows.assign(color=np.where(np.arange(300) == 3, "blue", "red")), FeatureTypes(("color",), ("x",))
    )
    assert near_conflicts(blue, labels, ["a", "b"], 5) == (0, [])


def test_an_outlier_has_the_highest_score():
    rows = blobs()
    rows.loc[17, ["x", "y"]] = [1e4, 1e4]
    scores = outlier_scores(encode_features(rows, KINDS))
    assert scores.argmax() == 17 and ((scores > 0) & (scores <= 1)).all()


def test_exported_corrections_have_the_columns_of_ingest():
    issues = [
        LabelIssue(4, "a,1", "yes", "no", 0.01),
        LabelIssue(7, "b", "no", "yes", 0.2),
        LabelIssue(9, None, "no", "yes", 0.3),
    ]
    text, exported = label_issues_csv(issues, "label", frozenset({"b"}))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS == ("id", "field", "value", "reason", "by", "when")
    assert exported == ExportCounts(rows=len(rows), filled=0, left_out=2)
    assert len(rows) == 1
    assert rows[0] == {
        "id": "a,1",
        "field": "label",
        "value": "",
        "reason": "audit: labelled yes, looks like no (quality 0.010)",
        "by": "",
        "when": "",
    }


def test_auto_fills_in_and_signs_issues_up_to_the_threshold():
    issues = [
        LabelIssue(0, "a", "yes", "no", 0.01),
        LabelIssue(1, "b", "no", "yes", 0.05),
        LabelIssue(2, "c", "no", "yes", 0.0501),
    ]
    text, exported = label_issues_csv(issues, "label", auto=AutoCorrection(0.05, "boosting", "2026-11-21"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert exported == ExportCounts(rows=3, filled=2, left_out=0)
    assert [(row["value"], row["by"], row["when"]) for row in rows] == [
        ("no", "auto (quality <= 0.05, model boosting)", "2026-11-21"),
        ("yes", "auto (quality <= 0.05, model boosting)", "2026-11-21"),
        ("", "", ""),
    ]
    assert rows[0]["reason"] == "audit: labelled yes, looks like no (quality 0.01)"


def test_auto_skips_repeated_ids():
    issues = [LabelIssue(0, "a", "yes", "no", 0.0), LabelIssue(1, "b", "no", "yes", 0.0)]
    text, exported = label_issues_csv(issues, "label", frozenset({"a"}), AutoCorrection(0.5, "forest", "2026-11-21"))
    assert exported == ExportCounts(rows=1, filled=1, left_out=1)
    assert "\na," not in text


def test_text_output():
    text = "\n".join(audit_lines(audit_labels(blobs(), "label", KINDS, ["id"])))
    assert "labels are suspected errors" in text and "class 0 -> class 2" in text and "forest+neighbours" in text
