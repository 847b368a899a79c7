"""Decodes and resizes images in the TensorFlow graph, for training and serving alike."""

import tensorflow as tf

from components.shared.images.decoding import GREY_IMAGE

PIXELS = "pixels_"
"""Prefix of the matrices of pixels among the transformed features, followed by the number of the image column."""
PARALLEL = 8
"""Images of a batch that are decoded at a time."""


def is_decodable(image: bytes) -> bool:
    """Whether the graph can decode an image; Pillow accepts some files with a damaged end that TensorFlow refuses."""
    try:
        tf.io.decode_image(image, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def decoded_pixels(images: tf.Tensor, size: int, channels: int) -> tf.Tensor:
    """Decodes images and resizes them to squares; the ratio of the sides is not kept.

    Images that are larger than the square are averaged (antialiasing), smaller ones interpolated (bilinear).

    Args:
      images: Encoded images, PNG or JPEG, string [N]; "" is missing and becomes a grey square.
      size: Width and height of the result.
      channels: 1 for luma, 3 for RGB; the decoder converts.

    Returns:
      Pixels, uint8 [N, size, size, channels].

    Raises:
      InvalidArgumentError: When called, if an image cannot be decoded.
    """

    def one(content: tf.Tensor) -> tf.Tensor:
        pixels = tf.io.decode_image(content, channels=channels, expand_animations=False)
        resized = tf.image.resize(pixels, (size, size), antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)

    filled = tf.where(images == "", tf.constant(GREY_IMAGE), images)
    result = tf.TensorSpec([size, size, channels], tf.uint8)
    return tf.map_fn(one, filled, fn_output_signature=result, parallel_iterations=PARALLEL)
