"""The executor of StatisticsGen. It computes in process with Beam's local runner and uses TFX's Beam job otherwise."""

import os
from pathlib import Path
from typing import Any

from tensorflow_data_validation import StatsOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.statistics_gen import executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, json_utils

from components.shared.examples.example_reading import example_batches
from components.shared.examples.reading_progress import with_progress
from components.shared.files import write_bytes
from components.shared.in_process import in_process
from components.statistics_gen.local_statistics import statistics_of


class StatisticsExecutor(executor.Executor):
    """TFX's executor, without a Beam job where the Beam arguments select the in-memory runner.

    Files and artifact properties are the same in both cases; local_statistics.py describes two approximations.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `Split-<name>/FeatureStats.pb` for every split of the examples.

        Args:
          input_dict: One Examples and one Schema artifact.
          output_dict: One ExampleStatistics artifact.
          exec_properties: TFX's StatisticsGen properties; `stats_options_json` is read.
        """
        if not in_process(self._beam_pipeline_args):
            super().Do(input_dict, output_dict, exec_properties)
            return
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
        statistics = artifact_utils.get_single_instance(output_dict[standard_component_specs.STATISTICS_KEY])
        schema = os.path.join(
            artifact_utils.get_single_uri(input_dict[standard_component_specs.SCHEMA_KEY]), "schema.pbtxt"
        )
        options = StatsOptions.from_json(exec_properties[standard_component_specs.STATS_OPTIONS_JSON_KEY])
        options.schema = io_utils.parse_pbtxt_file(schema, schema_pb2.Schema())
        splits = artifact_utils.decode_split_names(examples.split_names)
        statistics.split_names = examples.split_names
        statistics.span = examples.span
        rates = json_utils.dumps(dict.fromkeys(splits, 1.0))
        statistics.set_json_value_custom_property(executor.SAMPLE_RATE_BY_SPLIT_PROPERTY_NAME, rates)
        for split in splits:
            folder = artifact_utils.get_split_uri([examples], split)
            found = statistics_of(with_progress(example_batches(folder), folder, split), options)
            file = Path(artifact_utils.get_split_uri([statistics], split)) / executor.DEFAULT_FILE_NAME
            write_bytes(file, found.SerializeToString())
