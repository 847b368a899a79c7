"""Statistics of images with values worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from components.shared.images.image_statistics import image_statistics
from components.shared.images.statistic_names import PARTS, statistics_columns


def of(pixels) -> dict[str, float]:
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    return dict(zip(PARTS, image_statistics(image, image.size), strict=True))


def test_one_grey_level() -> None:
    found = of(np.full((3, 4), 51))
    assert found == {
        "width": 4.0,
        "height": 3.0,
        "channels": 1.0,
        "brightness": pytest.approx(0.2),
        "contrast": pytest.approx(0.0, abs=1e-9),
        "sharpness": 0.0,
        "entropy": 0.0,
    }


def test_a_chessboard() -> None:
    board = np.indices((4, 4)).sum(axis=0) % 2 * 255
    found = of(board)
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)  # half of the pixels are 0.5 below the mean, half above it
    assert found["entropy"] == pytest.approx(1.0)  # two equally frequent levels
    # Inside, a black pixel has four white neighbours (4) and a white one four black (-4): standard deviation 4.
    assert found["sharpness"] == pytest.approx(4.0)


def test_blur_lowers_sharpness_and_light_raises_brightness() -> None:
    draw = np.random.default_rng(1).integers(60, 180, (40, 40))
    blurred = (draw + np.roll(draw, 1, 0) + np.roll(draw, 1, 1) + np.roll(draw, (1, 1), (0, 1))) // 4
    assert of(blurred)["sharpness"] < 0.6 * of(draw)["sharpness"]
    assert of(draw + 50)["brightness"] == pytest.approx(of(draw)["brightness"] + 50 / 255)
    assert of(np.stack([draw] * 3, axis=-1)) == {**of(draw), "channels": 3.0}


def test_tiny_images() -> None:
    assert of([[7]])["sharpness"] == 0.0
    assert of([[0, 255]])["contrast"] == pytest.approx(0.5)


def test_names() -> None:
    assert statistics_columns(["a", "b"])[:2] == ["a: width", "a: height"]
    assert len(statistics_columns(["a", "b"])) == 2 * len(PARTS)
