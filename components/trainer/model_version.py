"""The version that a served model reports: its number in the registry, or "candidate" before it is pushed.

The number is known only at the push, and the model must not be saved again for it. It is therefore a text file of the
SavedModel (`assets/model_version`), read once when the model is loaded; the push writes the number into its copy, see
components.registry.registry.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import tensorflow as tf

from components.registry.backend import MODEL_VERSION

CANDIDATE = "candidate"


class ModelVersion(tf.Module):
    """Looks up the version in the text file; saved as part of the module that holds it."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="plumbline-")  # has to exist until the model is saved
        file = Path(self._folder.name) / Path(MODEL_VERSION).name
        file.write_text(f"{CANDIDATE}\n", encoding="utf-8")
        line, text = tf.lookup.TextFileIndex.LINE_NUMBER, tf.lookup.TextFileIndex.WHOLE_LINE
        initializer = tf.lookup.TextFileInitializer(str(file), tf.int64, line, tf.string, text)
        self._lines = tf.lookup.StaticHashTable(initializer, default_value="")

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the version repeated for each row, string [rows]."""
        return tf.fill([rows], self._lines.lookup(tf.constant(0, tf.int64)))
