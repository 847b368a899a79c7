"""The preprocessing function, analysed on a few rows, with Beam and without it, and applied to other rows."""

import functools
import math
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from components.shared.errors import ConfigError
from components.shared.features.transform_matrices import load_matrices
from components.transform.analysis import analyse_batches
from components.transform.column_check import check_schema
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR, preprocessing_fn
from components.transform.scaling import QUANTILES

pytestmark = pytest.mark.slow

SPEC = {
    "color": tf.io.VarLenFeature(tf.string),
    "size": tf.io.VarLenFeature(tf.int64),
    "weight": tf.io.VarLenFeature(tf.float32),
    "count": tf.io.FixedLenFeature([1], tf.int64),
    "constant": tf.io.FixedLenFeature([], tf.float32),
    "absent": tf.io.VarLenFeature(tf.float32),
    "hour": tf.io.VarLenFeature(tf.int64),
    "y": tf.io.VarLenFeature(tf.int64),
}
FEATURES = {
    "categorical": ["color", "size"],
    "numeric": ["weight", "count", "constant", "absent"],
    "cyclical": {"hour": 24.0},
    "min_count": 2,
}
# red 3 times, blue 2, green once (rare); size 1 five times, 2 twice, 3 once (rare), missing twice.
ROWS = [
    {"color": color, "size": size, "weight": weight, "count": count, "constant": 7.0, "hour": hour, "y": y}
    for color, size, weight, count, hour, y in [
        ("red", 1, 1.0, 10, 0, 0),
        ("red", 1, 2.0, 20, 6, 1),
        ("red", 1, 3.0, 30, 12, 0),
        ("blue", 1, 4.0, 40, 18, 1),
        ("blue", 1, 5.0, 50, 23, 0),
        ("green", 2, 6.0, 60, 1, 1),
        (None, 2, 7.0, 70, 2, 0),
        ("", 3, 8.0, 80, 3, 1),
        (None, None, math.nan, 90, None, 0),
        (None, None, None, 100, None, 1),
    ]
]


