"""The three signatures of a served model, which share one path from raw values to predictions.

    serve_examples    examples string [N], serialized tf.Examples; the label is not needed
    serving_default   one tensor per feature, [N] or [N, 1]; the inputs of the `instances` of a REST request
    transform_labels  examples string [N] with label -> transformed_label [N], encoded as for training; for evaluation

The inputs of serving_default have the names of the features, with `_` for every character other than letters, digits
and `_`, because TensorFlow allows no others: `sepal length (cm)` becomes `sepal_length__cm_`. See input_names for the
other rules. Missing values are encoded as
    NaN                     a number. Numeric and cyclical columns are float32, also for integers in the data; they are
                            float64 if the train split holds integers beyond 2^24, which float32 cannot represent
    ""                      a text
    -9223372036854775808    an integer category, the smallest int64; also a number of a column whose train split holds
                            integers beyond 2^53, which float64 cannot represent: such a column is sent as int64
    ""                      a date, a timestamp or a list
The same values mean "missing" in training, so no valid value is mistaken for a missing one. A feature that an example
lacks is missing, too. Features that the schema allows to be missing (presence.min_fraction below 1) have these values
as defaults in the SignatureDef: TensorFlow Serving's gRPC Predict uses them, for all rows of the request, if an input
is not sent. Its REST API does not read the defaults (json_tensor.cc, July 2026): every instance must have every key,
`NaN` is accepted, `null` is rejected, and an integer for a float input is rounded to the nearest float32. To omit
features of single rows, use serve_examples. `plumbline serve` reads the defaults, see serving/rest/predict.py.

Dates and timestamps are sent as ISO 8601 ("2013-12-31", "2013-12-31T23:59:00Z"), lists as one text with `;` or the
setting [data] list_separator between the items. serve_examples expects them as ingest stores them: days or microseconds
since 1970-01-01 UTC, and several values. Durations and times of day are in seconds.

Outputs for N rows:
    binary      probability float32 [N] of the positive class, class int64 [N], 1 if probability >= decision threshold
    multiclass  probabilities float32 [N, K], class string [N] (the most probable), classes string [N, K] (column names)
    regression  prediction float32 [N], in the label's unit
    all tasks   model_version string [N]: the number in the registry, or "candidate", see model_version.py
"""

import inspect
import keyword
import re
from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from components.shared.features.dense_columns import MISSING
from components.shared.serving.serving_contract import TRANSFORMED_LABEL as TRANSFORMED_LABEL
from components.trainer.model_version import ModelVersion
from components.trainer.raw_inputs import SentAsText, Tensors, raw_inputs

Model = Callable[[Tensors], tf.Tensor]
"""Maps transformed features by name to float32 [N, outputs], see ensemble.Ensemble; its variables can be saved."""
Predict = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""Maps the model's output [N, outputs] to the outputs of the signature."""

_ARGUMENT = inspect.Parameter.POSITIONAL_OR_KEYWORD


