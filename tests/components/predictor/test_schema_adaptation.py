"""Adaptation of rows to a champion that was trained before the schema changed."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.predictor.prediction import predict
from components.predictor.schema_adaptation import Adapted, NotComparable
from components.shared.serving.serving_contract import SavedModel
from tests.components.served_models import save_binary

pytestmark = pytest.mark.slow


class Old(tf.Module):
    """probability = sigmoid(n) of an integer column n, and an input that the rows no longer have."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        spec = {"n": tf.io.VarLenFeature(tf.int64), "old name": tf.io.VarLenFeature(tf.string)}
        values = tf.sparse.to_dense(tf.io.parse_example(examples, spec)["n"])[:, 0]
        return {"probability": tf.sigmoid(tf.cast(values, tf.float32))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def labels(self, examples):
        return {"transformed_label": tf.zeros(tf.shape(examples)[0])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "n"), tf.TensorSpec([None], tf.string, "old_name")])
    def by_name(self, n, old_name):
        return {"probability": tf.sigmoid(n)}


def old(folder: Path) -> SavedModel:
    model = Old()
    signatures = {"serve_examples": model.serve, "transform_labels": model.labels, "serving_default": model.by_name}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return SavedModel(folder)


def rows(numbers: list, kind: str = "float_list") -> np.ndarray:
    found = []
    for number in numbers:
        example = tf.train.Example()
        if number is not None:
            getattr(example.features.feature["n"], kind).value.append(number)
        example.features.feature["y"].int64_list.value.append(1)
        found.append(example.SerializeToString())
    return np.array(found, object)


def test_integers_that_became_floats_are_rounded(tmp_path: Path) -> None:
    model = Adapted(old(tmp_path))
    whole = model.predict(rows([2, 0], "int64_list")).output
    assert model.converted == {}
    assert model.predict(rows([2.2, 0.4])).output.tolist() == whole.tolist()
    assert list(model.converted) == ["n"]


def test_column_that_became_text_is_not_comparable(tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match="it was trained on 'n' as a number, which holds texts now"):
        Adapted(old(tmp_path)).predict(rows([b"two"], "bytes_list"))


def test_inputs_without_a_column_are_listed(tmp_path: Path) -> None:
    assert Adapted(old(tmp_path)).lacking(rows([1.0])) == ["old_name"]


def test_incomparable_champion_is_left_out_with_the_reason(tmp_path: Path) -> None:
    candidate = save_binary(tmp_path / "a", 1.0)
    models = {"candidate": candidate, "champion": old(tmp_path / "b")}
    tables, about = predict([rows([1.5, 2.5])], models, "binary", "y")
    assert tables[0].column_names == ["row", "label", "candidate", "candidate_class", "champion", "champion_class"]
    assert (about.incomparable, about.lacking, about.converted) == ("", ("old_name",), ("n",))
    models["champion"] = old(tmp_path / "c")
    texts = rows([1.0])
    example = tf.train.Example.FromString(texts[0])
    example.features.feature["old name"].float_list.value.append(1.0)
    tables, about = predict([np.array([example.SerializeToString()], object)], models, "binary", "y")
    assert tables[0].column_names == ["row", "label", "candidate", "candidate_class"]
    assert about.incomparable == "it was trained on 'old name' as another type than the rows have now"
    assert list(models) == ["candidate", "champion"]  # the caller's
