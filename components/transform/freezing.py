"""Writes the transform graph from the results of an analysis, without a Beam job for TFT's analyzers."""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import TFTransformOutput, graph_context, impl_helper
from tensorflow_transform.saved import saved_transform_io_v2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from components.shared.features.vocabulary_escaping import escaped_tensor, has_escapes
from components.transform.analysis import AnalysisFacts
from components.transform.known_numbers import KnownNumbers
from components.transform.preprocessing import transformed


class Known(KnownNumbers):
    """A finished Analysis (see preprocessing.py); `folder` receives the vocabulary files."""

    def __init__(self, facts: AnalysisFacts, folder: Path) -> None:
        super().__init__(facts)
        self._vocabularies = {"categorical": facts.vocabulary, "label": facts.classes}
        self._folder = folder
        self.written: list[str] = []

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """Looks tokens up in a vocabulary file, which becomes an asset of the graph."""
        entries = self._vocabularies[name]
        path = self._folder / name
        path.write_bytes(b"".join(entry + b"\n" for entry in entries))
        self.written.append(name)
        tokens = escaped_tensor(tokens) if has_escapes(entries) else tokens
        return tft.apply_vocabulary(tokens, str(path), default_value=-1)


def write_transform_graph(
    facts: AnalysisFacts, schema: schema_pb2.Schema, custom_config: Mapping[str, Any], output: str
) -> None:
    """Writes what TFTransformOutput(output) reads: graph, vocabularies, and the metadata of inputs and outputs.

    Args:
      facts: Result of the analysis.
      schema: Schema of the raw columns.
      custom_config: Sections `dataset`, `features` and `text` of pipeline.toml, see preprocessing.transformed.
      output: Folder or URL.
    """
    raw = dataset_metadata.DatasetMetadata(schema)
    metadata_io.write_metadata(raw, os.path.join(output, TFTransformOutput.RAW_METADATA_DIR))
    specs = impl_helper.get_type_specs_from_feature_specs(schema_utils.schema_as_feature_spec(schema).feature_spec)
    context = graph_context.TFGraphContext(tf.Module(), temp_dir=None, evaluated_replacements=None)
    with tempfile.TemporaryDirectory(prefix="plumbline-vocabulary-") as folder:
        known = Known(facts, Path(folder))
        function = impl_helper.get_traced_transform_fn(
            lambda inputs: transformed(inputs, custom_config, known), specs, context
        )
        target = os.path.join(output, TFTransformOutput.TRANSFORM_FN_DIR)
        concrete = saved_transform_io_v2.write_v2_saved_model(
            context.module_to_export, function, "transform_fn", target
        )
        _write_transformed_metadata(concrete.structured_outputs, known.written, output)


def _write_transformed_metadata(outputs: Mapping[str, tf.Tensor], vocabularies: Iterable[str], output: str) -> None:
    """Writes the metadata that TFT would infer by tracing the function again with a synthetic input per column."""
    specs = {name: tf.io.FixedLenFeature(tensor.shape[1:], tensor.dtype) for name, tensor in outputs.items()}
    folder = os.path.join(output, TFTransformOutput.TRANSFORMED_METADATA_DIR)
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(specs))
    metadata_io.write_metadata(metadata, folder)
    if assets := {name: name for name in vocabularies}:
        with tf.io.gfile.GFile(os.path.join(folder, TFTransformOutput.ASSET_MAP), "w") as file:
            file.write(json.dumps(assets))
