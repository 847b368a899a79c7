"""`plumbline drift A B`: compares two data sets, optionally with a schema's thresholds or a dataset's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from components.drift_validator.drift_detection import DriftConfig, DriftResult, compare_tables, find_drift
from components.drift_validator.sketches.sketch import TableSketch
from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.statistics.severities import SEVERITIES, Severity, worst
from components.shared.texts.suggestions import did_you_mean
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.read_limits import DEFAULT_LIMITS
from pipeline.drift.comparison_text import (
    compared_features,
    comparison_table,
    drifted_features,
    feature_severities,
    severities_text,
    undecided_features,
)
from pipeline.drift.input_tables import NOTHING, ReadRequest, open_sides
from pipeline.preflight.data_check import check_schema
from pipeline.settings.config import Config
from pipeline.settings.drift_plan import plan_of

STATISTICS = ".pb"
"""File name suffix of TFDV statistics (FeatureStats.pb)."""


@dataclass(frozen=True)
class TableComparison:
    """Result of the comparison of two data sets.

    Attributes:
      baseline: Path or URL of the baseline data.
      current: Path or URL of the current data.
      result: The distances and decisions.
      mismatches: Type mismatches; these values count as missing.
      assumed: Assumptions about the CSV dialect, one line each.
      weights: How importance limits the severity, or why it is unknown, in one line; empty without a dataset or a live
        version.
    """

    baseline: str
    current: str
    result: DriftResult
    mismatches: tuple[TypeMismatch, ...]
    assumed: tuple[str, ...] = ()
    weights: str = ""

    @property
    def severity(self) -> Severity:
        """The highest severity of all drifted rows; "negligible" without drift."""
        return worst(row.severity for row in self.result.rows if row.drifted)

    def has_drift(self, least: Severity) -> bool:
        """Whether anything drifted with at least this severity."""
        return self.result.drifted and SEVERITIES.index(self.severity) >= SEVERITIES.index(least)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `--json` prints."""
        mismatches = [asdict(mismatch) for mismatch in self.mismatches]
        return {
            "baseline": self.baseline,
            "current": self.current,
            "rows": {"baseline": self.result.baseline_rows, "current": self.result.current_rows},
            "drifted": self.result.drifted,
            "severity": self.severity,
            "drift": [asdict(row) for row in self.result.rows],
            "type_mismatches": mismatches,
            "misfits": mismatches,  # the former name
            "assumed": list(self.assumed),
            "weights": self.weights,
        }

    def to_text(self, everything: bool = False) -> str:
        """Formats the result as text: a summary line and a table of the drifted columns.

        Args:
          everything: Whether the table has all distances.
        """
        rows = [asdict(row) for row in self.result.rows]
        features = drifted_features(rows)
        compared = compared_features(rows)
        severities = severities_text(feature_severities(rows).values())
        about = f"drift in {len(features)}: {severities}" if features else "no drift"
        head = (
            f"{self.current} ({self.result.current_rows:,} rows) against {self.baseline} "
            f"({self.result.baseline_rows:,} rows): {about}; {len(rows):,} distances of {compared} columns"
        )
        lines = [head, *([self.weights] if self.weights else []), *self.assumed]
        lines += [
            f"{mismatch.file}: column '{mismatch.column}': {mismatch.count:,} values do not fit the type of the other "
            f"data set and count as missing, first '{mismatch.value}' in row {mismatch.row:,}"
            for mismatch in self.mismatches
        ]
        if undecided := undecided_features(rows):
            names = ", ".join(f"{feature} ({severity})" for feature, severity in undecided.items())
            lines.append(f"not significant with so few rows, though the estimated distance is large: {names}")
        if features or everything:
            lines += ["", comparison_table(rows, everything)]
        return "\n".join(lines)


