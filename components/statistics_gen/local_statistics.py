"""TFDV statistics of a stream of record batches, by TFDV's combiners and without a Beam job.

The result equals that of tfdv.GenerateStatistics for the same rows, with two approximations:

- Up to 16,384 distinct values of a column, the number of distinct values and the counts of the top values are exact.
  Above, the number is an estimate (KMV sketch, TFDV's `use_sketch_based_topk_uniques`) and the counts are lower bounds
  (Misra-Gries).
- Quantiles come from TFDV's sketch over larger batches. Their rank error has the same bound,
  StatsOptions.epsilon.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_data_validation import StatsOptions
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.types import FeaturePath
from tensorflow_data_validation.utils import schema_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2


def statistics_of(
    batches: Iterable[pa.RecordBatch], options: StatsOptions
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Computes the statistics of all rows, as one unnamed dataset.

    Args:
      batches: Rows as list columns, see `example_batches`; one batch at a time is in memory.
      options: TFDV options with a schema, without slices and sampling.

    Returns:
      A list of one dataset.
    """
    generators = stats_impl.get_generators(options, in_memory=True)
    categories = _integer_categories(options.schema)
    states = [generator.create_accumulator() for generator in generators]
    for batch in batches:
        rows = _named(batch, categories)
        states = [generator.add_input(state, rows) for generator, state in zip(generators, states, strict=True)]
    found = stats_impl.extract_statistics_output(states, generators)
    if not found.datasets:
        found.datasets.add()  # as TFDV's job does for no rows
    for feature in found.datasets[0].features:
        name = feature.path.step[0] if len(feature.path.step) == 1 else ""
        if name in categories and feature.type == statistics_pb2.FeatureNameStatistics.STRING:
            feature.type = statistics_pb2.FeatureNameStatistics.INT
    return found


def _integer_categories(schema: schema_pb2.Schema | None) -> Mapping[str, FeaturePath]:
    """Integer features that the schema declares categorical."""
    if schema is None:
        return {}
    kinds = schema_util.get_categorical_numeric_feature_types(schema)
    return {path.steps()[0]: path for path, kind in kinds.items() if kind == schema_pb2.INT and len(path.steps()) == 1}


def _named(batch: pa.RecordBatch, categories: Mapping[str, FeaturePath]) -> pa.RecordBatch:
    """Converts integer categories to text.

    TFDV counts both by their text. For integers, though, it computes the text lengths value by value in Python, which
    takes most of its time on a wide table.
    """
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in categories and not pa.types.is_null(column.type) and pa.types.is_integer(column.type.value_type):
            column = pc.cast(column, pa.large_list(pa.large_string())).cast(pa.large_list(pa.large_binary()))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)
