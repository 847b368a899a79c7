"""The fitted model of an image column, and what the served graph makes of images."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from components.shared.images.decoding import GREY_IMAGE
from components.shared.images.image_column import BLOCK_IMAGES, ImageColumn, coefficients
from components.shared.images.image_model_fitting import (
    ImageSettings,
    automatic_channels,
    automatic_size,
    learn,
)
from components.shared.images.pixels import decoded_pixels, is_decodable

DRAW = np.random.default_rng(2)


def png(pixels: np.ndarray, kind: str = "PNG", **how) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(sink, kind, **how)
    return sink.getvalue()


@pytest.fixture(scope="module")
def digits() -> tuple[list[bytes], np.ndarray]:
    data = load_digits()
    some = np.random.default_rng(0).permutation(len(data.target))[:600]
    return [png(np.round(data.images[at] * 255 / 16)) for at in some], data.target[some]


@pytest.fixture(scope="module")
def model(digits):
    return learn("photo", digits[0], 8, ImageSettings(dimensions=20))


def test_pixels_of_the_graph_are_those_of_the_file() -> None:
    grey, colour = DRAW.integers(0, 256, (16, 16)), DRAW.integers(0, 256, (16, 16, 3))
    images = tf.constant([png(grey), png(np.stack([grey] * 3, axis=-1)), b""])
    found = decoded_pixels(images, 16, 1).numpy()
    assert np.array_equal(found[0, ..., 0], grey)
    assert np.abs(found[1, ..., 0].astype(int) - grey).max() <= 1
    assert set(np.unique(found[2])) == {128}  # a missing image
    assert np.asarray(Image.open(io.BytesIO(GREY_IMAGE))).tolist() == [[128]]
    assert np.array_equal(decoded_pixels(tf.constant([png(colour)]), 16, 3).numpy()[0], colour)
    assert decoded_pixels(tf.constant([png(grey)]), 16, 3).shape == (1, 16, 16, 3)
    half = decoded_pixels(tf.constant([png(np.full((32, 32), 70))]), 16, 1).numpy()
    assert set(np.unique(half)) == {70}
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoded_pixels(tf.constant([b"no image"]), 16, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_graph_decodes_every_mode_that_ingest_keeps(mode: str, kind: str) -> None:
    if kind == "JPEG" and mode in ("RGBA", "LA", "P", "I;16"):
        pytest.skip("JPEG has no such mode")
    pixels = DRAW.integers(0, 256, (20, 20, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[..., 0].astype(np.uint16) << 8) if mode == "I;16" else image.convert(mode)
    sink = io.BytesIO()
    image.save(sink, kind)
    assert is_decodable(sink.getvalue())
    for channels in (1, 3):
        assert decoded_pixels(tf.constant([sink.getvalue()]), 16, channels).shape == (1, 16, 16, channels)


def test_what_the_graph_cannot_decode_is_known() -> None:
    content = png(DRAW.integers(0, 256, (8, 8)))
    assert is_decodable(content)
    assert not is_decodable(content[:-20])  # Pillow reads this one
    assert not is_decodable(b"no image")


def test_size_and_channels_follow_the_images() -> None:
    assert automatic_size([png(np.zeros((8, 8)))]) == 16
    assert automatic_size([png(np.zeros((30, 41)))] * 3) == 40
    assert automatic_size([png(np.zeros((300, 4000)))]) == 64
    grey, colour = png(np.full((8, 8), 9)), png(DRAW.integers(0, 256, (8, 8, 3)))
    grey_as_rgb = png(np.full((8, 8, 3), 9))
    assert automatic_channels([grey, grey_as_rgb]) == 1
    assert automatic_channels([grey] * 9 + [colour]) == 3


def test_the_columns_are_principal_components(digits, model) -> None:
    images, _ = digits
    found = ImageColumn(model)(tf.constant(images)).numpy()
    local, pooled = (one.numpy() for one in coefficients(decoded_pixels(tf.constant(images), model.size, 1)))
    assert found.shape == (600, 20)
    standardised = (pooled - pooled.mean(axis=0)) / np.maximum(pooled.std(axis=0), 1e-3)
    for part, raw in ((found[:, :10], local), (found[:, 10:], standardised)):
        expected = PCA(10, random_state=0).fit(raw)
        scale = np.sqrt(expected.explained_variance_[0])
        assert part.std(axis=0, ddof=1)[0] == pytest.approx(1, abs=1e-3)
        assert np.allclose(part.std(axis=0, ddof=1) * scale, np.sqrt(expected.explained_variance_), rtol=0.02)
        other = expected.transform(raw)[:, :4]
        for at in range(4):  # the sign of a component is free
            assert abs(np.corrcoef(part[:, at], other[:, at])[0, 1]) > 0.99
    assert np.all(np.diff(model.quantiles, axis=1) >= 0)
    assert np.allclose(model.quantiles[:, 3], np.median(found, axis=0), atol=0.02)
    assert model.columns[:2] == ("photo#1", "photo#2")


def test_pooled_coefficients_do_not_depend_on_the_place() -> None:
    blank = np.full((2, 32, 32, 1), 90, np.uint8)
    blank[0, 4:8, 4:8], blank[1, 20:24, 12:16] = 200, 200
    local, pooled = (one.numpy() for one in coefficients(tf.constant(blank)))
    assert np.abs(local[0] - local[1]).max() > 0.1
    assert np.abs(pooled[0] - pooled[1]).max() < 0.25 * np.abs(pooled).max()


def test_missing_images_are_nan_and_no_batch_size_matters(digits, model) -> None:
    images, _ = digits
    column = ImageColumn(model)
    some = [*images[:3], b"", images[3]]
    found = column(tf.constant(some)).numpy()
    assert np.isnan(found).all(axis=1).tolist() == [False, False, False, True, False]
    alone = np.concatenate([column(tf.constant([one])).numpy() for one in some])
    assert np.allclose(found, alone, atol=1e-5, equal_nan=True)
    assert column(tf.constant([], tf.string)).shape == (0, 20)
    many = column(tf.constant((images * 2)[: 2 * BLOCK_IMAGES + 1])).numpy()
    assert np.allclose(many[: len(images)], column(tf.constant(images)).numpy()[: len(many)], atol=1e-5)


def test_the_embedding_tells_digits_apart(digits, model) -> None:
    images, labels = digits
    found = ImageColumn(model)(tf.constant(images)).numpy()
    score = cross_val_score(LogisticRegression(C=10, max_iter=500), found, labels, cv=3).mean()
    pixels = np.array([np.asarray(Image.open(io.BytesIO(one))).ravel() / 255 for one in images])
    raw = cross_val_score(LogisticRegression(C=10, max_iter=500), PCA(20).fit_transform(pixels), labels, cv=3).mean()
    assert score > 0.94
    assert score > raw


def test_one_image_and_equal_images() -> None:
    for images in ([png(np.full((9, 9), 7))], [png(np.full((9, 9), 7))] * 50):
        model = learn("p", images, 4, ImageSettings())
        found = ImageColumn(model)(tf.constant(images)).numpy()
        assert np.isfinite(found).all()
        assert found.shape[1] >= 1


def test_settings_of_the_section() -> None:
    table = {"size": "auto", "channels": 3, "max_pixels": 5, "on_unreadable": "warn", "dimensions": 9}
    assert ImageSettings.of(table) == ImageSettings(size=0, channels=3, dimensions=9)
    assert ImageSettings.of(None) == ImageSettings()
