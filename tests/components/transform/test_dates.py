"""Dates, timestamps and lists: served graphs transform raw rows as training did, in both graphs."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import schema_utils

from components.shared.features.calendar_parts import DAY
from components.shared.features.derived_features import candidates
from components.shared.features.transform_matrices import load_matrices
from components.trainer.raw_inputs import SentAsText, raw_inputs
from components.transform.analysis import analyse_batches
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR
from components.transform.scaling import QUANTILES

ROWS = 400
DATES, LISTS = {"born": "date", "at": "timestamp"}, {"tags": "string", "scores": "float64"}
MOMENTS = {**DATES}
NUMERIC, CYCLICAL = candidates(DATES, ("at", "timestamp"), LISTS)
FEATURES: dict[str, Any] = {
    "categorical": [],
    "numeric": ["n"],
    "cyclical": {},
    "min_count": 3,
    "dates": DATES,
    "lists": LISTS,
    "moments": MOMENTS,
    "separators": {"scores": "|"},
    "derived": {"numeric": NUMERIC, "cyclical": CYCLICAL},
}
TABLES: dict[str, Any] = {"dataset": {"label": "y", "task": "regression"}, "features": FEATURES, "ordered": True}
SPECS = {
    "n": tf.io.VarLenFeature(tf.float32),
    "born": tf.io.VarLenFeature(tf.int64),
    "at": tf.io.VarLenFeature(tf.int64),
    "tags": tf.io.VarLenFeature(tf.string),
    "scores": tf.io.VarLenFeature(tf.float32),
    "y": tf.io.VarLenFeature(tf.float32),
}
SENT = ["n", "at", "born", "tags", "scores"]


def raw_rows() -> dict[str, list[list[Any]]]:
    random = np.random.default_rng(3)
    born = random.integers(-20_000, 15_000, ROWS)  # also before 1970
    at = 16_000 * DAY + random.integers(0, 200 * DAY, ROWS)  # 200 days: no month comes back
    tags = [[str(one).encode() for one in random.choice(["a", "b", "c"], random.integers(0, 4))] for _ in range(ROWS)]
    rows: dict[str, list[list[Any]]] = {
        "n": [[float(one)] for one in random.normal(size=ROWS)],
        "born": [[int(one)] for one in born],
        "at": [[int(one)] for one in at],
        "tags": tags,
        "scores": [random.normal(size=random.integers(0, 3)).astype(np.float32).tolist() for _ in range(ROWS)],
        "y": [[float(one)] for one in random.normal(size=ROWS)],
    }
    rows["born"][7], rows["at"][8], rows["tags"][9] = [], [], [b"a", b"a", b"rare"]
    return rows


def batch_of(rows: dict[str, list[list[Any]]]) -> pa.RecordBatch:
    kinds = {"tags": pa.binary(), "born": pa.int64(), "at": pa.int64()}
    return pa.record_batch(
        {name: pa.array(some, pa.list_(kinds.get(name, pa.float32()))) for name, some in rows.items()}
    )


def example(rows: dict[str, list[list[Any]]], at: int) -> bytes:
    found = tf.train.Example()
    for name, some in rows.items():
        feature = found.features.feature[name]
        kind = {"tags": feature.bytes_list, "born": feature.int64_list, "at": feature.int64_list}
        kind.get(name, feature.float_list).value.extend(some[at])
    return found.SerializeToString()


def text_of(name: str, cells: list[Any]) -> str:
    """Columns as serving_default receives them."""
    if name == "tags":
        return "; ".join(one.decode() for one in cells)
    if name == "scores":
        return "|".join(str(np.float32(one)) for one in cells)
    if not cells:
        return ""
    if name == "born":
        return (dt.date(1970, 1, 1) + dt.timedelta(days=cells[0])).isoformat()
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=cells[0])
    return (moment + dt.timedelta(hours=2)).isoformat() + "+02:00"


def test_served_rows_equal_training_rows(tmp_path: Path) -> None:
    rows = raw_rows()
    batch = batch_of(rows)
    facts = analyse_batches([batch], TABLES, QUANTILES, SKETCH_ERROR)
    write_transform_graph(facts, schema_utils.schema_from_feature_spec(SPECS), TABLES, str(tmp_path))
    output = tft.TFTransformOutput(str(tmp_path))
    texts = SentAsText.of(FEATURES)
    layer = raw_inputs(output, SPECS, SENT, [], "y", texts)
    write_matrices(facts, tf.float32, TABLES, str(tmp_path))
    matrices = raw_inputs(output, SPECS, SENT, [], "y", texts)
    assert type(layer) is not type(matrices)

    names = facts.features["numeric"]
    # The 200 days of `at` cover no whole year, so it has neither month nor day of the year, but all days of the month.
    assert "at: day of month (UTC)" in names and "born: day of month" in names
    assert list(facts.features["cyclical"]) == [
        *("born: month", "born: weekday", "born: day of year"),
        *("at: weekday (UTC)", "at: hour (UTC)"),
    ]
    assert {"tags: has a", "tags: has b", "tags: has c", "tags: count", "scores: mean"} < set(names)
    assert "tags: has rare" not in names
    assert "born: days before at (date to UTC)" in names

    learned = load_matrices(output)
    assert learned is not None
    trained = learned.transformed(batch)
    examples = tf.constant([example(rows, at) for at in range(ROWS)])
    columns = {
        name: tf.constant([one[0] for one in rows[name]] if name == "n" else [text_of(name, one) for one in rows[name]])
        for name in SENT
    }
    for inputs in (matrices, layer):
        for served in (inputs.of_examples(examples), inputs.of_columns(columns, ())):
            for name, matrix in trained.items():
                np.testing.assert_allclose(served[name].numpy(), matrix, atol=1e-6, err_msg=name)
    assert trained["missing"][7, names.index("born: days before at (date to UTC)")] == 1
    assert trained["missing"][8, len(names) + 3] == 1  # at: weekday (UTC)


def test_invalid_date_fails_the_request() -> None:
    texts = SentAsText({"born": "date"})
    assert texts.read("born", tf.constant(["1969-12-31", " "]), tf.int64).numpy().tolist() == [-1, -(2**63)]
    for wrong in ("31.12.2013", "2013-02-29", "2013-12-31T10:00", "20131231"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="born: '.*' is not an ISO 8601 date"):
            texts.read("born", tf.constant(["1969-12-31", wrong]), tf.int64)
    moments = SentAsText({"at": "timestamp"})
    sent = ["1970-01-01T00:00:00.5Z", "1970-01-01 01:00+01:00", "1970-01-01T00:00:00.1234567-0030", "1969-12-31"]
    assert moments.read("at", tf.constant(sent), tf.int64).numpy().tolist() == [500_000, 0, 1_800_123_456, -DAY]


def test_without_time_order_all_varying_parts_are_derived() -> None:
    facts = analyse_batches([batch_of(raw_rows())], {**TABLES, "ordered": False}, QUANTILES, SKETCH_ERROR)
    assert "at: month (UTC)" in facts.features["cyclical"]
    constant = {**raw_rows(), "born": [[5]] * ROWS}
    facts = analyse_batches([batch_of(constant)], {**TABLES, "ordered": False}, QUANTILES, SKETCH_ERROR)
    assert not [name for name in facts.features["cyclical"] if name.startswith("born")]


def test_tft_analyzers_derive_the_same_columns(tmp_path: Path) -> None:
    """The analysis of a distributed runner."""
    import tensorflow_transform.beam as tft_beam

    from components.transform.preprocessing import preprocessing_fn

    rows = raw_rows()
    data = [{name: some[at] for name, some in rows.items()} for at in range(ROWS)]
    metadata = tft.DatasetMetadata.from_feature_spec(SPECS)
    with tft_beam.Context(temp_dir=str(tmp_path)):
        (found, _), _ = (data, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, TABLES)
        )
    numeric = np.array([row["numeric"] for row in found])
    assert numeric.shape == (ROWS, 1 + len(NUMERIC) + 64)
    facts = analyse_batches([batch_of(rows)], TABLES, QUANTILES, SKETCH_ERROR)
    write_matrices(facts, tf.float32, TABLES, str(tmp_path / "graph"))
    here = tft.TFTransformOutput(str(tmp_path / "graph"))
    learned = load_matrices(here)
    assert learned is not None
    place = {name: at for at, name in enumerate(["n", *NUMERIC])}
    trained = learned.transformed(batch_of(rows))["numeric"]
    for at, name in enumerate(facts.features["numeric"]):
        if name in place:  # the sketch of all columns together has an error
            np.testing.assert_allclose(numeric[:, place[name]], trained[:, at], atol=0.05, err_msg=name)
    hot = numeric[:, 1 + len(NUMERIC) :]
    assert (np.ptp(hot, axis=0) > 0).sum() == 3  # a, b and c
