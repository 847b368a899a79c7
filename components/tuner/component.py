"""The TFX component Tuner: reads the training rows as the Trainer does, searches, and writes best_settings.json.

TFX's own Tuner is not used, but its contract is kept (`best_hyperparameters` is the Trainer's input `hyperparameters`):
TFX's adopts the best score without a significance test, does not report failed trials, and loses all trials if it is
killed.
"""

import hashlib
import json
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.util import tfxio_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples, HyperParameters, Schema, TransformGraph
from tfx.utils import io_utils

from components.shared.files import write_json
from components.trainer.training import class_names, labelled_rows, vocabulary_size
from components.tuner.settings import TunerSettings
from components.tuner.trial_store import TrialStore
from components.tuner.tuning import TuningData, tune

BEST = "best_settings.json"
"""The only file of the artifact; the Trainer's executor reads the only file that it finds."""


@component
def Tuner(
    examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    schema: InputArtifact[Schema],
    best_hyperparameters: OutputArtifact[HyperParameters],
    splits: Parameter[str],
    tables: Parameter[str],
    settings: Parameter[str],
    code: Parameter[str],
):
    """Searches settings and writes `best_settings.json`, see tuning.tune.

    Args:
      examples: The raw examples.
      transform_graph: Output of Transform.
      schema: Schema of the raw examples.
      best_hyperparameters: Receives best_settings.json.
      splits: JSON list of the splits to train on, older rows first.
      tables: JSON of the Trainer's custom_config.
      settings: JSON of the fields of Settings.
      code: Fingerprint of the code, part of the cache key.
    """
    custom_config = json.loads(tables)
    transform = tft.TFTransformOutput(transform_graph.uri)
    with tf.io.gfile.GFile(io_utils.get_only_uri_in_dir(schema.uri)) as file:
        schema_proto = text_format.Parse(file.read(), schema_pb2.Schema())
    rows = labelled_rows(
        [io_utils.all_files_pattern(get_split_uri([examples], split)) for split in json.loads(splits)],
        tfxio_utils.get_record_batch_factory_from_artifact([examples], ["plumbline", "Tuner"]),
        schema_proto,
        transform,
        custom_config,
    )
    data = TuningData(
        rows,
        class_names(transform, custom_config["dataset"]["task"]),
        vocabulary_size(transform, custom_config["features"]),
    )
    # A run that is restarted after a crash has the same inputs but another output folder. The trials are kept beside
    # the output folders, where both runs find them; only a killed search leaves them there. On a cluster the folder is
    # local to the pod, and a replaced pod starts the search anew.
    same = json.dumps([examples.uri, transform_graph.uri, schema.uri, splits, tables, settings, code])
    key = hashlib.sha256(same.encode()).hexdigest()[:16]
    notebook = TrialStore(Path(best_hyperparameters.uri).parent.parent / "unfinished" / key)
    found = tune(data, custom_config, TunerSettings.from_json(settings), notebook)
    write_json(Path(best_hyperparameters.uri) / BEST, found)
    notebook.close()
