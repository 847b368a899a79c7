"""A module file for stock TFX on the flights: preprocessing and model as in TFX's taxi template.

A feature per column: z-scores, buckets, vocabularies; a wide and deep network, trained through the data accessor under
MirroredStrategy with Keras' defaults. It stands alone, as a module file does. Differences to the template: the columns,
ids are counted from the vocabularies, and the label is learned as it is.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

LABEL = "late"
NUMBERS = (
    *("distance", "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"),
    *("plane_year", "engines", "seats"),
)
BUCKETED = ("sched_dep", "sched_arr", "wind_dir")
TEXTS = ("carrier", "origin", "dest", "plane_type", "manufacturer", "model", "engine", "day_of_week")
BUCKETS = 10
UNKNOWN_IDS = 10
TOP_WORDS = 1000
BATCH = 1024
HIDDEN_UNITS = (16, 8)
LEARNING_RATE = 0.001


def preprocessing_fn(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Raw columns to transformed ones; a missing value is 0 or ""."""
    outputs = {}
    for name in NUMBERS:
        outputs[f"{name}_xf"] = tft.scale_to_z_score(_number(inputs[name]))
    for name in BUCKETED:
        outputs[f"{name}_xf"] = tft.bucketize(_number(inputs[name]), BUCKETS)
    for name in TEXTS:
        value = _dense(inputs[name])
        text = value if value.dtype == tf.string else tf.strings.as_string(value)
        outputs[f"{name}_xf"] = tft.compute_and_apply_vocabulary(
            text, top_k=TOP_WORDS, num_oov_buckets=UNKNOWN_IDS, vocab_filename=name
        )
    outputs[f"{LABEL}_xf"] = _dense(inputs[LABEL])
    return outputs


def run_fn(fn_args: Any) -> None:
    """Trains and saves; TFX's Trainer calls it."""
    transform = tft.TFTransformOutput(fn_args.transform_output)
    train, evaluated = (_dataset(files, fn_args, transform) for files in (fn_args.train_files, fn_args.eval_files))
    with tf.distribute.MirroredStrategy().scope():
        model = _wide_and_deep(transform)
        model.compile(
            keras.optimizers.Adam(LEARNING_RATE), "binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy()]
        )
    model.fit(
        train,
        steps_per_epoch=fn_args.train_steps,
        validation_data=evaluated,
        validation_steps=fn_args.eval_steps,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir, update_freq="epoch")],
        verbose=2,
    )
    model.tft_layer = transform.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        specs = transform.raw_feature_spec()
        specs.pop(LABEL)
        return {"outputs": model(_features(model.tft_layer(tf.io.parse_example(examples, specs))))}

    tf.saved_model.save(model, fn_args.serving_model_dir, signatures={"serving_default": serve})


def _dataset(files: Any, fn_args: Any, transform: tft.TFTransformOutput) -> tf.data.Dataset:
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH, label_key=f"{LABEL}_xf")
    return fn_args.data_accessor.tf_dataset_factory(files, options, transform.transformed_metadata.schema).repeat()


def _features(transformed: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {f"{name}_xf": transformed[f"{name}_xf"] for name in (*NUMBERS, *BUCKETED, *TEXTS)}


def _wide_and_deep(transform: tft.TFTransformOutput) -> keras.Model:
    numbers = {name: keras.Input((1,), name=f"{name}_xf", dtype="float32") for name in NUMBERS}
    ids = dict.fromkeys(BUCKETED, BUCKETS)
    ids |= {name: transform.vocabulary_size_by_name(name) + UNKNOWN_IDS for name in TEXTS}
    codes = {name: keras.Input((1,), name=f"{name}_xf", dtype="int32") for name in ids}
    deep = keras.layers.Concatenate()([keras.layers.Normalization()(column) for column in numbers.values()])
    for units in HIDDEN_UNITS:
        deep = keras.layers.Dense(units)(deep)
    wide = [keras.layers.CategoryEncoding(num_tokens=ids[name])(column) for name, column in codes.items()]
    answer = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Concatenate()([deep, *wide]))
    return keras.Model({f"{name}_xf": column for name, column in {**numbers, **codes}.items()}, answer)


def _number(raw: Any) -> tf.Tensor:
    return tf.cast(_dense(raw), tf.float32)


def _dense(raw: Any) -> tf.Tensor:
    """A column as [N]; a missing value is 0 or ""."""
    if not isinstance(raw, tf.SparseTensor):
        return tf.reshape(raw, [-1])
    missing = "" if raw.dtype == tf.string else tf.constant(0, raw.dtype)
    column = tf.SparseTensor(raw.indices, raw.values, [raw.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(column, missing), axis=1)
