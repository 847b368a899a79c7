"""The TFX shell: reads the training rows as the Trainer does, searches, writes what the Trainer takes.

Not TFX's own Tuner, though its contract is kept (`best_hyperparameters` feeds the Trainer's `hyperparameters`): that
one takes the best score whatever it is worth, tells nothing of failed trials, and loses all trials when it is killed.
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
from components.tuner.settings import Settings
from components.tuner.trial_store import Notebook
from components.tuner.tuning import Data, tune

BEST = "best_settings.json"
"""The artifact's only file: the Trainer's executor reads the one that there is."""


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
    """Writes `best_settings.json`, see tuning.tune.

    `splits` is JSON of the splits that are learned from, older rows first; `tables` JSON of what the Trainer has as
    its custom_config; `settings` JSON of Settings' fields.
    """
    told = json.loads(tables)
    transform = tft.TFTransformOutput(transform_graph.uri)
    with tf.io.gfile.GFile(io_utils.get_only_uri_in_dir(schema.uri)) as file:
        schema_proto = text_format.Parse(file.read(), schema_pb2.Schema())
    rows = labelled_rows(
        [io_utils.all_files_pattern(get_split_uri([examples], split)) for split in json.loads(splits)],
        tfxio_utils.get_record_batch_factory_from_artifact([examples], ["plumbline", "Tuner"]),
        schema_proto,
        transform,
        told,
    )
    data = Data(rows, class_names(transform, told["dataset"]["task"]), vocabulary_size(transform, told["features"]))
    # A run that is begun again after a crash has the same inputs but another folder for its output; beside that folder
    # both find the trials. Only the search that is killed leaves them there. On a cluster the folder is the pod's own,
    # and a pod that is replaced begins anew.
    same = json.dumps([examples.uri, transform_graph.uri, schema.uri, splits, tables, settings, code])
    key = hashlib.sha256(same.encode()).hexdigest()[:16]
    notebook = Notebook(Path(best_hyperparameters.uri).parent.parent / "unfinished" / key)
    found = tune(data, told, Settings.from_json(settings), notebook)
    write_json(Path(best_hyperparameters.uri) / BEST, found)
    notebook.close()
