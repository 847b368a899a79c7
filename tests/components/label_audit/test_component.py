"""The component LabelAudit on examples written by ingest: content of labels.json."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.arrow_example_gen.example_encoding import write_examples
from components.label_audit.component import LabelAudit

pytestmark = pytest.mark.slow

ROWS = 400
KINDS = {"categorical": ["color"], "numeric": ["height", "weight"], "cyclical": {}}


def table(labels, rows: int = ROWS) -> pa.RecordBatch:
    """Rows whose `height` and `weight` depend on a random true class; labels(truth) gives the labels."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, rows)
    named = {
        "row_id": [f"r{i}" for i in range(rows)],
        "height": 150.0 + 30 * truth + rng.normal(0, 3, rows),
        "weight": 50.0 + 20 * truth + rng.normal(0, 3, rows),
        "color": rng.choice(["red", "green"], rows).tolist(),
        "label": labels(truth),
    }
    return pa.RecordBatch.from_pydict(named)


def audited(folder: Path, batch: pa.RecordBatch, task: str = "binary", kinds: str = json.dumps(KINDS), **settings):
    """Runs the component on `batch` as train and returns labels.json; the file of split eval is unreadable."""
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types.artifact_utils import encode_split_names
    from tfx.types.standard_artifacts import Examples

    from components.shared.artifacts.artifact_types import LabelReport

    examples, labels = Examples(), LabelReport()
    examples.uri, labels.uri = str(folder / "examples"), str(folder / "labels")
    examples.split_names = encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        (folder / "examples" / f"Split-{split}").mkdir(parents=True)
    (folder / "labels").mkdir()
    # Two files, as written for two spans.
    half = batch.num_rows // 2
    for number, part in enumerate((batch.slice(0, half), batch.slice(half))):
        write_examples([part], f"{examples.uri}/Split-train/data_tfrecord-{number:05d}-of-00002.gz")
    (folder / "examples" / "Split-eval" / "data_tfrecord-00000-of-00001.gz").write_bytes(b"not for the audit")
    executor = LabelAudit.EXECUTOR_SPEC.executor_class(BaseExecutor.Context(tmp_dir=str(folder), unique_id="1"))
    properties = {
        "label": "label",
        "features": json.dumps(["color", "height", "weight"]),
        "ids": json.dumps(["row_id"]),
        "code": "",
        "task": task,
        "kinds": kinds,
        "settings": json.dumps(settings) if settings else "",
    }
    executor.Do({"examples": [examples]}, {"labels": [labels]}, properties)
    return json.loads((folder / "labels" / "labels.json").read_text())


def flipped(truth: np.ndarray) -> np.ndarray:
    """Labels `truth` > 0, with every tenth one flipped."""
    labels = (truth > 0).astype(np.int64)
    labels[::10] = 1 - labels[::10]
    return labels


def test_planted_flips_are_the_worst_issues(tmp_path):
    found = audited(tmp_path, table(flipped))
    assert (found["audited"], found["separable"]) == (ROWS, True)
    wrong = {f"r{i}" for i in range(0, ROWS, 10)}
    suspected = {issue["id"] for issue in found["issues"]}
    assert suspected <= wrong and len(suspected) >= 0.8 * len(wrong)
    assert found["noise"] == len(suspected) / ROWS
    assert all(issue["row"] == int(issue["id"][1:]) for issue in found["issues"])  # rows count across files
    assert all({issue["label"], issue["suggested"]} == {"0", "1"} for issue in found["issues"])


def test_feature_types_are_inferred_from_the_columns_by_default(tmp_path):
    batch = table(flipped)
    given, inferred = audited(tmp_path / "given", batch), audited(tmp_path / "inferred", batch, kinds="")
    assert {issue["id"] for issue in given["issues"][:10]} == {issue["id"] for issue in inferred["issues"][:10]}


def test_several_classes_are_suggested_by_name(tmp_path):
    names = np.array(["low", "middle", "high"])
    planted = range(0, ROWS, 10)

    def mixed_up(truth: np.ndarray) -> list[str]:
        labels = names[truth]
        for row in planted:
            labels[row] = names[(truth[row] + 1 + row // 10 % 2) % 3]
        return labels.tolist()

    found = audited(tmp_path, table(mixed_up), "multiclass")
    truth = np.random.default_rng(7).integers(0, 3, ROWS)
    right = [issue["row"] for issue in found["issues"] if issue["suggested"] == names[truth[issue["row"]]]]
    assert len(set(right) & set(planted)) >= 0.9 * len(planted)
    assert found["doubtful"] <= 1.1 * len(planted)
    assert {row["label"] for row in found["class_noise"]} == {"low", "middle", "high"}


def test_a_numeric_label_far_from_its_prediction_is_an_issue(tmp_path):
    def prices(truth: np.ndarray) -> np.ndarray:
        values = 100.0 * truth + np.random.default_rng(1).normal(0, 1, len(truth))
        values[7] += 500
        return values

    found = audited(tmp_path, table(prices), "regression")
    assert found["separable"] is None
    assert found["issues"][0]["id"] == "r7"
    assert float(found["issues"][0]["suggested"]) == pytest.approx(
        100 * np.random.default_rng(7).integers(0, 3, ROWS)[7], abs=20
    )


def test_rows_without_a_label_are_counted_and_not_scored(tmp_path):
    def gaps(truth: np.ndarray) -> list:
        return [None if i % 10 == 3 else label for i, label in enumerate(flipped(truth).tolist())]

    found = audited(tmp_path, table(gaps))
    assert found["audited"] == ROWS - ROWS // 10
    assert any("40 rows without a label are not audited" in note for note in found["notes"])
    assert not {issue["row"] for issue in found["issues"]} & set(range(3, ROWS, 10))


def test_one_class_gives_a_note_and_no_error(tmp_path):
    found = audited(tmp_path, table(lambda truth: np.ones(len(truth), np.int64)))
    assert (found["audited"], found["issues"], found["noise"]) == (0, [], 0.0)
    assert any("at least 2 are needed" in note for note in found["notes"])


def test_component_applies_the_settings(tmp_path):
    found = audited(tmp_path, table(flipped), model="logistic", max_issues=3, folds=2)
    assert (found["model"], len(found["issues"])) == ("logistic", 3)
    assert found["doubtful"] > 3
