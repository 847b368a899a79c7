"""The contract of a served model: its signatures, and how its outputs are read. The only definition in the project.

    signature         inputs                                   outputs
    serve_examples    examples string [N], serialized          by task, below
    serving_default   one tensor per feature                   by task, below
    transform_labels  examples string [N], with the label      transformed_label [N], encoded for training

    task        output                                         class
    binary      probability float32 [N] of the positive class  int64 [N], 1 if probability >= decision threshold
    multiclass  probabilities float32 [N, K], and classes      string [N], the most probable; the first of ties
                string [N, K], the names by column
    regression  prediction float32 [N], in the label's unit    none

Ties of a binary model: a row is predicted as 1 if probability >= decision threshold, both in float32, which is how the
served graph compares. All code that applies a decision threshold calls `decides`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

SERVE_EXAMPLES, SERVING_DEFAULT, TRANSFORM_LABELS = "serve_examples", "serving_default", "transform_labels"
TRANSFORMED_LABEL = "transformed_label"
OUTPUTS = {"binary": "probability", "multiclass": "probabilities", "regression": "prediction"}
"""Task -> output of serve_examples from which metrics are computed."""
CLASS, CLASSES = "class", "classes"
DECISION_THRESHOLD = "assets.extra/decision_threshold.json"
"""File in a SavedModel of a binary task: {"threshold": t}, in [0, 1]."""
MEMBERS = "assets.extra/members.json"
"""File in a SavedModel that Plumbline's Trainer wrote: {"members": [{name, weight, seconds, reason}], "seconds": s},
the candidates and why each is or is not a member."""
SERVING_INPUTS = "assets.extra/serving_inputs.json"
"""File in a SavedModel that Plumbline's Trainer wrote: the columns behind the inputs of serving_default."""
WARMUP_REQUESTS = "assets.extra/tf_serving_warmup_requests"
"""File in a SavedModel with the requests that a server sends to it before others, where TensorFlow Serving looks."""
NO_THRESHOLD = 0.5
"""Decision threshold of a model without such a file."""


def decides(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Returns which rows are predicted as 1, bool: probability >= threshold, compared in float32."""
    found: np.ndarray = np.asarray(probability).astype(np.float32, copy=False) >= np.float32(threshold)
    return found


def likeliest(probabilities: np.ndarray) -> np.ndarray:
    """Returns the code of the most probable class, int64 [N], of probabilities [N, K]; the first of ties."""
    found: np.ndarray = probabilities.argmax(axis=1)
    return found


def decision_threshold(model: Path) -> float:
    """Reads the decision threshold from a SavedModel's folder, in [0, 1]; NO_THRESHOLD if it has none."""
    try:
        return float(json.loads((model / DECISION_THRESHOLD).read_text(encoding="utf-8"))["threshold"])
    except FileNotFoundError:
        return NO_THRESHOLD


def matched(probabilities: np.ndarray, known: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Rearranges probabilities to other classes.

    Args:
      probabilities: [N, len(known)].
      known: Class names by column.
      wanted: Requested class names; an unknown one gets 0.

    Returns:
      [N, len(wanted)].
    """
    if tuple(known) == tuple(wanted):
        return probabilities
    place = {name: at for at, name in enumerate(known)}
    found = np.zeros((len(probabilities), len(wanted)), probabilities.dtype)
    there = [at for at, name in enumerate(wanted) if name in place]
    found[:, there] = probabilities[:, [place[wanted[at]] for at in there]]
    return found


@dataclass(frozen=True)
class ModelOutput:
    """Predictions of a model for N rows.

    Attributes:
      output: Probability of 1 [N], probabilities [N, K], or predicted values [N]; float32.
      decided: Predicted class, 0 or 1, or a code in 0..K-1; int64 [N]. None for a regression.
    """

    output: np.ndarray
    decided: np.ndarray | None


class SavedModel:
    """A SavedModel, called through its signatures."""

    def __init__(self, folder: Path) -> None:
        """Loads the SavedModel."""
        import tensorflow as tf

        self._loaded = tf.saved_model.load(str(folder))  # the signatures need a reference to it
        self._serve, self._labels = (self._loaded.signatures[name] for name in (SERVE_EXAMPLES, TRANSFORM_LABELS))
        self.threshold = decision_threshold(folder)
        self.classes: tuple[str, ...] = ()
        """Names of the K classes by code; known after the first prediction of a multiclass model."""

    def inputs(self) -> list[str]:
        """Returns the names of serving_default's inputs; [] if the model lacks this signature."""
        signature = self._loaded.signatures.get(SERVING_DEFAULT)
        return [] if signature is None else sorted(signature.structured_input_signature[1])

    def predict(self, records: np.ndarray) -> ModelOutput:
        """Predicts serialized examples, bytes [N]."""
        import tensorflow as tf

        outputs = self._serve(examples=tf.constant(records))
        name = next(name for name in OUTPUTS.values() if name in outputs)
        output = outputs[name].numpy()
        if name == OUTPUTS["regression"]:
            return ModelOutput(output.reshape(-1), None)
        if name == OUTPUTS["binary"]:
            output = output.reshape(-1)
            if CLASS in outputs:
                return ModelOutput(output, outputs[CLASS].numpy().reshape(-1).astype(np.int64))
            return ModelOutput(output, decides(output, self.threshold).astype(np.int64))
        if CLASSES in outputs and len(records):
            self.classes = tuple(name.decode("utf-8", "replace") for name in outputs[CLASSES][0].numpy())
        return ModelOutput(output, likeliest(output))

    def labels(self, records: np.ndarray) -> np.ndarray:
        """Returns the labels of serialized examples, encoded for training, float64 [N].

        0 or 1, class codes, or numbers. NaN where the label is missing, infinite, or a class that is not in the
        model's vocabulary.
        """
        import tensorflow as tf

        (found,) = self._labels(examples=tf.constant(records)).values()
        raw = found.numpy().reshape(-1)
        labels = raw.astype(np.float64)
        # A missing or unknown class has code -1.
        unknown = raw < 0 if raw.dtype.kind == "i" else ~np.isfinite(labels)
        labels[unknown] = np.nan
        return labels


def load_model(folder: Path) -> SavedModel:
    """Loads a SavedModel, or returns the one loaded last if it is the same.

    Predictor and ErrorAnalysis of a local run share one, whose graph is read and optimised once.
    """
    stat = (folder / "saved_model.pb").stat()
    return _loaded(folder.resolve(), stat.st_ino, stat.st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(folder: Path, inode: int, written: int) -> SavedModel:
    del inode, written  # part of the cache key: another file at the same path is loaded
    return SavedModel(folder)
