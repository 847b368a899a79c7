"""Runs the executors of TFX's ExampleValidator and DistributionValidator on a pair of data sets.

Both read statistics of a CSV file whose types TFDV takes from the file, as CsvExampleGen does; integers with gaps stay
integers. The schema is given to the statistics, as StatisticsGen(schema=...) does, so that integers that it calls
categorical are counted by value.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

# TFDV measures L-infinity on values that it counts one by one; for a number it reports 0, whatever happened. So where
# the schema sets a Chebyshev distance for a number, DistributionValidator gets what it can measure there, the
# Jensen-Shannon divergence, with these thresholds: as low as neighbouring months of 2013 usually allow.
NUMBERS = dict.fromkeys(["sched_dep", "sched_arr", "distance"], 0.02)
NUMBERS |= dict.fromkeys(["humid", "wind_dir", "wind_speed", "wind_gust", "visib"], 0.1)
NUMBERS |= {"temp": 0.5, "dewp": 0.5, "precip": 0.4, "pressure": 0.2}

Finding = tuple[str, str, str]  # feature ("" = the data set), kind, what the tool says; a tool repeats (feature, kind)


class StockChecks:
    """Both validators with one schema, for many pairs in one process."""

    def __init__(self, schema: Path) -> None:
        """Loads TFX (20 s). `schema` is a schema.pbtxt with drift comparators."""
        import tensorflow_data_validation as tfdv

        self._schema_file = schema
        self._schema = tfdv.load_schema_text(str(schema))

    def statistics(self, table: Path) -> Any:
        """TFDV's statistics of a CSV file: a DatasetFeatureStatisticsList."""
        import pandas as pd
        import tensorflow_data_validation as tfdv

        frame = pd.read_csv(table, dtype_backend="numpy_nullable", keep_default_na=False, na_values=[""])
        frame = frame.astype({name: object for name in frame if isinstance(frame[name].dtype, pd.StringDtype)})
        return tfdv.generate_statistics_from_dataframe(frame, tfdv.StatsOptions(schema=self._schema))

    def example_validator(self, current: Any) -> list[Finding]:
        """Anomalies of the current statistics against the schema. ExampleValidator never sees a baseline."""
        from tfx.components.example_validator.executor import Executor
        from tfx.types.standard_artifacts import ExampleAnomalies, Schema

        with tempfile.TemporaryDirectory() as folder:
            schema = Schema()
            schema.uri = f"{folder}/schema"
            Path(schema.uri).mkdir()
            (Path(schema.uri) / "schema.pbtxt").write_bytes(self._schema_file.read_bytes())
            anomalies = ExampleAnomalies()
            anomalies.uri = f"{folder}/anomalies"
            inputs = {"statistics": [_artifact(current, f"{folder}/current")], "schema": [schema]}
            Executor().Do(inputs, {"anomalies": [anomalies]}, {"exclude_splits": "null"})
            return _read(Path(anomalies.uri) / "Split-eval" / "SchemaDiff.pb")

    def distribution_validator(self, baseline: Any, current: Any) -> list[Finding]:
        """Anomalies of a comparison whose config holds the schema's drift comparators; for NUMBERS, theirs."""
        from tfx.components.distribution_validator.executor import Executor
        from tfx.types.standard_artifacts import ExampleAnomalies

        with tempfile.TemporaryDirectory() as folder:
            anomalies = ExampleAnomalies()
            anomalies.uri = f"{folder}/anomalies"
            inputs = {
                "statistics": [_artifact(current, f"{folder}/current")],
                "baseline_statistics": [_artifact(baseline, f"{folder}/baseline")],
            }
            settings = {"distribution_validator_config": self._config(), "include_split_pairs": json.dumps(None)}
            Executor().Do(inputs, {"anomalies": [anomalies]}, settings)
            return _read(Path(anomalies.uri) / "SplitPair-eval_eval" / "SchemaDiff.pb")

    def _config(self) -> Any:
        from tfx.proto.distribution_validator_pb2 import DistributionValidatorConfig

        config = DistributionValidatorConfig()
        for feature in self._schema.feature:
            if feature.name in NUMBERS or _counted_by_value(feature):
                row = config.default_slice_config.feature.add()
                row.path.step.append(feature.name)
                if feature.name in NUMBERS:
                    threshold = NUMBERS[feature.name]
                    row.distribution_comparator.jensen_shannon_divergence.threshold = threshold
                else:
                    row.distribution_comparator.CopyFrom(feature.drift_comparator)
        return config


def _counted_by_value(feature: Any) -> bool:
    from tensorflow_metadata.proto.v0 import schema_pb2

    categorical = feature.type == schema_pb2.BYTES or feature.int_domain.is_categorical
    return bool(categorical and feature.HasField("drift_comparator"))


def _artifact(statistics: Any, uri: str) -> Any:
    """An ExampleStatistics artifact with one split, eval."""
    from tfx.types import artifact_utils
    from tfx.types.standard_artifacts import ExampleStatistics

    artifact = ExampleStatistics()
    artifact.uri = uri
    artifact.split_names = artifact_utils.encode_split_names(["eval"])
    folder = Path(uri) / "Split-eval"
    folder.mkdir(parents=True)
    (folder / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    return artifact


def _read(file: Path) -> list[Finding]:
    """One finding for each reason of each anomaly, in the order of the features."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    anomalies = anomalies_pb2.Anomalies.FromString(file.read_bytes())
    found = [
        (".".join(info.path.step) or name, _kind(reason), reason.description)
        for name, info in sorted(anomalies.anomaly_info.items())
        for reason in info.reason
    ]
    found += [("", _kind(reason), reason.description) for reason in anomalies.dataset_anomaly_info.reason]
    return found


def _kind(reason: Any) -> str:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    return anomalies_pb2.AnomalyInfo.Type.Name(reason.type).lower()
