"""Every metric of verdict.json equals scikit-learn's on the predictions of the served model."""

import json

import numpy as np
import pytest
from sklearn import metrics

from components.shared.errors import InputError
from components.shared.examples.example_reading import columns_of, record_batches
from components.shared.serving.serving_contract import decides
from tests.components.evaluator.evaluations import CLASSES, FEATURES, evaluated
from tests.components.served_models import save_multiclass, write_split

pytestmark = pytest.mark.slow


def served(folder, split):
    """Raw outputs of the signature serve_examples, the raw label and the origin of each row."""
    import tensorflow as tf

    (records,) = record_batches(split)
    said = tf.saved_model.load(str(folder)).signatures["serve_examples"](examples=tf.constant(records))
    columns = columns_of(records, ["y", "origin"])
    label = columns["y"].to_pylist()
    return (
        {name: value.numpy() for name, value in said.items()},
        np.array(label),
        np.array(columns["origin"].to_pylist()),
    )


def by_scikit_learn(task, said, label):
    if task == "binary":
        probability, decided = said["probability"].astype(float), said["class"]
        return {
            "auc": metrics.roc_auc_score(label, probability),
            "average_precision": metrics.average_precision_score(label, probability),
            "log_loss": metrics.log_loss(label, probability),
            "accuracy": metrics.accuracy_score(label, decides(said["probability"], 0.5)),
            "f1": metrics.f1_score(label, decided),
            "precision": metrics.precision_score(label, decided),
            "recall": metrics.recall_score(label, decided),
            "calibration": probability.sum() / label.sum(),
            "threshold": 0.29,
        }
    if task == "multiclass":
        names = np.array(CLASSES)
        code = np.array([CLASSES.index(one.decode()) for one in label])
        return {
            "accuracy": metrics.accuracy_score(names[code], names[said["probabilities"].argmax(axis=1)]),
            "log_loss": metrics.log_loss(code, said["probabilities"].astype(float), labels=[0, 1, 2]),
        }
    return {
        "rmse": metrics.root_mean_squared_error(label, said["prediction"]),
        "mae": metrics.mean_absolute_error(label, said["prediction"]),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_metrics_equal_scikit_learn_on_served_predictions(tmp_path, task):
    folder, models, split = evaluated(tmp_path, task)
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    figures = {}
    for name, place in models.items():
        said, label, origin = served(place, split)
        parts = {"": slice(None), **{f"origin={one.decode()}": origin == one for one in np.unique(origin)}}
        for part, at in parts.items():
            answers = {output: value[at] for output, value in said.items()}
            figures[name, part] = {**by_scikit_learn(task, answers, label[at]), "rows": len(label[at])}
    shown = {("candidate", ""): verdict["metrics"], ("champion", ""): verdict["champion"]["metrics"]}
    shown |= {("candidate", part): found for part, found in verdict["slices"].items()}
    assert len(shown) == 4
    for key, found in shown.items():
        measured = {name: value for name, value in found.items() if not name.endswith("_diff")}
        calibration = measured.pop("calibration_error", 0.0)
        assert 0 <= calibration <= 1
        assert measured == pytest.approx(figures[key], rel=1e-5), key
    for metric, value in figures["champion", "origin=EWR"].items():
        if metric not in ("rows", "threshold"):
            apart = figures["candidate", "origin=EWR"][metric] - value
            assert verdict["slices"]["origin=EWR"][f"{metric}_diff"] == pytest.approx(apart, abs=1e-5)


def test_class_without_train_rows_is_counted_and_reported(tmp_path):
    from components.evaluator.blessing import ValidationThresholds
    from components.evaluator.evaluation import evaluate
    from tests.components.evaluator.evaluations import predicted

    random = np.random.default_rng(0)
    numbers = random.normal(size=200).tolist()
    labels = [CLASSES[int(place)] for place in np.digitize(numbers, [-0.5, 0.5])]
    train = write_split(tmp_path / "train", ["EWR"] * 200, numbers, labels)
    new = write_split(tmp_path / "eval", ["EWR"] * 200, numbers, [*labels[:-3], "x", "x", "y"])
    model = save_multiclass(tmp_path / "a", CLASSES, 2.0)
    splits = {"train": train, "eval": new}
    found = predicted(tmp_path / "predictions", "multiclass", splits, {"candidate": model})
    code = np.array([CLASSES.index(one) for one in labels], float)
    locations = {"candidate": str(tmp_path / "a")}

    def verdict(predictions):
        folder = tmp_path / "evaluation"
        return evaluate(predictions, code, splits, FEATURES, [], ValidationThresholds(), locations, None, folder)

    told = verdict(found)
    assert told["unknown_labels"] == {"x": 2, "y": 1}
    assert told["metrics"]["rows"] == 197
    with_unseen = round(told["metrics"]["accuracy"] * 197) / 200  # the three are wrong
    assert told["notices"][0] == {
        "kind": "unknown_classes",
        "classes": {"x": 2, "y": 1},
        "accuracy": pytest.approx(with_unseen),
    }
    json.dumps(told, allow_nan=False)

    nothing = write_split(tmp_path / "unknown", ["EWR"] * 2, [1.0, 2.0], ["x", "x"])
    splits["eval"] = nothing
    empty = predicted(tmp_path / "empty", "multiclass", splits, {"candidate": model})
    with pytest.raises(InputError, match=r"no row has a label that the model has learned \(x \(2\) instead\)"):
        verdict(empty)
