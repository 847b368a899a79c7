"""TFX's StatisticsGen with a custom executor and with a code fingerprint in its cache key."""

from typing import Any

import tensorflow_data_validation as tfdv
from tfx.components.statistics_gen import component as stock
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import Channel
from tfx.types.component_spec import ExecutionParameter

from components.statistics_gen.executor import StatisticsExecutor


class _Spec(standard_component_specs.StatisticsGenSpec):
    PARAMETERS = {**standard_component_specs.StatisticsGenSpec.PARAMETERS, "code": ExecutionParameter(type=str)}


class StatisticsGen(stock.StatisticsGen):
    """Computes TFDV statistics of each split; the output is a standard ExampleStatistics artifact."""

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StatisticsExecutor)

    def __init__(self, examples: Any, schema: Any, code: str, stats_options: tfdv.StatsOptions | None = None) -> None:
        """Creates the pipeline node.

        Args:
          examples: Channel of Examples.
          schema: Channel of a Schema; it marks the integer features that are categorical.
          code: Fingerprint of this component's code, part of the cache key.
          stats_options: TFDV options without slices and sampling. The schema in them is ignored.
        """
        spec = _Spec(
            examples=examples,
            schema=schema,
            stats_options_json=(stats_options or tfdv.StatsOptions(infer_type_from_schema=True)).to_json(),
            exclude_splits="[]",
            statistics=Channel(type=standard_artifacts.ExampleStatistics),
            code=code,
        )
        super(stock.StatisticsGen, self).__init__(spec=spec)
