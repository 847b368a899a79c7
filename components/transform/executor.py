"""The executor of Transform: analyses Plumbline's preprocessing function in this process where Beam would run locally.

A user's preprocessing function, and a distributed runner, use TFX's executor.
"""

import json
from itertools import chain
from typing import Any

from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.transform import executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, json_utils

from components.shared.custom_module import KEY as OWN
from components.shared.examples.example_reading import example_batches
from components.shared.features.distinct_values import ValueRetention
from components.shared.features.vocabulary_escaping import unescape_entry
from components.shared.in_process import in_process
from components.transform.analysis import analyse_batches
from components.transform.column_check import check_schema
from components.transform.derived_columns import nothing_learned
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR
from components.transform.scaling import QUANTILES
from components.transform.text_columns.telling import record_texts
from components.transform.value_check import check_values
from components.transform.value_findings import POLICY, record_values

NOTHING = (
    "nothing is learned from it: no part of it varies and recurs within the train split, and the row's own time is not "
    "named ([dataset] time)"
)


class TransformExecutor(executor.Executor):
    """TFX's executor, without a Beam job for preprocessing.preprocessing_fn if Beam would run in this process.

    TFTransformOutput reads the output as usual. The vocabularies equal those of TFX's executor; the quantiles have the
    same error bound.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Analyses the examples and writes the transform graph."""
        config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        if OWN in config or not in_process(self._beam_pipeline_args):
            super().Do(input_dict, output_dict, exec_properties)
            return
        self._log_startup(input_dict, output_dict, exec_properties)
        folder = artifact_utils.get_single_uri(input_dict[standard_component_specs.SCHEMA_KEY])
        schema = io_utils.parse_pbtxt_file(io_utils.get_only_uri_in_dir(folder), schema_pb2.Schema())
        check_schema(schema, config)
        splits = json_format.Parse(
            exec_properties[standard_component_specs.SPLITS_CONFIG_KEY], transform_pb2.SplitsConfig()
        )
        examples = input_dict[standard_component_specs.EXAMPLES_KEY]
        uris = [uri for split in splits.analyze for uri in artifact_utils.get_split_uris(examples, split)]
        facts = analyse_batches(chain.from_iterable(map(example_batches, uris)), config, QUANTILES, SKETCH_ERROR)
        output = artifact_utils.get_single_uri(output_dict[standard_component_specs.TRANSFORM_GRAPH_KEY])
        write_transform_graph(facts, schema, config, output)
        dataset = config["dataset"]
        classes = [unescape_entry(entry).decode("utf-8", "replace") for entry in facts.classes]
        record_texts(facts.texts, dataset["task"], classes, str(dataset.get("positive") or 1), output)
        specs = schema_utils.schema_as_feature_spec(schema).feature_spec
        module = write_matrices(facts, specs[config["dataset"]["label"]].dtype, config, output)
        kept = check_values(module, facts.features, facts.large, facts.learned)
        kept += [ValueRetention(name, "derived", 0, 0, finding=NOTHING) for name in nothing_learned(facts.features)]
        used = {one.column for one in kept}
        rounded = [one for one in _rounded(examples) if one.column in used]
        record_values([*rounded, *kept], output, config.get(POLICY, "warn"))


def _rounded(examples: list[Artifact]) -> list[ValueRetention]:
    """Findings of ingest about float64 numbers that it stored as float32."""
    text = "".join(one.get_string_custom_property("rounded") for one in examples[:1])
    return [ValueRetention(**one) for one in json.loads(text or "[]")]
