"""Every value reaches the model: categories of any bytes, and integers that float32 cannot represent."""

import csv
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_transform.tf_metadata import schema_utils

from components.shared.features.large_integers import less, less_tensor, remainders
from components.shared.features.vocabulary_escaping import escape_entry, escaped_tensor, unescape_entry
from components.trainer.raw_inputs import ByLayer, ByMatrices, raw_inputs
from components.transform.analysis import AnalysisFacts, analyse_batches
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR
from components.transform.scaling import QUANTILES
from components.transform.value_check import check_values

CASES = Path(__file__).parents[2] / "cases"
CATEGORIES = {
    "dataset": {"label": "y", "task": "multiclass"},
    "features": {"categorical": ["a", "b"], "min_count": 1},
}
AWKWARD = [
    b"\n", b"\r", b"\r\n", b"a\nb", b"a\rb", b"ab", b"a\\nb", b"\\", b"\\\n", b"\\n", b"\0", b"a\0b", b" ", b" a ",
    b"a", b"\t", b"\x0b\x0c\x1c\x85", b"\xff\xfe\n", "\u2028\u2029\x85".encode(), b"x" * 100_000, b"1=a",
]  # fmt: skip


@given(st.binary())
def test_escaping_is_reversible_and_gives_one_line(text: bytes) -> None:
    assert unescape_entry(escape_entry(text)) == text
    assert not re.search(rb"[\r\n]", escape_entry(text))


@settings(deadline=None)
@given(st.lists(st.binary(), min_size=1))
def test_escaping_in_the_graph_equals_that_in_the_file(texts: list[bytes]) -> None:
    assert escaped_tensor(tf.constant(texts)).numpy().tolist() == [escape_entry(text) for text in texts]


def fitted(folder: Path, batch: pa.RecordBatch, tables: dict) -> tuple[AnalysisFacts, tf.Module, ByMatrices, ByLayer]:
    """Analyses and writes the graph, and reads it by both paths of a served model."""
    types = {pa.binary(): tf.string, pa.int64(): tf.int64, pa.float32(): tf.float32}
    specs = {field.name: tf.io.VarLenFeature(types[field.type.value_type]) for field in batch.schema}
    facts = analyse_batches([batch], tables, QUANTILES, SKETCH_ERROR)
    write_transform_graph(facts, schema_utils.schema_from_feature_spec(specs), tables, str(folder))
    output = tft.TFTransformOutput(str(folder))
    features, label = tables["features"], tables["dataset"]["label"]
    names = [name for kind in ("categorical", "numeric", "cyclical") for name in features.get(kind, ())]
    layer = raw_inputs(output, specs, names, features.get("categorical", ()), label)
    module = write_matrices(facts, specs[label].dtype, tables, str(folder))
    matrices = raw_inputs(output, specs, names, features.get("categorical", ()), label)
    assert isinstance(layer, ByLayer) and isinstance(matrices, ByMatrices)
    return facts, module, matrices, layer


def lists(values: list, kind: pa.DataType) -> pa.Array:
    return pa.array([[] if value is None else [value] for value in values], pa.list_(kind))


def examples(batch: pa.RecordBatch) -> tf.Tensor:
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    return tf.constant(RecordBatchToExamplesEncoder().encode(batch))


def of_categories(folder: Path, texts: list[bytes]) -> None:
    batch = pa.record_batch(
        {name: lists(texts, pa.binary()) for name in ("a", "b", "y")},
    )
    facts, module, matrices, layer = fitted(folder, batch, CATEGORIES)
    distinct = len({text for text in texts if text})
    for inputs in (matrices, layer):
        ids = inputs.of_examples(examples(batch))["categorical"].numpy()
        labels = inputs.label(examples(batch)).numpy()
        for position in (0, 1):
            assert {text: set() if text else {position} for text in texts if not text} == {
                text: {int(one) for other, one in zip(texts, ids[:, position], strict=True) if other == text}
                for text in texts
                if not text
            }
            found = {(text, int(one)) for text, one in zip(texts, ids[:, position], strict=True) if text}
            assert len({one for _, one in found}) == len(found) == distinct
            assert all(one >= 4 for _, one in found)  # neither missing nor unknown
        assert len({int(one) for text, one in zip(texts, labels, strict=True) if text}) == distinct
        assert all((one >= 0) == bool(text) for text, one in zip(texts, labels, strict=True))
        unknown = inputs.of_columns({name: tf.constant([b"never\nseen"]) for name in "ab"}, ())["categorical"]
        assert unknown.numpy().tolist() == [[2, 3]]
    vocabulary = tft.TFTransformOutput(str(folder)).vocabulary_by_name("label")
    assert {unescape_entry(entry) for entry in vocabulary} >= {text for text in texts if text}
    assert not [one for one in check_values(module, CATEGORIES["features"], facts.large, facts.learned) if one.finding]