class Fitted:
    """A transform graph fitted to `rows` by Beam; called with rows it returns NumPy matrices by name."""

    def __init__(self, folder: Path, rows: list[dict], spec: dict, tables: dict) -> None:
        self.spec = spec
        self.fit(folder, rows, spec, tables)
        self.output = tft.TFTransformOutput(str(folder / "out"))
        self.layer = self.output.transform_features_layer()

    def fit(self, folder: Path, rows: list[dict], spec: dict, tables: dict) -> None:
        metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
        config = metadata, functools.partial(preprocessing_fn, custom_config=tables)
        options = PipelineOptions(["--runner=FnApiRunner"])
        with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
            data = pipeline | beam.Create([_instance(row, spec) for row in rows])
            fitted = (data, config[0]) | tft_beam.AnalyzeDataset(config[1])
            _ = fitted | tft_beam.WriteTransformFn(str(folder / "out"))

    def __call__(self, rows: list[dict], without: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        spec = {name: kind for name, kind in self.spec.items() if name not in without}
        examples = [_example(_instance(row, spec), spec) for row in rows]
        raw = tf.io.parse_example(tf.constant(examples), spec)
        return {name: tensor.numpy() for name, tensor in self.layer(raw).items()}


class FittedHere(Fitted):
    """The same, fitted without Beam."""

    def fit(self, folder: Path, rows: list[dict], spec: dict, tables: dict) -> None:
        types = {tf.string: pa.large_binary(), tf.int64: pa.int64(), tf.float32: pa.float32()}
        instances = [_instance(row, spec) for row in rows]
        columns = {
            name: pa.array(
                [value if isinstance(value, list) else [value] for value in (one[name] for one in instances)],
                pa.large_list(types[kind.dtype]),
            )
            for name, kind in spec.items()
        }
        batch = pa.record_batch(columns)
        half = len(rows) // 2
        batches = [batch.slice(0, half), batch.slice(half)]
        facts = analyse_batches(batches, tables, QUANTILES, SKETCH_ERROR)
        schema = schema_utils.schema_from_feature_spec(spec)
        write_transform_graph(facts, schema, tables, str(folder / "out"))
        write_matrices(facts, spec[tables["dataset"]["label"]].dtype, tables, str(folder / "out"))
        self.batch = batch


@pytest.fixture(params=[Fitted, FittedHere], ids=["beam", "here"], scope="module")
def fit(request: pytest.FixtureRequest) -> type[Fitted]:
    return request.param


def _instance(row: dict, spec: dict) -> dict:
    """TFT's dict format: lists for optional and shaped features."""
    listed = {name: [] if row.get(name) is None else [row[name]] for name in spec}
    scalar = [name for name, kind in spec.items() if isinstance(kind, tf.io.FixedLenFeature) and kind.shape == []]
    return {name: values[0] if name in scalar else values for name, values in listed.items()}


def _example(instance: dict, spec: dict) -> bytes:
    example = tf.train.Example()
    for name, values in instance.items():
        values = values if isinstance(values, list) else [values]
        feature = example.features.feature[name]
        if spec[name].dtype == tf.string:
            feature.bytes_list.value.extend(value if isinstance(value, bytes) else value.encode() for value in values)
        elif spec[name].dtype == tf.int64:
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return example.SerializeToString()


@pytest.fixture(scope="module")
def fitted(fit: type[Fitted], tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": FEATURES}
    return fit(tmp_path_factory.mktemp("binary"), ROWS, SPEC, tables)


def test_every_matrix_has_a_column_per_feature(fitted: Fitted) -> None:
    outputs = fitted(ROWS)
    shapes = {name: matrix.shape for name, matrix in outputs.items()}
    assert shapes == {
        "categorical": (10, 2),
        "numeric": (10, 4),
        "standardized": (10, 4),
        "cyclical": (10, 2),
        "missing": (10, 5),
        "label": (10,),
    }
    assert all(np.isfinite(matrix).all() for matrix in outputs.values())


def test_ids_distinguish_missing_rare_and_known_values(fitted: Fitted) -> None:
    # Two columns: 0 and 1 are missing, 2 and 3 rare or unknown, from 4 the vocabulary, most frequent first:
    # "1=1" five times, "0=red" three times, then "0=blue" and "1=2" twice each.
    ids = fitted(ROWS)["categorical"]
    assert ids[:, 0].tolist()[5:] == [2, 0, 0, 0, 0]  # green is rare; "" and no value are missing
    assert ids[:, 1].tolist()[7:] == [3, 1, 1]
    assert ids[0].tolist() == [5, 4]
    assert sorted([ids[3, 0], ids[5, 1]]) == [6, 7]
    assert fitted.output.vocabulary_size_by_name("categorical") == 4


def test_unknown_value_shares_the_id_of_rare_ones(fitted: Fitted) -> None:
    assert fitted([ROWS[0] | {"color": "violet", "size": 99}])["categorical"].tolist() == [[2, 3]]


def test_equal_texts_in_two_columns_are_two_values(fit: type[Fitted], tmp_path: Path) -> None:
    spec = {"a": tf.io.VarLenFeature(tf.int64), "b": tf.io.VarLenFeature(tf.string), "y": SPEC["y"]}
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"categorical": ["a", "b"], "min_count": 1}}
    ids = fit(tmp_path, [{"a": 1, "b": "1", "y": 0}], spec, tables)([{"a": 1, "b": "1"}], without=("y",))
    assert sorted(ids["categorical"][0].tolist()) == [4, 5]
    assert set(ids) == {"categorical"}  # no numbers, so no such matrices, and no label asked for


def test_invalid_utf8_is_a_value_like_any_other(fit: type[Fitted], tmp_path: Path) -> None:
    spec = {"color": SPEC["color"], "y": SPEC["y"]}
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"categorical": ["color"], "min_count": 2}}
    colors = [b"caf\xe9", b"caf\xe9", b"caf\xe9", "café", "café", b"two\nlines", b"two\nlines"]
    fitted = fit(tmp_path, [{"color": color, "y": 0} for color in colors], spec, tables)
    asked = [b"caf\xe9", "café", b"\xff\xfe", b"two\nlines", "two\\nlines", "two"]
    assert fitted([{"color": color} for color in asked], without=("y",))["categorical"][:, 0].tolist() == [
        2,
        4,
        1,
        3,
        1,
        1,
    ]


def test_numbers_become_quantile_ranks(fitted: Fitted) -> None:
    weight = fitted(ROWS)["numeric"][:, 0]
    # Eight values share [-1, 1]: each spans 2/8 of it and gets the middle of its span.
    assert weight[:8] == pytest.approx([-0.875, -0.625, -0.375, -0.125, 0.125, 0.375, 0.625, 0.875], abs=0.01)
    beyond = fitted([ROWS[0] | {"weight": -1e30}, ROWS[0] | {"weight": 1e30}])["numeric"][:, 0]
    assert beyond.tolist() == [-1.0, 1.0]


