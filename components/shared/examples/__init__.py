"""tf.Examples on disk as columns, their columnar copy, and the counts of rows that steps compare."""
