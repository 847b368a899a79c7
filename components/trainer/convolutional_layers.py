"""Convolutional layers for images, trained from scratch together with the rest of the network.

The images are halved until they have at most 4 pixels a side: stages of a 3 x 3 convolution, batch normalisation, ReLU
and max pooling, with twice as many channels each; images of more than 32 pixels are halved by the first convolution
itself (stride 2). The mean and the maximum over the last stage's pixels are its features.
"""

from collections.abc import Mapping
from typing import Any

import keras

CHANNELS, MAX_CHANNELS = 16, 128
"""Channels of the first stage and of the last ones."""
LARGE = 32
"""Width above which the first convolution has stride 2."""
CONVOLUTION_COST = 12
"""Time of a multiplication of these small convolutions relative to one of a dense layer: training takes 1.8 ms of CPU
for an image of 64 x 64 pixels and 3.7 million multiplications."""
MIN_SIDE = 4
MOMENTUM = 0.9
"""Of the moving averages of the batch normalisation; with the usual 0.99 they lag behind for the first ten epochs of a
small table, and early stopping would end the training."""
FEATURES = 64
"""Outputs for each image."""


def stages(width: int) -> list[tuple[int, int]]:
    """Returns the stages for images of a width: (channels, width of the convolution's output) each."""
    found, channels = [], CHANNELS
    side = width // 2 if width > LARGE else width
    if width > LARGE:
        channels = CHANNELS // 2
        found.append((channels, side))
        channels *= 2
    while side > MIN_SIDE:
        found.append((channels, side))
        side, channels = side // 2, min(2 * channels, MAX_CHANNELS)
    return found


def convolutions(height: int, width: int, channels: int) -> int:
    """Returns the multiplications of a forward pass for one image."""
    total, before = 0, channels
    for after, side in stages(width):
        total += side * max(side * height // width, 1) * 9 * before * after
        before = after
    return total + 2 * before * FEATURES


def convolved(image: keras.KerasTensor, augmentation: Mapping[str, Any]) -> keras.KerasTensor:
    """Adds the layers for an image.

    Args:
      image: Pixels, uint8 [N, height, width, channels].
      augmentation: Section [augmentation] of pipeline.toml.

    Returns:
      Features, float32 [N, FEATURES].
    """
    x = keras.layers.Rescaling(1 / 255.0)(image)
    for layer in augmenting_layers(augmentation):
        x = layer(x)
    for number, (channels, _) in enumerate(stages(image.shape[2])):
        strided = number == 0 and image.shape[2] > LARGE
        x = keras.layers.Conv2D(channels, 3, strides=2 if strided else 1, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=MOMENTUM)(x))
        if not strided:
            x = keras.layers.MaxPooling2D()(x)
    mean, most = keras.layers.GlobalAveragePooling2D()(x), keras.layers.GlobalMaxPooling2D()(x)
    return keras.layers.Dense(FEATURES, activation="relu")(keras.layers.Concatenate()([mean, most]))


def augmenting_layers(augmentation: Mapping[str, Any]) -> list[keras.layers.Layer]:
    """Returns the layers that change images at random while training, and pass them on unchanged otherwise."""
    found: list[keras.layers.Layer] = []
    shift, rotation = augmentation.get("shift", 0.0), augmentation.get("rotation", 0.0)
    if (flip := augmentation.get("flip", "none")) != "none":
        found.append(keras.layers.RandomFlip("horizontal_and_vertical" if flip == "both" else flip))
    if rotation:
        found.append(keras.layers.RandomRotation(rotation / 360.0, fill_mode="reflect"))
    if shift:
        found.append(keras.layers.RandomTranslation(shift, shift, fill_mode="reflect"))
    if brightness := augmentation.get("brightness", 0.0):
        found.append(keras.layers.RandomBrightness(brightness, value_range=(0.0, 1.0)))
    if contrast := augmentation.get("contrast", 0.0):
        found.append(keras.layers.RandomContrast(contrast, value_range=(0.0, 1.0)))
    if noise := augmentation.get("noise", 0.0):
        found.append(keras.layers.GaussianNoise(noise))
    return found