def test_standardised_numbers_continue_beyond_the_training_range(fitted: Fitted) -> None:
    """The mapping is linear within the training range and outside of it, up to ten standard deviations."""
    known = [row["weight"] for row in ROWS[:8]]
    inside = fitted(ROWS)["standardized"][:8, 0]
    slope = (inside[7] - inside[0]) / (known[7] - known[0])
    assert slope > 0
    assert inside == pytest.approx([inside[0] + slope * (value - known[0]) for value in known], abs=1e-4)
    step = 1.0 / slope
    outside = fitted([ROWS[0] | {"weight": known[7] + step}, ROWS[0] | {"weight": 1e30}, ROWS[0] | {"weight": -1e30}])
    assert outside["standardized"][:, 0] == pytest.approx([inside[7] + 1, 10, -10], abs=1e-3)
    assert fitted(ROWS)["standardized"][8:, 0].tolist() == [0, 0]


def test_ranks_between_two_quantiles_are_linear(fitted: Fitted) -> None:
    low, middle, high = fitted([ROWS[0] | {"weight": weight} for weight in (2.0, 2.5, 3.0)])["numeric"][:, 0]
    assert middle == pytest.approx((low + high) / 2, abs=0.01)


def test_missing_and_nan_are_zero_with_an_indicator(fitted: Fitted) -> None:
    outputs = fitted(ROWS)
    assert outputs["numeric"][8:, 0].tolist() == [0, 0]
    assert outputs["missing"][:, 0].tolist() == [0] * 8 + [1, 1]
    infinite = fitted([ROWS[0] | {"weight": math.inf}])
    assert (infinite["numeric"][0, 0], infinite["missing"][0, 0]) == (0, 1)


def test_constant_and_absent_columns_are_zero(fitted: Fitted) -> None:
    outputs = fitted(ROWS)
    assert outputs["numeric"][:, 2].tolist() == [0] * 10
    assert outputs["numeric"][:, 3].tolist() == [0] * 10
    assert outputs["missing"][:, 3].tolist() == [1] * 10
    first_value_ever = fitted([ROWS[0] | {"absent": 3.0}])
    assert np.isfinite(first_value_ever["numeric"]).all()


def test_values_one_period_apart_are_equal(fitted: Fitted) -> None:
    hours = fitted([ROWS[0] | {"hour": hour} for hour in (0, 6, 30, -18, 24 * 1000 + 6)])["cyclical"]
    assert hours[0] == pytest.approx([0, 1], abs=1e-6)
    for row in hours[1:]:
        assert row == pytest.approx([1, 0], abs=1e-6)


def test_missing_phase_is_zero_with_an_indicator(fitted: Fitted) -> None:
    outputs = fitted(ROWS)
    assert outputs["cyclical"][8].tolist() == [0, 0]
    assert outputs["missing"][:, 4].tolist() == [0] * 8 + [1, 1]


def test_label_may_be_absent(fitted: Fitted) -> None:
    with_label, without = fitted(ROWS), fitted(ROWS, without=("y",))
    assert with_label["label"].tolist() == [0, 1] * 5
    assert "label" not in without
    assert (with_label["numeric"] == without["numeric"]).all()
    assert np.isnan(fitted([ROWS[0] | {"y": None}])["label"]).all()


def _labels(fit: type[Fitted], folder: Path, dtype: tf.DType, values: list, dataset: dict) -> Fitted:
    spec = {"x": tf.io.VarLenFeature(tf.float32), "y": tf.io.VarLenFeature(dtype)}
    tables = {"dataset": {"label": "y"} | dataset, "features": {"numeric": ["x"]}}
    return fit(folder, [{"x": float(row), "y": value} for row, value in enumerate(values)], spec, tables)


def test_binary_label_by_its_positive_value(fit: type[Fitted], tmp_path: Path) -> None:
    fitted = _labels(fit, tmp_path, tf.string, ["yes", "no"], {"task": "binary", "positive": "yes"})
    assert fitted([{"y": "yes"}, {"y": "no"}, {"y": "maybe"}])["label"].tolist() == [1, 0, 0]


def test_class_label_is_an_index_by_frequency(fit: type[Fitted], tmp_path: Path) -> None:
    fitted = _labels(fit, tmp_path, tf.string, ["b", "a", "b", "c", "b", "a"], {"task": "multiclass"})
    assert fitted([{"y": "b"}, {"y": "a"}, {"y": "c"}, {"y": "d"}, {"y": None}])["label"].tolist() == [0, 1, 2, -1, -1]


def test_numeric_label_is_unchanged(fit: type[Fitted], tmp_path: Path) -> None:
    fitted = _labels(fit, tmp_path, tf.float32, [1.5, -2.5], {"task": "regression"})
    assert fitted([{"y": 4.25}])["label"].tolist() == [4.25]


