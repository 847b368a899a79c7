"""What a trained model answers to, and how its answers are read: the one place that knows. Pure.

    signature         in                                       out
    serve_examples    examples string [N], serialized          by task, below
    serving_default   one tensor per feature                   by task, below
    transform_labels  examples string [N], with the label      transformed_label [N], as the model learned it

    task        output                                         class
    binary      probability float32 [N] of the positive class  int64 [N], 1 from the decision threshold on
    multiclass  probabilities float32 [N, K], and classes      string [N], the likeliest; of equals the first
                string [N, K], the names by column
    regression  prediction float32 [N], in the label's unit    none

The tie rule of a binary model: a row is called 1 if probability >= decision threshold, both in float32, which is how
the served graph compares. Everything that turns probabilities into decisions asks `decides`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SERVE_EXAMPLES, SERVING_DEFAULT, TRANSFORM_LABELS = "serve_examples", "serving_default", "transform_labels"
TRANSFORMED_LABEL = "transformed_label"
OUTPUTS = {"binary": "probability", "multiclass": "probabilities", "regression": "prediction"}
"""Task -> the output of serve_examples that metrics are computed from."""
CLASS, CLASSES = "class", "classes"
DECISION_THRESHOLD = "assets.extra/decision_threshold.json"
"""In a SavedModel of a binary task: {"threshold": t}, in [0, 1]."""
MEMBERS = "assets.extra/members.json"
"""In a SavedModel that our trainer wrote: {"members": [{name, weight, seconds, reason}], "seconds": s}, what was tried
for the model and why it is in or out."""
NO_THRESHOLD = 0.5
"""The decision threshold of a model that names none."""


def decides(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Which rows are called 1, bool, of the shape of `probability`: those with probability >= threshold, in float32."""
    found: np.ndarray = np.asarray(probability).astype(np.float32, copy=False) >= np.float32(threshold)
    return found


def likeliest(probabilities: np.ndarray) -> np.ndarray:
    """The code of each row's likeliest class, int64 [N], of [N, K]; of equals the first."""
    found: np.ndarray = probabilities.argmax(axis=1)
    return found


def decision_threshold(model: Path) -> float:
    """The decision threshold kept in a SavedModel's folder, in [0, 1]; NO_THRESHOLD if it keeps none."""
    try:
        return float(json.loads((model / DECISION_THRESHOLD).read_text(encoding="utf-8"))["threshold"])
    except FileNotFoundError:
        return NO_THRESHOLD


def matched(probabilities: np.ndarray, known: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Probabilities with a column for each wanted class, [N, len(wanted)].

    Args:
      probabilities: [N, len(known)].
      known: Names of the classes by column.
      wanted: Names of the classes that are asked for; one that is not known gets 0.
    """
    if tuple(known) == tuple(wanted):
        return probabilities
    place = {name: at for at, name in enumerate(known)}
    found = np.zeros((len(probabilities), len(wanted)), probabilities.dtype)
    there = [at for at, name in enumerate(wanted) if name in place]
    found[:, there] = probabilities[:, [place[wanted[at]] for at in there]]
    return found


@dataclass(frozen=True)
class Answers:
    """What a model answers to N rows.

    Attributes:
      output: Probability of 1 [N], probabilities [N, K], or predictions [N]; float32.
      decided: Class that the model itself says: 0 or 1, or a code in 0..K-1; int64 [N]. None for a regression.
    """

    output: np.ndarray
    decided: np.ndarray | None


class SavedModel:
    """A trained model in its folder, asked through its signatures."""

    def __init__(self, folder: Path) -> None:
        """Loads the SavedModel."""
        import tensorflow as tf

        self._loaded = tf.saved_model.load(str(folder))  # signatures live as long as this does
        self._serve, self._labels = (self._loaded.signatures[name] for name in (SERVE_EXAMPLES, TRANSFORM_LABELS))
        self.threshold = decision_threshold(folder)
        self.classes: tuple[str, ...] = ()
        """Names of the K classes by code, once a multiclass model has answered."""

    def inputs(self) -> list[str]:
        """Inputs of serving_default by name; none where the model has no such signature."""
        signature = self._loaded.signatures.get(SERVING_DEFAULT)
        return [] if signature is None else sorted(signature.structured_input_signature[1])

    def answers(self, records: np.ndarray) -> Answers:
        """Answers to serialized examples, bytes [N]."""
        import tensorflow as tf

        said = self._serve(examples=tf.constant(records))
        name = next(name for name in OUTPUTS.values() if name in said)
        output = said[name].numpy()
        if name == OUTPUTS["regression"]:
            return Answers(output.reshape(-1), None)
        if name == OUTPUTS["binary"]:
            output = output.reshape(-1)
            if CLASS in said:
                return Answers(output, said[CLASS].numpy().reshape(-1).astype(np.int64))
            return Answers(output, decides(output, self.threshold).astype(np.int64))
        if CLASSES in said and len(records):
            self.classes = tuple(name.decode("utf-8", "replace") for name in said[CLASSES][0].numpy())
        return Answers(output, likeliest(output))

    def labels(self, records: np.ndarray) -> np.ndarray:
        """Labels of serialized examples as the model learned them, float64 [N].

        0 or 1, class codes, or numbers. NaN where the label is missing, infinite, or a class that the model does not
        know.
        """
        import tensorflow as tf

        (found,) = self._labels(examples=tf.constant(records)).values()
        raw = found.numpy().reshape(-1)
        labels = raw.astype(np.float64)
        # A class that is missing or not in the vocabulary has code -1.
        unknown = raw < 0 if raw.dtype.kind == "i" else ~np.isfinite(labels)
        labels[unknown] = np.nan
        return labels
