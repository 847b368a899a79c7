"""A window of the flights on disk for both ways of training: raw examples, transform graph, transformed examples.

Two preparations of the same rows. `plumbline` is our preprocessing function: four matrices. `template` has one feature
per column, each scaled, bucketed or looked up in a vocabulary of its own, as the preprocessing of TFX's taxi template.
The stock path reads the transformed examples that Transform materializes; ours reads the raw ones and the graph.
"""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

TOP_WORDS, UNKNOWN_IDS, BUCKETS = 1000, 10, 10
"""Of a vocabulary or bucket feature, as in the template."""
WORDS = ("dest", "model")
"""Columns with many values; those of the other categorical columns are few and known, as the template's hours and days
are."""


class OnDisk:
    """Rows in TFRecords, prepared in one of two ways; `kind` is "plumbline" or "template"."""

    def __init__(self, folder: Path, kind: str, spans: Iterable[Path], settings: Path) -> None:
        """Writes the raw examples of `spans`, analyses them and materializes the transformed ones.

        Args:
          folder: Where to; existing preparations are taken as they are.
          kind: Whose preprocessing.
          spans: CSV files in the order of time.
          settings: pipeline.toml, beside its schema.
        """
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        from pipeline.settings.config import load_config

        self.folder, self.kind = folder / kind, kind
        self.config = load_config(settings)
        self.schema = text_format.Parse(self.config.schema_path.read_text(encoding="utf-8"), schema_pb2.Schema())
        self._raw = folder / "raw"
        if not self._raw.is_dir():
            self._raw.mkdir(parents=True)
            for span in spans:
                _write_raw(span, self.schema, self._raw / f"{span.stem}.gz")
        if not (self.folder / "graph").is_dir():
            self._transform()

    @property
    def raw_files(self) -> list[str]:
        """What ArrowExampleGen writes: a file per span."""
        return [str(path) for path in sorted(self._raw.glob("*.gz"))]

    @property
    def transformed_files(self) -> list[str]:
        """What Transform writes when it materializes."""
        return [str(path) for path in sorted(self.folder.glob("transformed-*.gz"))]

    @property
    def graph(self) -> Any:
        """The TFTransformOutput."""
        import tensorflow_transform as tft

        return tft.TFTransformOutput(str(self.folder / "graph"))

    def accessor(self) -> Any:
        """What TFX hands to a Trainer's function as `fn_args.data_accessor`."""
        from tfx.components.trainer.fn_args_utils import DataAccessor
        from tfx.components.util import examples_utils, tfxio_utils
        from tfx.proto import example_gen_pb2
        from tfx.types import standard_artifacts

        examples = standard_artifacts.Examples()
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        return DataAccessor(
            tfxio_utils.get_tf_dataset_factory_from_artifact([examples], ["benchmark"]),
            tfxio_utils.get_record_batch_factory_from_artifact([examples], ["benchmark"]),
            None,
        )

    def _transform(self) -> None:
        import apache_beam as beam
        import tensorflow_transform.beam as tft_beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from tfx_bsl.coders import example_coder
        from tfx_bsl.tfxio import tf_example_record

        tables = self.config.model_dump(mode="json")
        if self.kind == "plumbline":
            from components.transform.preprocessing import preprocessing_fn as function
        else:
            function = template_preprocessing
        tables = {key: tables[key] for key in ("dataset", "features")}
        source = tf_example_record.TFExampleRecord(self.raw_files, schema=self.schema)

        def encoded(batch: Any, _: Any) -> list[bytes]:
            records: list[bytes] = example_coder.RecordBatchToExamplesEncoder(None).encode(batch)
            return records

        options = PipelineOptions(["--runner=FnApiRunner"])
        with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(self.folder / "tmp")):
            data = pipeline | "Read" >> source.BeamSource()
            analysed = (data, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
                functools.partial(function, custom_config=tables)
            )
            raw = (data, source.TensorAdapterConfig())
            transformed, _ = (raw, analysed) | tft_beam.TransformDataset(output_record_batches=True)
            _ = (
                transformed
                | beam.FlatMapTuple(encoded)
                | beam.io.WriteToTFRecord(str(self.folder / "transformed"), file_name_suffix=".gz")
            )
            _ = analysed | tft_beam.WriteTransformFn(str(self.folder / "graph"))


def template_preprocessing(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """A feature per column, as the taxi template has it: z-scores, buckets, ids; a missing value is 0 or ""."""
    import tensorflow as tf
    import tensorflow_transform as tft

    from components.transform.preprocessing import number, text

    dataset, features = custom_config["dataset"], custom_config["features"]
    outputs = {}
    for name in features["numeric"]:
        outputs[name] = tft.scale_to_z_score(tf.math.multiply_no_nan(number(inputs[name]), _known(inputs[name])))
    for name in features["cyclical"]:
        value = tf.math.multiply_no_nan(number(inputs[name]), _known(inputs[name]))
        outputs[name] = tft.bucketize(value, BUCKETS)
    for name in features["categorical"]:
        few = {} if name not in WORDS else {"top_k": TOP_WORDS}
        unknown = UNKNOWN_IDS if name in WORDS else 1
        outputs[name] = tft.compute_and_apply_vocabulary(
            text(inputs[name]), num_oov_buckets=unknown, vocab_filename=name, **few
        )
    outputs["label"] = tf.cast(number(inputs[dataset["label"]]), tf.int64)
    return outputs


def _known(raw: Any) -> Any:
    """1 where a column has a value, else 0."""
    import tensorflow as tf

    from components.transform.preprocessing import number

    return tf.cast(tf.math.is_finite(number(raw)), tf.float32)


def _write_raw(span: Path, schema: Any, target: Path) -> None:
    import pandas as pd
    import pyarrow as pa

    from components.arrow_example_gen.example_encoding import write_examples

    rows = pd.read_csv(span)
    kinds = {1: pa.string(), 2: pa.int64(), 3: pa.float32()}
    columns = {}
    for feature in schema.feature:
        values = rows[feature.name]
        values = values.astype("Int64") if feature.type == 2 else values  # pandas reads integers with gaps as floats
        columns[feature.name] = pa.array(values, type=kinds[feature.type], from_pandas=True)
    write_examples(pa.table(columns).to_batches(max_chunksize=8192), str(target))


def id_counts(graph: Any, features: Mapping[str, Any]) -> dict[str, int]:
    """How many ids each categorical or bucketed column of the template's preparation has."""
    counts = dict.fromkeys(features["cyclical"], BUCKETS)
    for name in features["categorical"]:
        known = int(np.clip(graph.vocabulary_size_by_name(name), 1, None))
        counts[name] = TOP_WORDS + UNKNOWN_IDS if name in WORDS else known + 1
    return counts
