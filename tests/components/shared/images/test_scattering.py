"""Wavelet scattering: filters with values of the definition, and the properties that the coefficients have."""

import numpy as np
import pytest
import tensorflow as tf

from components.shared.images import scattering as one
from components.shared.images.scattering import CHANNELS, ORIENTATIONS, STRIDE, morlet, scattering


def coefficients(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    return scattering(tf.constant(pixels)).numpy().reshape(len(pixels), -1, CHANNELS * pixels.shape[3])


def stripes(angle: float, period: float, size: int = 32) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return (127.5 + 120 * wave).round().astype(np.uint8)[None]


@pytest.mark.parametrize("scale", [0, 1])
def test_wavelets_have_mean_zero_and_norm_one(scale: int) -> None:
    for orientation in range(ORIENTATIONS):
        wave = morlet(scale, orientation)
        assert abs(wave.sum()) < 1e-6
        assert np.abs(wave).sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(morlet(scale, 3), morlet(scale, 0).T, atol=1e-6)  # a right angle


def test_a_grey_image_has_no_waves() -> None:
    found = coefficients(np.full((1, 16, 16), 51, np.uint8))
    assert np.allclose(found[..., 0], 0.2, atol=1e-5)
    assert found[..., 1:].max() < 0.01


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_the_orientation_of_stripes_is_found(orientation: int) -> None:
    # 2 pi / (3 pi / 4) pixels: the frequency of the finer wavelets
    found = coefficients(stripes(np.pi * orientation / ORIENTATIONS, 8 / 3))[0]
    middle = found[len(found) // 2 - 1, 1 : 1 + ORIENTATIONS]
    assert middle.argmax() == orientation
    coarse = coefficients(stripes(np.pi * orientation / ORIENTATIONS, 16 / 3))[0]
    assert coarse[len(coarse) // 2 - 1, 1 + ORIENTATIONS : 1 + 2 * ORIENTATIONS].argmax() == orientation


def test_small_shifts_change_less_than_other_textures() -> None:
    draw = np.random.default_rng(3)
    image = draw.integers(0, 256, (1, 34, 34), dtype=np.uint8)
    shifted, other = image[:, 1:33, 1:33], draw.integers(0, 256, (1, 32, 32), dtype=np.uint8)
    here, near, far = (coefficients(some) for some in (image[:, :32, :32], shifted, stripes(0.4, 4)))
    same_kind = coefficients(other)
    assert np.linalg.norm(here - near) < 0.8 * np.linalg.norm(here - same_kind)
    assert np.linalg.norm(here - same_kind) < 0.5 * np.linalg.norm(here - far)


def test_the_smoothing_is_a_mean_with_mirrored_borders() -> None:
    smoothing = one._smoothing(16, 1.6, STRIDE)
    assert smoothing.shape == (4, 16)
    assert np.allclose(smoothing.sum(axis=1), 1)
    assert np.allclose(smoothing, smoothing[::-1, ::-1], atol=1e-6)
    line = np.arange(16.0)
    means = smoothing @ line
    assert np.all(np.diff(means) > 2)
    assert means[1] == pytest.approx(5.5, abs=0.1)  # the centre of pixels 4 to 7


@pytest.mark.parametrize(("size", "colours"), [(16, 1), (32, 3), (24, 1)])
def test_shapes_and_colours(size: int, colours: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size, colours), dtype=np.uint8)
    found = scattering(tf.constant(pixels)).numpy()
    assert found.shape == (3, (size // 4) ** 2 * (1 + 2 * 6 + 36) * colours)
    assert np.isfinite(found).all()
    if colours == 3:  # each colour is transformed as a greyscale image
        planes = [coefficients(pixels[..., at]) for at in range(3)]
        assert np.allclose(
            np.sort(found[0]), np.sort(np.concatenate([plane[0].ravel() for plane in planes])), atol=1e-5
        )