def drift(
    baseline: str,
    current: str,
    *,
    schema: Path | None = None,
    config: Config | None = None,
    slices: Sequence[str] = (),
    comparator: Literal["drift", "skew"] = "drift",
    rule: Literal["calibrated", "fixed"] | None = None,
    alpha: float | None = None,
    joint_rows: int | None = None,
    read_limits: Sequence[str] = (),
    request: ReadRequest = NOTHING,
    importance: Mapping[str, float] | None = None,
) -> TableComparison:
    """Compares two data sets.

    Args:
      baseline: Baseline data: a file or folder of rows, or a TFDV statistics file (FeatureStats.pb).
      current: Current data, of the same kind.
      schema: Schema with column types and thresholds; it overrides that of the dataset.
      config: Settings of a dataset.
      slices: Columns to slice by, in addition to those of the settings; "origin,carrier" is a cross.
      comparator: Comparators of the schema to use: "drift" or "skew".
      rule: Overrides the rule of the settings.
      alpha: Overrides the false discovery rate of the settings, in (0, 1).
      joint_rows: Overrides the number of rows for the test of the joint distribution; 0 skips it.
      read_limits: Read limits, each "name=number"; they override those of the settings.
      request: Options of the command line for databases, workbooks and CSV; they override the settings.
      importance: Feature -> importance to the model in production relative to the most important feature, in [0, 1].

    Raises:
      UsageError: A path does not exist, or a slicing column does not.
      ConfigError: The schema cannot be read.
      InputError: Data or statistics cannot be read.
    """
    plan = DriftConfig()
    if config is not None:
        plan = plan_of(config, check_schema(config) if config.features.dates else {})
    rules = replace(
        plan.rules, rule=rule or plan.rules.rule, alpha=alpha or plan.rules.alpha, importance=importance or {}
    )
    crosses = tuple(tuple(name.split(",")) for name in slices)
    plan = replace(
        plan,
        rules=rules,
        slices=(*plan.slices, *crosses),
        joint_rows=plan.joint_rows if joint_rows is None else joint_rows,
    )
    path = schema or (config.schema_path if config is not None else None)
    types: dict[str, str] = {}
    if path is not None:
        curated = parse_schema(_read(path), str(path))
        types = column_types(curated)
        plan = plan.with_schema(curated, comparator)
    if baseline.endswith(STATISTICS) or current.endswith(STATISTICS):
        return _from_statistics(baseline, current, plan)
    options = None
    limits = (config.data.limits if config is not None else DEFAULT_LIMITS).changed(read_limits)
    if config is not None:
        options = config.data.read_options("warn", limits)
    one, other = open_sides(baseline, current, types, options, limits, request)
    for column in {column for cross in plan.slices for column in cross}:
        if one.types and column not in one.types and column not in other.types:
            raise UsageError(
                f"--slice {column}: no such column; {did_you_mean(column, one.types)}available: {', '.join(one.types)}"
            )
    found = find_drift(one.batches(), other.batches(), plan)
    assumed = dict.fromkeys(line for side in (one, other) for line in side.assumed_lines())
    return TableComparison(baseline, current, found, (*one.mismatches, *other.mismatches), tuple(assumed))


def _from_statistics(baseline: str, current: str, plan: DriftConfig) -> TableComparison:
    if not (baseline.endswith(STATISTICS) and current.endswith(STATISTICS)):
        raise UsageError("cannot compare a statistics file with rows; give two statistics files or two tables")
    one, other = (_statistics(Path(path)) for path in (baseline, current))
    return TableComparison(baseline, current, compare_tables(one, other, plan), ())


def _statistics(path: Path) -> TableSketch:
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    from components.drift_validator.sketches.from_statistics import from_statistics

    proto = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        proto.ParseFromString(path.read_bytes())
    except OSError as exc:
        raise UsageError(f"{path}: cannot be read ({exc.strerror})") from exc
    except DecodeError as exc:
        raise InputError(f"{path}: is not a TFDV statistics file ({exc})") from exc
    if len(proto.datasets) != 1:
        raise InputError(f"{path}: holds the statistics of {len(proto.datasets)} data sets; exactly one is needed")
    return from_statistics(proto.datasets[0])


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({exc})") from exc