class ServedModel(tf.Module):
    """The transform graph and the trained model, as tf.saved_model.save writes them.

    The vocabularies of the transform graph are saved as assets, so that the folder is self-contained.
    """

    def __init__(
        self,
        model: Model,
        transform: tft.TFTransformOutput,
        schema: schema_pb2.Schema,
        features: Iterable[str],
        categorical: Iterable[str],
        label: str,
        predict: Predict,
        texts: SentAsText | None = None,
    ) -> None:
        """Combines transform graph and model.

        Args:
          model: The trained model.
          transform: Output of the Transform component.
          schema: Schema of the raw examples.
          features: Names of the features.
          categorical: Names of those that are categorical.
          label: Name of the label column.
          predict: Maps the model's output to the outputs of the signature, see `predictor`.
          texts: Features that are sent as text.
        """
        super().__init__()
        self._texts = texts or SentAsText()
        self.model = model
        self._specs = schema_utils.schema_as_feature_spec(schema).feature_spec
        self._features = tuple(features)
        self._categorical = frozenset(categorical)
        self.inputs = raw_inputs(transform, self._specs, self._features, self._categorical, label, texts)
        # TensorFlow Serving loads only variables that are tracked here, not those that only Keras' wrapper tracks.
        layers = [one for one in (model, *getattr(model, "networks", ())) if isinstance(one, keras.Layer)]
        self._weights = [weight.value for layer in layers for weight in layer.variables]
        self.version = ModelVersion()
        self._optional = {one.name for one in schema.feature if one.presence.min_fraction < 1}
        self._predict = predict

    def save(self, directory: str) -> None:
        """Writes the SavedModel with its signatures to `directory`."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        # Nothing here branches on a tensor in Python, and AutoGraph would convert the source of every function.
        serve_examples = tf.function(self.serve_examples, input_signature=[examples], autograph=False)
        transform_labels = tf.function(self.transform_labels, input_signature=[examples], autograph=False)
        signatures = {
            "serving_default": self._by_name(),
            "serve_examples": serve_examples.get_concrete_function(),
            "transform_labels": transform_labels.get_concrete_function(),
        }
        tf.saved_model.save(self, directory, signatures=signatures)

    def _by_name(self) -> Any:
        """The function behind serving_default: an argument per input, with defaults for optional features.

        TensorFlow turns default arguments into defaults of the SignatureDef. They have shape [1], because the request
        batching of TensorFlow Serving rejects scalars.
        """
        inputs = dict(zip(input_names(self._features), self._features, strict=True))
        order = sorted(inputs, key=lambda sent: inputs[sent] in self._optional)  # Python needs defaults last
        # The rank is unknown: TensorFlow Serving sends [N] for {"x": 1} and [N, 1] for {"x": [1]}.
        specs = [tf.TensorSpec(None, self._served_type(inputs[sent]), name=sent) for sent in order]

        def by_name(*columns: tf.Tensor) -> dict[str, tf.Tensor]:
            named = {inputs[sent]: column for sent, column in zip(order, columns, strict=True)}
            return self.serve_columns(named)

        by_name.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(sent, _ARGUMENT, default=self._default(inputs[sent])) for sent in order]
        )
        return tf.function(by_name, input_signature=specs, autograph=False)

    def _default(self, name: str) -> Any:
        """The signature's default of an optional feature."""
        if name not in self._optional:
            return inspect.Parameter.empty
        dtype = self._served_type(name)
        return tf.constant([MISSING[dtype]], dtype)

    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts serialized examples, string [N]; returns the outputs of the task by name."""
        return self._answer(self.inputs.of_examples(examples))

    def serve_columns(self, columns: Tensors) -> dict[str, tf.Tensor]:
        """Predicts features by name, [N] or [N, 1]; returns the outputs of the task by name."""
        return self._answer(self.inputs.of_columns({name: columns[name] for name in self._features}, self._optional))

    def transform_labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the label of serialized examples: float32 [N], NaN if missing, or class int64 [N], -1 if missing."""
        return {TRANSFORMED_LABEL: self.inputs.label(examples)}

    def _answer(self, transformed: Tensors) -> dict[str, tf.Tensor]:
        outputs = self.model(transformed)
        return {**self._predict(outputs), "model_version": self.version(tf.shape(outputs)[0])}

    def _served_type(self, name: str) -> tf.DType:
        """The type of an input: float32 for numbers, so that NaN can be sent, unless float32 cannot represent them."""
        dtype = self._specs[name].dtype
        if name in self._texts.names:
            return tf.string
        if dtype == tf.string or name in self._categorical:
            return dtype
        return self.inputs.served_types.get(name, tf.float32)


def input_names(features: Iterable[str]) -> list[str]:
    """Returns the names of serving_default's inputs, in the order of `features`.

    Characters that TensorFlow does not allow become `_`. A name that does not begin with a letter gets the prefix
    `arg_`, a Python keyword the suffix `_`. Names that would be equal, ignoring case, are numbered.
    """
    names: list[str] = []
    for feature in features:
        plain = re.sub(r"\W", "_", feature, flags=re.ASCII)
        plain = plain if plain[:1].isalpha() else f"arg_{plain}"
        plain = f"{plain}_" if keyword.iskeyword(plain) or plain == "self" else plain
        name, number = plain, 1
        while name.lower() in map(str.lower, names):
            number += 1
            name = f"{plain}_{number}"
        names.append(name)
    return names


def predictor(
    task: str, classes: Iterable[str] = (), center: float = 0.0, spread: float = 1.0, threshold: float = 0.5
) -> Predict:
    """Returns the function that maps the model's output [N, outputs] to the outputs of the signature.

    Args:
      task: binary, multiclass or regression.
      classes: Names of a multiclass label by index.
      center: Mean that a regression label was centred by.
      spread: Standard deviation that a regression label was divided by.
      threshold: Decision threshold of a binary task, in [0, 1].
    """

    def binary(outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probability = tf.sigmoid(outputs[:, 0])
        return {"probability": probability, "class": tf.cast(probability >= threshold, tf.int64)}

    def multiclass(outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(outputs)
        names = tf.constant(list(classes))
        return {
            "probabilities": probabilities,
            "class": tf.gather(names, tf.argmax(probabilities, axis=1)),
            "classes": tf.tile(names[None, :], [tf.shape(probabilities)[0], 1]),
        }

    def regression(outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"prediction": outputs[:, 0] * spread + center}

    functions: dict[str, Any] = {"binary": binary, "multiclass": multiclass, "regression": regression}
    return functions[task]
