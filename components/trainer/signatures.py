"""What a served model answers to: three signatures over one path from raw values to predictions.

    serve_examples    examples string [N], serialized tf.Examples; no label needed
    serving_default   one tensor per feature, [N] or [N, 1], as the `instances` of a REST request give them
    transform_labels  examples string [N] with label -> transformed_label [N], as the model learned it, for evaluation

An input of serving_default is called as its feature is, with `_` for every character but letters, digits and `_`
(TensorFlow allows no others): `sepal length (cm)` is sent as `sepal_length__cm_`; see input_names for the rest. A
missing value is said with
    NaN                     a number (numeric and cyclical columns are float32, also where the data holds integers;
                            float64 where the train rows hold integers beyond 2^24, which float32 does not tell apart)
    ""                      a text
    -9223372036854775808    an integer category: the smallest int64; also a number of a column whose train rows hold
                            integers beyond 2^53, which float64 does not tell apart either: it is sent as int64
    ""                      a date, a moment or a list
which mean missing in training, too, so no value that a row can have is taken for missing by this. A feature that an
example lacks is missing in the same way. Features that may be missing, by the schema (presence.min_fraction below 1),
have these values as defaults in the SignatureDef: TensorFlow Serving's gRPC Predict fills them in for an input that is
not sent, for all rows of the request. Its REST API does not read the defaults (json_tensor.cc, July 2026): every
instance must have every key, `NaN` may be written as it is, `null` is refused; so is a whole number above 16,777,215
for a float, which is sent with a decimal point. To leave features out row by row there, send serve_examples.

Dates and moments are sent as ISO 8601 ("2013-12-31", "2013-12-31T23:59:00Z"), lists as one text with `;` between the
items, or what [data] list_separator says; serve_examples takes them as ingest stores them: days or microseconds since
1970-01-01 UTC, and several values. Durations and times of day are seconds.

Answers, for N rows:
    binary      probability float32 [N] of the positive class, class int64 [N] (1 from the decision threshold on)
    multiclass  probabilities float32 [N, K], class string [N] (the likeliest), classes string [N, K] (names, by column)
    regression  prediction float32 [N], in the label's unit
    all         model_version string [N]: the number in the registry; "candidate" before it is pushed, see version.py
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
"""Transformed features by name -> float32 [N, outputs], see ensemble.Ensemble; something whose variables are saved."""
Predict = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""The model's output [N, outputs] -> the answer of the task."""

_ARGUMENT = inspect.Parameter.POSITIONAL_OR_KEYWORD


class ServedModel(tf.Module):
    """The trained model behind the transform graph; what tf.saved_model.save writes.

    `schema` is that of the raw examples; `features` and `categorical` are the columns of pipeline.toml, `label`
    its label column; `texts` are features that are sent as text.
    The resources of the transform graph (vocabularies) are saved with it: the folder stands alone.
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
        super().__init__()
        self._texts = texts or SentAsText()
        self.model = model
        self._specs = schema_utils.schema_as_feature_spec(schema).feature_spec
        self._features = tuple(features)
        self._categorical = frozenset(categorical)
        self.inputs = raw_inputs(transform, self._specs, self._features, self._categorical, label, texts)
        # A session (TensorFlow Serving) finds no variable that only Keras' own wrapper of it was saved for.
        layers = [one for one in (model, *getattr(model, "networks", ())) if isinstance(one, keras.Layer)]
        self._weights = [weight.value for layer in layers for weight in layer.variables]
        self.version = ModelVersion()
        self._optional = {one.name for one in schema.feature if one.presence.min_fraction < 1}
        self._predict = predict

    def save(self, directory: str) -> None:
        """Writes the SavedModel with its signatures."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        serve_examples = tf.function(self.serve_examples, input_signature=[examples])
        transform_labels = tf.function(self.transform_labels, input_signature=[examples])
        signatures = {
            "serving_default": self._by_name(),
            "serve_examples": serve_examples.get_concrete_function(),
            "transform_labels": transform_labels.get_concrete_function(),
        }
        tf.saved_model.save(self, directory, signatures=signatures)

    def _by_name(self) -> Any:
        """The function behind serving_default: one argument for each input, those of optional features with a default.

        TensorFlow makes the SignatureDef's defaults of a function's default arguments. They are [1], not scalar:
        TF Serving's batching of requests takes no scalars.
        """
        inputs = dict(zip(input_names(self._features), self._features, strict=True))
        order = sorted(inputs, key=lambda sent: inputs[sent] in self._optional)  # Python wants defaults last
        # Rank unknown: TF Serving makes [N] of {"x": 1} and [N, 1] of {"x": [1]}.
        specs = [tf.TensorSpec(None, self._served_type(inputs[sent]), name=sent) for sent in order]

        def by_name(*columns: tf.Tensor) -> dict[str, tf.Tensor]:
            named = {inputs[sent]: column for sent, column in zip(order, columns, strict=True)}
            return self.serve_columns(named)

        by_name.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(sent, _ARGUMENT, default=self._default(inputs[sent])) for sent in order]
        )
        return tf.function(by_name, input_signature=specs)

    def _default(self, name: str) -> Any:
        """What the signature says of a feature that is not sent."""
        if name not in self._optional:
            return inspect.Parameter.empty
        dtype = self._served_type(name)
        return tf.constant([MISSING[dtype]], dtype)

    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized examples to the task's answer."""
        return self._answer(self.inputs.of_examples(examples))

    def serve_columns(self, columns: Tensors) -> dict[str, tf.Tensor]:
        """Features by name, [N] or [N, 1], to the task's answer."""
        return self._answer(self.inputs.of_columns({name: columns[name] for name in self._features}, self._optional))

    def transform_labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized examples to the label: float32 [N], NaN if missing, or int64 class [N], -1 if missing."""
        return {TRANSFORMED_LABEL: self.inputs.label(examples)}

    def _answer(self, transformed: Tensors) -> dict[str, tf.Tensor]:
        outputs = self.model(transformed)
        return {**self._predict(outputs), "model_version": self.version(tf.shape(outputs)[0])}

    def _served_type(self, name: str) -> tf.DType:
        """The type in which a column is sent: numbers as float32, so that NaN can be said, if it tells them apart."""
        dtype = self._specs[name].dtype
        if name in self._texts.names:
            return tf.string
        if dtype == tf.string or name in self._categorical:
            return dtype
        return self.inputs.served_types.get(name, tf.float32)


def input_names(features: Iterable[str]) -> list[str]:
    """Names of serving_default's inputs, in the features' order.

    A name that does not begin with a letter gets `arg_` before it, a word of Python's own `_` after it. Two that would
    be called the same, whatever the case, are numbered.
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
    """How the model's outputs [N, outputs] become the answer of a task.

    `classes` names a multiclass label by index; `center` and `spread` undo the scaling of a regression label; from
    `threshold` on a binary probability means 1.
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

    answers: dict[str, Any] = {"binary": binary, "multiclass": multiclass, "regression": regression}
    return answers[task]