@pytest.mark.slow
def test_awkward_categories(tmp_path: Path) -> None:
    of_categories(tmp_path, [*AWKWARD, b""])


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(texts=st.lists(st.binary(max_size=12) | st.sampled_from(AWKWARD[:-2]), min_size=1, max_size=30))
def test_any_categories(tmp_path_factory: pytest.TempPathFactory, texts: list[bytes]) -> None:
    of_categories(tmp_path_factory.mktemp("any"), [*texts, b"something"])


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1), st.integers(-(2**63) + 1, 2**63 - 1))
@settings(deadline=None)
def test_offset_is_subtracted_exactly(values: list[int], offset: int) -> None:
    numbers = np.array(values, np.int64)
    found = less(numbers, offset)
    assert found.tolist() == [float(value - offset) for value in values]  # of Python's integers, rounded once
    tensor = less_tensor(tf.constant(numbers[:, None]), tf.constant([offset], tf.int64))
    assert tensor.numpy()[:, 0].tolist() == found.tolist()


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1))
@settings(deadline=None)
def test_phase_of_a_large_integer(values: list[int]) -> None:
    found = remainders(tf.constant(np.array(values, np.int64)[:, None]), [86_400_000.0]).numpy()[:, 0]
    assert found.tolist() == [float(value % 86_400_000) for value in values]


NUMBERS = {
    "dataset": {"label": "y", "task": "binary"},
    "features": {"numeric": ["small", "at"], "cyclical": {"hour": 24.0, "second": 60.0}},
}


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0, 1_750_000_000_000, -(2**40), 2**62, -(2**63) + 1, 1_750_000_000_000_000_000])
def test_integers_are_distinguished_at_any_offset(tmp_path: Path, offset: int) -> None:
    draw = np.random.default_rng(5)
    apart = draw.integers(0, 60_000, 800)
    values = [int(one) + offset for one in apart]
    batch = pa.record_batch(
        {
            "small": lists([*map(float, apart[:-1]), None], pa.float32()),
            "at": lists([*values[:-1], None], pa.int64()),
            "hour": lists([int(one) % 24 for one in apart], pa.int64()),
            "second": lists(values, pa.int64()),
            "y": lists([int(one > 30_000) for one in apart], pa.int64()),
        }
    )
    facts, module, matrices, layer = fitted(tmp_path, batch, NUMBERS)
    assert list(facts.large) == (["at", "second"] if offset else [])
    served = matrices.served_types
    assert served == ({"at": served["at"], "second": served["at"]} if offset else {})
    assert not offset or served["at"] == (tf.float64 if abs(offset) < 2**50 else tf.int64)
    assert layer.served_types == ({"at": served["at"]} if offset else {})
    one, other = (inputs.of_examples(examples(batch)) for inputs in (matrices, layer))
    for name, matrix in one.items():
        assert np.array_equal(matrix.numpy(), other[name].numpy()), name
    numeric, standardized = one["numeric"].numpy(), one["standardized"].numpy()
    # The same numbers without an offset, which float32 can represent: the same ranks and standard scores.
    assert np.abs(numeric[:-1, 1] - numeric[:-1, 0]).max() < 1e-5
    assert np.abs(standardized[:-1, 1] - standardized[:-1, 0]).max() < 1e-5
    assert len(np.unique(numeric[:-1, 1])) >= 0.99 * len(np.unique(apart))  # but for the two ends
    assert (numeric[-1, 1], one["missing"].numpy()[-1].tolist()) == (0.0, [1.0, 1.0, 0.0, 0.0])
    turn = 2 * np.pi * np.array([value % 60 for value in values]) / 60
    assert np.abs(one["cyclical"].numpy()[:, 2:] - np.column_stack([np.sin(turn), np.cos(turn)])).max() < 1e-5
    kind = served.get("at", tf.float32)
    columns = {
        "small": tf.constant(apart[:-1], tf.float32),
        "at": tf.cast(tf.constant(values[:-1], tf.int64), kind),
        "hour": tf.constant(apart[:-1] % 24, tf.float32),
        "second": tf.cast(tf.constant(values[:-1], tf.int64), kind),
    }
    by_name = matrices.of_columns(columns, ())
    for name, matrix in by_name.items():
        # Sines of other batches differ in the last digit, because vector instructions handle the last rows one by one.
        assert np.abs(matrix.numpy() - one[name].numpy()[:-1]).max() < (1e-6 if name == "cyclical" else 1e-9), name
    assert not [one for one in check_values(module, NUMBERS["features"], facts.large, facts.learned) if one.finding]


@pytest.mark.slow
def test_two_clusters_far_apart_are_both_resolved(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    low, high = draw.integers(0, 60_000, 400), 1_750_000_000_000 + draw.integers(0, 60_000, 400)
    values = [*low.tolist(), *high.tolist()]
    tables = {"dataset": {"label": "y", "task": "binary"}, "features": {"numeric": ["at"]}}
    batch = pa.record_batch({"at": lists(values, pa.int64()), "y": lists([0, 1] * 400, pa.int64())})
    facts, module, matrices, _ = fitted(tmp_path, batch, tables)
    numeric = matrices.of_examples(examples(batch))["numeric"].numpy()[:, 0]
    assert len(np.unique(numeric)) >= 0.98 * len(set(values))
    assert (np.argsort(numeric[400:], kind="stable") == np.argsort(high, kind="stable")).mean() > 0.95
    (about,) = check_values(module, tables["features"], facts.large, facts.learned)
    assert not about.finding


def test_cases_contain_the_problem_values() -> None:
    """Tests the tables on which the end-to-end tests run."""
    with open(CASES / "cat_newline.csv", newline="", encoding="utf-8") as file:
        assert any("\r\n" in row["address"] for row in csv.DictReader(file))
    with open(CASES / "big_offset.csv", newline="", encoding="utf-8") as file:
        seen = np.array([int(row["last_seen"]) for row in csv.DictReader(file)])
    assert (len(np.unique(seen)), len(np.unique(seen.astype(np.float32)))) == (794, 2)
