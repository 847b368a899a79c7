"""Shapes with values that are known."""

import numpy as np

from data.steel_shapes import grid, rotated, smooth, spots, step


def test_grid_holds_the_middles_of_the_pixels():
    x, y = grid(4)
    assert x.ravel().tolist() == y.ravel().tolist() == [-0.375, -0.125, 0.125, 0.375]
    assert (x.shape, y.shape) == ((1, 1, 4), (1, 4, 1))


def test_rotation_by_a_quarter_exchanges_the_axes():
    u, v = rotated(4, np.array([0.125]), np.array([0.0]), np.array([np.pi / 2]))
    x, y = grid(4)
    np.testing.assert_allclose(u[0], np.broadcast_to(y[0], (4, 4)), atol=1e-6)
    np.testing.assert_allclose(v[0], np.broadcast_to(0.125 - x[0], (4, 4)), atol=1e-6)


def test_step_goes_from_0_to_1():
    np.testing.assert_allclose(step(np.array([-1.0, 0.0, 1.0]), 0.1), [0, 0.5, 1], atol=1e-6)


def test_spots_have_their_radius_and_the_strongest_counts():
    u, v = rotated(64, np.zeros(2), np.zeros(2), np.zeros(2))
    radii = np.array([[0.1, 0.0], [0.1, 0.1]])
    field = spots(u, v, np.zeros((2, 2, 2)), radii, np.array([[1.0, 1.0], [1.0, 3.0]]))
    half = field > np.exp(-1)  # at distance radius: exp(-1)
    areas = half.mean(axis=(1, 2))
    np.testing.assert_allclose(areas, [np.pi * 0.01, 3 * np.pi * 0.01], rtol=0.05)
    assert field.max() <= 1


def test_smooth_fields_are_standardized_and_stretched_along_their_angle():
    noise = np.random.default_rng(1).standard_normal((6, 64, 64), np.float32)
    right, down = smooth(noise, 2, 12), smooth(noise, 2, 12, np.pi / 2)
    for field in (right, down):
        np.testing.assert_allclose(field.mean(axis=(1, 2)), 0, atol=1e-4)
        np.testing.assert_allclose(field.std(axis=(1, 2)), 1, rtol=1e-4)
    change_right, change_down = (np.abs(np.diff(right, axis=axis)).mean() for axis in (2, 1))
    assert change_down > 3 * change_right
    change_right, change_down = (np.abs(np.diff(down, axis=axis)).mean() for axis in (2, 1))
    assert change_right > 3 * change_down
