"""Computes rows in blocks inside a TensorFlow graph, which bounds the memory of a batch of any size."""

from collections.abc import Callable

import tensorflow as tf


def in_blocks(
    values: tf.Tensor, columns: int, end_of: Callable[[tf.Tensor], tf.Tensor], compute: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Computes float32 columns of values, [N], block by block.

    Args:
      values: The values, [N].
      columns: Number of columns D.
      end_of: Index of the first value of a block, int32 -> that behind its last one, greater and at most N.
      compute: Values of a block, [M] -> float32 [M, D].

    Returns:
      Float32 [N, D].
    """
    count = tf.size(values)

    def step(begin: tf.Tensor, found: tf.TensorArray, number: tf.Tensor) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor]:
        end = end_of(begin)
        return end, found.write(number, compute(values[begin:end])), number + 1

    empty = tf.TensorArray(tf.float32, 0, dynamic_size=True, infer_shape=False, element_shape=[None, columns])
    _, found, blocks = tf.while_loop(
        lambda begin, found, number: begin < count, step, (tf.constant(0), empty, tf.constant(0)), parallel_iterations=1
    )
    several = tf.cond(blocks > 0, found.concat, lambda: tf.zeros([0, columns], tf.float32))
    return tf.ensure_shape(several, [None, columns])
