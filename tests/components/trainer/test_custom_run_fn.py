"""A user's run_fn: it trains and saves like Plumbline's, and the saved model is checked."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.shared.custom_module import packed
from components.shared.errors import ConfigError

pytestmark = pytest.mark.slow

LINE = """
import keras
from components.trainer.exporting import names_of_classes, read_rows, save_served

def run_fn(fn_args):
    assert set(fn_args.custom_config) == {"dataset", "features", "training", "ordered"}
    rows = read_rows(fn_args)
    inputs = {name: keras.Input(matrix.shape[1:], name=name) for name, matrix in rows.features.items()}
    joined = keras.layers.Concatenate()([inputs["numeric"], inputs["missing"]])
    LAST
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.05), LOSS)
    model.fit(rows.features, rows.labels, epochs=5, verbose=0)
    save_served(fn_args, model, OPTIONS)
"""
TASKS = {
    "binary": {
        "LAST": "outputs = keras.layers.Dense(1, 'sigmoid')(joined)",
        "LOSS": "'binary_crossentropy'",
        "OPTIONS": "probabilities=True, threshold=0.3",
    },
    "multiclass": {
        "LAST": "outputs = keras.layers.Dense(len(names_of_classes(fn_args)))(joined)",
        "LOSS": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "OPTIONS": "",
    },
    "regression": {
        "LAST": "outputs = keras.layers.Dense(1)(joined); rows.labels[:] = (rows.labels - 200) / 10",
        "LOSS": "'mse'",
        "OPTIONS": "center=200.0, spread=10.0",
    },
}


def _train(project: Any, text: str, name: str) -> Path:
    made = copy.copy(project)
    made.tables = made.tables | {"module": packed("my_model.py", {"my_model.py": text}), "code": "fingerprint"}
    return made.train(name)


@pytest.mark.parametrize("task", list(TASKS))
def test_keras_model_has_the_same_outputs(
    task: str, project: Callable[[str], Any], trained: Callable[[str], Path], made_up: Any, encode: Any
) -> None:
    text = LINE
    for name, value in TASKS[task].items():
        text = text.replace(name, value)
    folder = _train(project(task), text, "own")
    rows = made_up(20, seed=5)
    examples = np.array(encode(rows), object)

    def ask(folder: Path) -> dict[str, np.ndarray]:
        model = tf.saved_model.load(str(folder))
        answer = model.signatures["serve_examples"](examples=tf.constant(examples))
        return {name: value.numpy() for name, value in answer.items()}

    own, ours = ask(folder), ask(trained(task))
    kinds = [{name: (value.dtype, value.shape) for name, value in said.items()} for said in (own, ours)]
    assert kinds[0] == kinds[1]
    assert own["model_version"].tolist() == [b"candidate"] * 20
    if task == "binary":
        assert own["class"].tolist() == (own["probability"] >= 0.3).astype(int).tolist()
        assert json.loads((folder / "assets.extra" / "decision_threshold.json").read_text()) == {"threshold": 0.3}
        sold = np.array([row["sold"] for row in rows])
        assert own["probability"][sold == 1].mean() > own["probability"][sold == 0].mean() + 0.1  # it learned
    if task == "regression":
        assert 150 < own["prediction"].mean() < 250
    # In a session, as in TensorFlow Serving: the weights are loaded.
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        definition = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def["serve_examples"]
        outputs = {name: info.name for name, info in definition.outputs.items()}
        served = session.run(outputs, {definition.inputs["examples"].name: examples})
    for name, values in served.items():
        if values.dtype.kind == "f":
            assert values == pytest.approx(own[name], abs=1e-6)


SAVES = """
import tensorflow as tf

def run_fn(fn_args):
    model = tf.Module()
    answer = tf.function(lambda examples: {ANSWER: tf.zeros(tf.shape(examples)), "class": tf.zeros(tf.shape(examples))},
                         input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    tf.saved_model.save(model, fn_args.serving_model_dir, signatures={name: answer for name in NAMES})
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def run_fn(fn_args): pass", "my_model.py: run_fn wrote no SavedModel to fn_args.serving_model_dir"),
        (
            SAVES.replace("NAMES", "['serve_examples', 'transform_labels']").replace("ANSWER", "'probability'"),
            "my_model.py: the model that run_fn saved has no signature serving_default; available: serve_examples, tra",
        ),
        (
            SAVES.replace("NAMES", "['serving_default']").replace("ANSWER", "'outputs'"),
            "has no signature serve_examples; available: serving_default; components.trainer.exporting.save_served",
        ),
        (
            SAVES.replace("NAMES", "['serving_default', 'serve_examples', 'transform_labels']").replace(
                "ANSWER", "'outputs'"
            ),
            "serve_examples of the model that run_fn saved lacks the output probability of a binary task; available: ",
        ),
        ("def run_fn(fn_args):\n    fn_args.no_such_thing", "my_model.py:2: run_fn raised AttributeError: "),
    ],
    ids=["nothing", "no default", "default alone", "other outputs", "raises"],
)
def test_unusable_model_gives_a_one_line_error(
    text: str, says: str, project: Callable[[str], Any], tmp_path: Path
) -> None:
    made = copy.copy(project("binary"))
    with pytest.raises(ConfigError) as error:
        _train(made, text, f"bad-{abs(hash(text))}")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