def test_text_column_as_a_number_is_refused() -> None:
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"numeric": ["color"]}}
    with pytest.raises(ConfigError, match=r"\[features\] numeric: color holds text"):
        preprocessing_fn({"color": tf.constant(["red"]), "y": tf.constant([1])}, tables)


def test_missing_column_is_refused() -> None:
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"numeric": ["height"]}}
    with pytest.raises(ConfigError, match=r"height is not in the schema"):
        preprocessing_fn({"y": tf.constant([1])}, tables)


def test_schema_check_refuses_the_same_columns() -> None:
    schema = schema_utils.schema_from_feature_spec({"color": SPEC["color"], "y": SPEC["y"]})
    with pytest.raises(ConfigError, match=r"\[features\] cyclical: color holds text"):
        check_schema(schema, {"dataset": {"label": "y", "task": "binary"}, "features": {"cyclical": {"color": 7}}})


def test_graph_without_beam_equals_the_graph_with_it(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    spec = {
        "a": tf.io.VarLenFeature(tf.string),
        "b": tf.io.VarLenFeature(tf.int64),
        "c": tf.io.VarLenFeature(tf.float32),
        "d": tf.io.VarLenFeature(tf.float32),
        "e": tf.io.VarLenFeature(tf.int64),
        "y": tf.io.VarLenFeature(tf.string),
    }
    rows = [
        {
            "a": None if a < 0.1 else f"v{int(30 * a * a)}",
            "b": None if b < 0.1 else int(100 * b),
            "c": round(float(c), 1),
            "d": None if a < 0.3 else float(d),
            "e": int(e),
            "y": f"class {int(a * 5)}",
        }
        for a, b, c, d, e in zip(
            draw.random(2000),
            draw.random(2000),
            draw.random(2000),
            draw.lognormal(sigma=3, size=2000),
            draw.poisson(3, 2000),
            strict=True,
        )
    ]
    tables = {
        "dataset": {"label": "y", "task": "multiclass"},
        "features": {"categorical": ["a", "b", "c"], "numeric": ["d", "e"], "min_count": 15},
    }
    theirs, ours = Fitted(tmp_path / "beam", rows, spec, tables), FittedHere(tmp_path / "here", rows, spec, tables)
    for name in ("categorical", "label"):
        assert ours.output.vocabulary_by_name(name) == theirs.output.vocabulary_by_name(name)
        assert ours.output.vocabulary_size_by_name(name) == theirs.output.vocabulary_size_by_name(name)
    assert ours.output.transformed_feature_spec() == theirs.output.transformed_feature_spec()
    assert ours.output.raw_feature_spec() == spec
    found, expected = ours(rows), theirs(rows)
    assert found.keys() == expected.keys()
    for name in ("categorical", "missing", "label"):
        assert (found[name] == expected[name]).all()
    assert np.abs(found["numeric"] - expected["numeric"]).max() <= 4 * SKETCH_ERROR  # both ranks, on [-1, 1]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_matrices_equal_the_graph(tmp_path: Path, task: str) -> None:
    label = {"binary": "y", "multiclass": "size", "regression": "weight"}[task]
    tables = {"dataset": {"label": label, "task": task}, "features": FEATURES}
    fitted = FittedHere(tmp_path, ROWS, SPEC, tables)
    matrices = load_matrices(fitted.output)
    assert matrices is not None
    expected = fitted(ROWS)
    found = {**matrices.transformed(fitted.batch), "label": matrices.labels(fitted.batch)}
    assert found.keys() == expected.keys()
    for name, matrix in expected.items():
        assert np.array_equal(found[name], matrix, equal_nan=True), name
    texts = tf.constant([["red", "1"], ["", "99"]])
    values = tf.constant([[1.0, 10, 7, 0], [math.nan] * 4])
    served = matrices.loaded.features(
        texts, values, tf.constant([[6.0], [math.nan]]), tf.zeros([2, 0], tf.int64), tf.zeros([2, 0], tf.string)
    )
    asked = fitted([ROWS[0] | {"absent": 0.0, "hour": 6}, {"size": 99, "count": 10, "constant": math.nan}])
    for name in ("categorical", "cyclical"):
        assert served[name].numpy().tolist() == asked[name].tolist()
    assert served["numeric"].numpy()[0].tolist() == asked["numeric"][0].tolist()
    assert served["missing"].numpy().tolist() == [[0] * 5, [1] * 5]


def test_graph_by_beam_has_no_matrices(tmp_path: Path) -> None:
    spec = {"x": tf.io.VarLenFeature(tf.float32), "y": SPEC["y"]}
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"numeric": ["x"]}}
    assert load_matrices(Fitted(tmp_path, [{"x": 1.0, "y": 0}], spec, tables).output) is None
