"""Drift detection between two streams of rows, without TFX."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from components.drift_validator.calendar_columns import CalendarCoverage, ages, comparable_parts
from components.drift_validator.comparison import AGE_ROLE, DATE_ROLE, compare_sketches
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.significance import DriftFinding
from components.drift_validator.sketches.common_resolution import comparable
from components.drift_validator.sketches.dataset_sketch import DatasetSketch, sketch_batches
from components.drift_validator.sketches.sampled_words import with_sampled_words
from components.drift_validator.sketches.single_values import single_values
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, TableSketch
from components.drift_validator.thresholds import DriftThresholds
from components.shared.statistics.slice_sizes import MIN_SLICE_ROWS

JOINT_CELLS = 300_000
"""Maximum number of cells of each data set in the test of the joint distribution; wide tables use fewer rows, but at
least 1,000."""
JOINT_COLUMNS = 200
"""Maximum number of columns in the test of the joint distribution; more are sampled at random. Its cost grows with the
columns, and every column is also tested separately."""
ID_VALUES = 100
"""Minimum number of distinct values of a column that is taken for an id because its values are unique."""


@dataclass(frozen=True)
class DriftConfig:
    """Settings of a comparison.

    Attributes:
      rules: Thresholds and significance level.
      roles: Column -> "feature", "label", "prediction" or "id".
      categorical: Numeric columns whose values are categories.
      texts: Columns of free text; one sampled word of each text is compared, see sketches/sampled_words.py.
      others: "compare" also compares columns of the schema that have no role; "carry" skips them. Columns that are
        neither in the roles nor in the schema are always compared, because they are unexpected.
      carried: Columns that are skipped.
      dates: Date or timestamp column -> unit, see calendar_parts. The columns derived from them are compared instead,
        since later dates are no drift.
      derived: Columns derived from the dates, see derived_features.py.
      slices: Columns to slice by; an entry with several columns is a cross.
      min_slice_rows: Minimum number of rows of a slice in both data sets.
      joint_rows: Rows of each data set for the test of the joint distribution; 0 skips it.
      seed: Random seed of this sample.
    """

    rules: DriftThresholds = field(default_factory=DriftThresholds)
    roles: Mapping[str, str] = field(default_factory=dict)
    categorical: Sequence[str] = ()
    texts: Sequence[str] = ()
    others: Literal["compare", "carry"] = "compare"
    carried: Sequence[str] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    derived: Sequence[str] = ()
    slices: Sequence[Sequence[str]] = ()
    min_slice_rows: int = MIN_SLICE_ROWS
    joint_rows: int = 10_000
    seed: int = 13

    def with_schema(self, schema: schema_pb2.Schema, comparator: Literal["drift", "skew"] = "drift") -> "DriftConfig":
        """Adds the thresholds, categorical integers and skipped columns of a schema.

        Args:
          schema: The schema.
          comparator: Which comparators are the thresholds: "drift" (over time) or "skew" (training against serving).
        """
        categories = [feature.name for feature in schema.feature if feature.int_domain.is_categorical]
        named = [feature.name for feature in schema.feature if feature.name not in self.roles]
        return dataclasses.replace(
            self,
            rules=self.rules.with_schema(schema, comparator),
            categorical=tuple(dict.fromkeys((*self.categorical, *categories))),
            carried=tuple(named) if self.others == "carry" else self.carried,
        )

    def to_json(self) -> str:
        """Serialises the plan as a component parameter."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "DriftConfig":
        """Reads the output of `to_json`."""
        fields = json.loads(text)
        return cls(rules=DriftThresholds(**fields.pop("rules")), derived=tuple(fields.pop("derived", ())), **fields)


@dataclass(frozen=True)
class DriftResult:
    """Result of a comparison.

    Attributes:
      rows: One row for each distance, sorted as by `significance.apply_tests`.
      baseline_rows: Number of rows of the baseline data.
      current_rows: Number of rows of the current data.
    """

    rows: list[DriftFinding]
    baseline_rows: int
    current_rows: int

    @property
    def drifted(self) -> bool:
        """Whether any distance counts as drift."""
        return any(row.drifted for row in self.rows)


