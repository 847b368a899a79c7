"""The convolutional layers: sizes, cost, augmentation in training only, and that they learn what no column tells."""

import keras
import numpy as np
import pytest

from components.trainer.candidates import TaskSpec
from components.trainer.convolutional_layers import FEATURES, augmenting_layers, convolutions, convolved, stages
from components.trainer.network import fit_network
from components.trainer.network_layers import build_model, multiplications
from components.trainer.training_columns import TrainingColumns

SETTINGS = {
    "seed": 3,
    "batch_size": 32,
    "epochs": 12,
    "learning_rate": 0.003,
    "weight_decay": 1e-4,
    "patience": 12,
    "hidden_units": [16],
    "dropout": 0.0,
    "members": 2,
}


def test_stages_halve_the_image_to_four_pixels() -> None:
    assert stages(16) == [(16, 16), (32, 8)]
    assert stages(32) == [(16, 32), (32, 16), (64, 8)]
    assert stages(64) == [(8, 32), (16, 32), (32, 16), (64, 8)]
    assert max(channels for channels, _ in stages(256)) == 128


def test_the_cost_is_that_of_the_layers() -> None:
    image = keras.Input((64, 48, 3), dtype="uint8")
    model = keras.Model(image, convolved(image, {}))
    assert model.output_shape == (None, FEATURES)
    counted = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            counted += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            counted += int(np.prod(layer.kernel.shape))
    assert convolutions(64, 48, 3) == pytest.approx(counted, rel=0.35)  # heights are those of a square's ratio
    square = keras.Input((32, 32, 1), dtype="uint8")
    layers = keras.Model(square, convolved(square, {})).layers
    exact = sum(
        int(np.prod(one.output.shape[1:3])) * int(np.prod(one.kernel.shape))
        for one in layers
        if isinstance(one, keras.layers.Conv2D)
    )
    exact += sum(int(np.prod(one.kernel.shape)) for one in layers if isinstance(one, keras.layers.Dense))
    assert convolutions(32, 32, 1) == exact


def columns(count: int, seed: int) -> TrainingColumns:
    """Images with a bright line somewhere: horizontal (0) or vertical (1). The numeric column says nothing."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)
    pixels = draw.integers(60, 100, (count, 16, 16, 1)).astype(np.uint8)
    for at, label in enumerate(labels):
        row, column = draw.integers(2, 10, 2)
        if label:
            pixels[at, row : row + 6, column] = 200
        else:
            pixels[at, row, column : column + 6] = 200
    features = {
        "numeric": draw.uniform(-1, 1, (count, 1)).astype(np.float32),
        "missing": np.zeros((count, 1), np.float32),
        "pixels_0": pixels,
    }
    return TrainingColumns(features, labels.astype(np.float32))


def test_the_network_learns_from_the_pixels() -> None:
    rows, validation = columns(600, 0), columns(200, 1)
    task = TaskSpec("binary", 0, 0)
    shape = task.shape(rows)
    assert shape.images == {"pixels_0": (16, 16, 1)}
    assert shape.widths == {"numeric": 1, "missing": 1}
    found = fit_network(rows, validation, shape, "binary", {**SETTINGS, "augmentation": {"shift": 0.1}})
    outputs = found.model.predict(validation.features, verbose=0).mean(axis=(1, 2))
    assert ((outputs > 0) == (validation.labels > 0)).mean() > 0.95
    without = task.shape(TrainingColumns({"numeric": rows.features["numeric"]}, rows.labels))
    assert multiplications(shape, SETTINGS) > 10 * multiplications(without, SETTINGS)


AUGMENTATION = {"flip": "both", "shift": 0.2, "rotation": 20.0, "brightness": 0.2, "contrast": 0.3, "noise": 0.05}


def test_images_are_changed_in_training_only() -> None:
    image = np.random.default_rng(2).uniform(0, 1, (4, 16, 16, 1)).astype(np.float32)
    for name, value in AUGMENTATION.items():
        (layer,) = augmenting_layers({name: value})
        assert np.allclose(layer(image, training=False), image), name
        changed = layer(image, training=True)
        assert changed.shape == image.shape
        assert not np.allclose(changed, image), name
    assert augmenting_layers({}) == []
    assert augmenting_layers({"flip": "none", "shift": 0.0, "jitter": 0.5}) == []
    assert len(augmenting_layers(AUGMENTATION)) == len(AUGMENTATION)


def test_tables_without_images_are_as_before() -> None:
    rows = TrainingColumns({"numeric": np.zeros((4, 3), np.float32)}, np.zeros(4, np.float32))
    model = build_model(TaskSpec("binary", 0, 0).shape(rows), SETTINGS)
    assert not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)
