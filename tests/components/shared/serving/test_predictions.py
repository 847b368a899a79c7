import numpy as np
import pytest

from components.shared.serving.predictions import (
    About,
    read_predictions,
    read_train_labels,
    table_of,
    write_predictions,
    write_train_labels,
)
from components.shared.serving.serving_contract import ModelOutput

PLACES, LABELS = np.array([0, 2, 5]), np.array([1.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("output", "decided"),
    [
        (np.array([0.25, 0.5, 1.0], np.float32), np.array([0, 1, 1])),
        (np.eye(3, 4, dtype=np.float32), np.array([0, 1, -1])),
        (np.array([-1.5, 0.0, 7.25], np.float32), None),
    ],
)
def test_round_trip(tmp_path, output, decided):
    about = About("any", 7, 3, {"flüge": 2}, ("a", "b", "c", "d"), {"candidate": 0.29}, "abc")
    outputs = {"candidate": ModelOutput(output, decided), "champion": ModelOutput(output / 2, decided)}
    parts = [
        table_of(PLACES[at], LABELS[at], {name: _some(one, at) for name, one in outputs.items()})
        for at in (slice(0, 2), slice(2, 3))
    ]
    write_predictions(tmp_path / "p", parts, about)
    found = read_predictions(tmp_path / "p")
    assert found.about == about
    assert (found.places.tolist(), found.labels.tolist()) == (PLACES.tolist(), LABELS.tolist())
    for name, answer in outputs.items():
        np.testing.assert_array_equal(found.outputs[name].output, answer.output)
        assert (found.outputs[name].decided is None) == (decided is None)
        if decided is not None:
            np.testing.assert_array_equal(found.outputs[name].decided, decided)


def _some(answer: ModelOutput, at: slice) -> ModelOutput:
    return ModelOutput(answer.output[at], None if answer.decided is None else answer.decided[at])


def test_train_labels(tmp_path):
    write_train_labels(tmp_path, np.array([0.0, np.nan, 1.0]))
    np.testing.assert_array_equal(read_train_labels(tmp_path), [0.0, np.nan, 1.0])


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path)