def find_drift(baseline: Iterable[pa.RecordBatch], current: Iterable[pa.RecordBatch], plan: DriftConfig) -> DriftResult:
    """Compares two streams of rows, reading each once in bounded memory.

    Args:
      baseline: Baseline data; columns hold values or lists of values.
      current: Current data.
      plan: Settings of the comparison.
    """
    covered = CalendarCoverage(plan.dates), CalendarCoverage(plan.dates)
    sides = (
        _sketch(days.with_derived(batches, plan.derived), plan)
        for days, batches in zip(covered, (baseline, current), strict=True)
    )
    one, other = comparable_parts(plan.derived, covered, *sides)
    roles = {**plan.roles, **dict.fromkeys(plan.dates, DATE_ROLE), **dict.fromkeys(ages(plan.derived), AGE_ROLE)}
    plan = dataclasses.replace(plan, roles=roles)
    return compare_tables(one.table, other.table, plan, _joint(one, other, plan))


def compare_tables(
    baseline: TableSketch, current: TableSketch, plan: DriftConfig, joint: DistanceResult | None = None
) -> DriftResult:
    """Compares the sketches of two data sets.

    Args:
      baseline: Sketch of the baseline data.
      current: Sketch of the current data.
      plan: Settings of the comparison.
      joint: Distance between the joint distributions, if it was measured.
    """
    roles = {**dict.fromkeys(_ids(baseline, current), "id"), **plan.roles}
    baseline, current = comparable(baseline, current)
    rows = compare_sketches(baseline, current, plan.rules, roles, plan.min_slice_rows, joint)
    return DriftResult(rows, baseline.rows, current.rows)


def _sketch(batches: Iterable[pa.RecordBatch], plan: DriftConfig) -> DatasetSketch:
    carried = set(plan.carried) - {column for cross in plan.slices for column in cross}
    kept = (batch.select([name for name in batch.schema.names if name not in carried]) for batch in batches)
    return sketch_batches(
        (with_sampled_words(batch, plan.texts) for batch in kept) if plan.texts else kept,
        kinds=dict.fromkeys(plan.categorical, "categorical"),
        slices=plan.slices,
        min_slice_rows=plan.min_slice_rows,
        sample_rows=plan.joint_rows,
        seed=plan.seed,
    )


def _joint(baseline: DatasetSketch, current: DatasetSketch, plan: DriftConfig) -> DistanceResult | None:
    if not plan.joint_rows:
        return None
    from components.drift_validator.multivariate.c2st import classifier_two_sample_test, to_measured

    roles = {**dict.fromkeys(_ids(baseline.table, current.table), "id"), **plan.roles}
    common = set(current.sample.column_names)
    wanted = [name for name in baseline.sample.column_names if name in common]
    wanted = _sampled_names([name for name in wanted if roles.get(name) not in ("id", DATE_ROLE, AGE_ROLE)], plan.seed)
    samples = [single_values(side.sample.select(wanted), plan.categorical) for side in (baseline, current)]
    names = [name for name in samples[0] if name in samples[1]]
    if len(names) < 2:
        return None
    rows = min(plan.joint_rows, max(1000, JOINT_CELLS // len(names)))
    return to_measured(classifier_two_sample_test(samples[0][names], samples[1][names], seed=plan.seed, max_rows=rows))


def _sampled_names(names: Sequence[str], seed: int) -> list[str]:
    """Samples at most JOINT_COLUMNS names and keeps their order."""
    if len(names) <= JOINT_COLUMNS:
        return list(names)
    chosen = np.random.default_rng(seed).choice(len(names), JOINT_COLUMNS, replace=False)
    return [names[at] for at in sorted(chosen)]


def _ids(baseline: TableSketch, current: TableSketch) -> list[str]:
    """Detects id columns: values are unique in the baseline and at least 90 % distinct in the current data."""
    return [
        name
        for name, column in baseline.columns.items()
        if name in current.columns and _names_rows(column, 1.0) and _names_rows(current.columns[name], 0.9)
    ]


def _names_rows(column: ColumnSketch, distinct: float) -> bool:
    distribution = column.distribution
    if distribution is None or len(distribution.counts) < max(ID_VALUES, distinct * distribution.counts.sum()):
        return False
    return isinstance(distribution, CategoryCounts) or bool((distribution.values % 1 == 0).all())
