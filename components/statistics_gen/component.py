"""TFX's StatisticsGen with an executor of ours, and with the code that it runs in its cache key."""

from typing import Any

import tensorflow_data_validation as tfdv
from tfx.components.statistics_gen import component as stock
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import Channel
from tfx.types.component_spec import ExecutionParameter

from components.statistics_gen.executor import Executor


class _Spec(standard_component_specs.StatisticsGenSpec):
    PARAMETERS = {**standard_component_specs.StatisticsGenSpec.PARAMETERS, "code": ExecutionParameter(type=str)}


class StatisticsGen(stock.StatisticsGen):
    """Writes an ExampleStatistics that TFDV and TFX's ExampleValidator read, see executor.py."""

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: Any, schema: Any, code: str, stats_options: tfdv.StatsOptions | None = None) -> None:
        """Describes the step.

        Args:
          examples: Channel of Examples.
          schema: Channel of a Schema; it says which integers are names of categories.
          code: Fingerprint of this component's code, for the cache.
          stats_options: TFDV's; its own schema is not used. No slices, no sampling.
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
