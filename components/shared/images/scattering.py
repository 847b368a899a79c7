"""Wavelet scattering of images: a convolutional network with fixed filters and two layers, without training.

    S0 = x * phi,  S1 = |x * psi_1| * phi,  S2 = ||x * psi_1| * psi_2| * phi

psi are Morlet wavelets of J scales and L orientations, phi is a Gaussian low-pass filter; a second wavelet has a larger
scale than the first (Mallat, Comm. Pure Appl. Math. 65, 2012; Bruna and Mallat, IEEE TPAMI 35, 2013). The coefficients
are stable to small shifts and deformations and keep the texture, which a low-pass filter of the pixels would lose.

With J = 2 the first layer's outputs of the finer scale are computed at half the resolution before the second layer, as
is usual, since they hold no higher frequencies.
"""

import numpy as np
import tensorflow as tf

ORIENTATIONS = 6
SCALES = 2
STRIDE = 4
"""Pixels per cell of the result, 2^SCALES."""
CHANNELS = 1 + SCALES * ORIENTATIONS + ORIENTATIONS**2
"""Coefficients per cell and colour channel: S0, S1 of each scale, S2."""


def morlet(scale: int, orientation: int) -> np.ndarray:
    """Returns a Morlet wavelet, complex64 [K, K], with zero mean and absolute values that sum to 1.

    Args:
      scale: 0, 1, ...; the standard deviation of the envelope is 0.8 * 2^scale pixels, the frequency
        3 pi / 4 / 2^scale, the slant 4 / ORIENTATIONS (the values of Bruna and Mallat).
      orientation: 0 .. ORIENTATIONS - 1, a multiple of pi / ORIENTATIONS.
    """
    sigma, angle = 0.8 * 2**scale, np.pi * orientation / ORIENTATIONS
    radius = int(np.ceil(3 * sigma))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    envelope = np.exp(-(along**2 + (across * 4 / ORIENTATIONS) ** 2) / (2 * sigma**2))
    wave = np.exp(1j * 3 * np.pi / 4 / 2**scale * along)
    found = envelope * (wave - (envelope * wave).sum() / envelope.sum())
    return (found / np.abs(found).sum()).astype(np.complex64)


def scattering(pixels: tf.Tensor) -> tf.Tensor:
    """Computes the scattering coefficients of images.

    Args:
      pixels: Uint8 [N, S, S, C], S a multiple of STRIDE.

    Returns:
      Float32 [N, (S / STRIDE)^2 * CHANNELS * C], in an order that depends on S and C only. Values of S1 and S2 are
      compressed by a square root, since they are skewed.
    """
    size, colours = int(pixels.shape[1]), int(pixels.shape[3])
    # Colour channels are images of their own: [N C, S, S, 1].
    planes = tf.reshape(tf.transpose(tf.cast(pixels, tf.float32) / 255.0, [0, 3, 1, 2]), [-1, size, size, 1])
    broad, half = _smoothing(size, 0.8 * STRIDE / 2, STRIDE), size // 2
    fine, coarse = _moduli(planes, 0), _moduli(planes, 1)
    # Each output of the finer scale becomes a plane: [N C ORIENTATIONS, S / 2, S / 2, 1].
    first = tf.transpose(_smoothed(fine, _smoothing(size, 0.8, 2)), [0, 3, 1, 2])
    second = _smoothed(
        _moduli(tf.reshape(first, [-1, half, half, 1]), 0), _smoothing(half, 0.8 * STRIDE / 4, STRIDE // 2)
    )
    cells = (size // STRIDE) ** 2
    second = tf.transpose(tf.reshape(second, [-1, ORIENTATIONS, cells, ORIENTATIONS]), [0, 2, 1, 3])
    parts = [_smoothed(planes, broad), *(tf.sqrt(_smoothed(one, broad) + 1e-6) for one in (fine, coarse))]
    parts = [tf.reshape(one, [-1, cells, one.shape[3]]) for one in parts]
    parts.append(tf.reshape(tf.sqrt(second + 1e-6), [-1, cells, ORIENTATIONS**2]))
    return tf.reshape(tf.concat(parts, axis=2), [-1, cells * CHANNELS * colours])


def _moduli(images: tf.Tensor, scale: int) -> tf.Tensor:
    """|x * psi| of planes [M, S, S, 1] for all orientations, [M, S, S, ORIENTATIONS]."""
    waves = [morlet(scale, orientation) for orientation in range(ORIENTATIONS)]
    # Real parts first: slices of neighbouring channels are several times faster than every second one.
    kernel = np.stack([wave.real for wave in waves] + [wave.imag for wave in waves], axis=-1)[:, :, None, :]
    radius = kernel.shape[0] // 2
    # Mirrored borders are no edges.
    wide = tf.pad(images, [[0, 0], [radius, radius], [radius, radius], [0, 0]], "REFLECT")
    found = tf.nn.conv2d(wide, kernel.astype(np.float32), 1, "VALID")
    return tf.sqrt(found[..., :ORIENTATIONS] ** 2 + found[..., ORIENTATIONS:] ** 2 + 1e-12)


def _smoothing(size: int, sigma: float, stride: int) -> np.ndarray:
    """A low-pass filter along one side with mirrored borders, sampled at every cell, float32 [size / stride, size].

    As a matrix it is several times faster than a convolution of each plane.
    """
    centres = (np.arange(size // stride) + 0.5) * stride - 0.5
    found = np.zeros((len(centres), size))
    for image in (-1, 0, 1):  # the mirror images of the side, before and behind it
        places = image * size + (np.arange(size) if image == 0 else np.arange(size)[::-1])
        found += np.exp(-((places[None, :] - centres[:, None]) ** 2) / (2 * sigma**2))
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def _smoothed(images: tf.Tensor, smoothing: np.ndarray) -> tf.Tensor:
    """Applies a low-pass filter along both sides, [M, S, S, K] -> [M, S / stride, S / stride, K]."""
    size, planes = int(images.shape[1]), int(images.shape[3])
    cells = smoothing.shape[0]
    rows = tf.matmul(smoothing, tf.reshape(images, [-1, size, size * planes]))
    columns = tf.matmul(smoothing, tf.reshape(rows, [-1, size, planes]))
    return tf.reshape(columns, [-1, cells, cells, planes])
