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


def audited(
    folder: Path,
    batch: pa.RecordBatch,
    task: str = "binary",
    kinds: str = json.dumps(KINDS),
    more: dict[str, str] | None = None,
    **settings,
):
    """Runs the component on `batch` as train and returns labels.json; the file of split eval is unreadable.

    `more` are further component parameters.
    """
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
        **(more or {}),
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


KRIPPENDORFF = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
"""Krippendorff (2011): four observers, 12 units, "." is missing; nominal alpha 0.743."""


def annotated(rows: int = ROWS, number: type = int) -> pa.RecordBatch:
    """`table` with four annotators, whose first 12 rows are KRIPPENDORFF's units and whose others have no labels."""
    batch = table(flipped, rows)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, cells in KRIPPENDORFF.items():
        known = [None if cell == "." else number(cell) for cell in cells.split()]
        columns[name] = pa.array(known + [None] * (rows - len(known)))
    return pa.RecordBatch.from_pydict(columns)


ANNOTATORS = {"annotators": json.dumps(list(KRIPPENDORFF))}


@pytest.mark.parametrize("number", [int, str])
def test_agreement_of_annotators_equals_that_of_the_libraries(tmp_path, number):
    import krippendorff
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    found = audited(tmp_path, annotated(number=number), more=ANNOTATORS)["agreement"]
    units = np.array(
        [[np.nan if cell == "." else float(cell) for cell in row.split()] for row in KRIPPENDORFF.values()]
    )
    assert found["alpha"] == pytest.approx(
        krippendorff.alpha(reliability_data=units, level_of_measurement="nominal"), abs=1e-12
    )
    assert found["alpha"] == pytest.approx(0.743, abs=0.0005)
    full = units[:, ~np.isnan(units).any(axis=0)].T.astype(int)
    assert found["fleiss"] == pytest.approx(fleiss_kappa(aggregate_raters(full)[0]), abs=1e-12)
    first = next(pair for pair in found["cohen"] if (pair["one"], pair["other"]) == ("A", "B"))
    both = ~np.isnan(units[:2]).any(axis=0)
    assert first["kappa"] == pytest.approx(cohen_kappa_score(*units[:2, both].astype(int)), abs=1e-12)
    assert (found["rows"], found["compared"], found["disagreeing"]) == (ROWS, 11, 3)
    # Unit 6 has four different labels. Its id is that of the examples.
    assert found["send_back"][0] == {"row": 5, "id": "r5", "labels": {"A": "1", "B": "2", "C": "3", "D": "4"}}
    assert found["alpha_interval"] is None  # 11 rows are too few
    assert "reliable" in found["advice"][0] or "tentative" in found["advice"][0]


def test_agreement_of_the_component_equals_that_of_the_command(tmp_path):
    import pyarrow.parquet as pq

    from pipeline.labels.audit import audit

    batch = annotated()
    pq.write_table(pa.table(batch), tmp_path / "table.parquet")
    by_command = audit(
        str(tmp_path / "table.parquet"), "label", ids=["row_id"], labelers=list(KRIPPENDORFF), model="logistic"
    )
    component = audited(tmp_path / "run", batch, more={**ANNOTATORS, "slices": '["color"]'}, model="logistic")
    assert component["agreement"] == json.loads(json.dumps(by_command.to_json()["agreement"]))


def test_agreement_is_absent_without_annotators(tmp_path):
    assert "agreement" not in audited(tmp_path, table(flipped))


def test_a_column_that_no_example_has_is_an_annotator_without_labels(tmp_path):
    found = audited(tmp_path, table(flipped), more={"annotators": '["ann", "ben"]'})["agreement"]
    assert (found["compared"], found["alpha"], [one["labelled"] for one in found["labelers"]]) == (0, None, [0, 0])
