"""Parity of distances with TensorFlow Data Validation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.distances.column_distances import measure_column
from components.drift_validator.distances.jensen_shannon import jensen_shannon_numbers
from tests.components.drift_validator.distributions import aligned, categories, column, numbers

pytestmark = pytest.mark.slow
SAMPLE = Path(__file__).parents[4] / "data" / "sample" / "flights"


def tfdv_distances(baseline, current, comparator: str, kind: str) -> dict[str, float]:
    """Column -> distance, from two tables or two statistics; columns that TFDV does not measure are absent."""
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    names = baseline.columns if isinstance(baseline, pd.DataFrame) else ["x"]
    schema = text_format.Parse(
        "".join(
            f'feature {{ name: "{name}" type: {kind} drift_comparator {{ {comparator} {{ threshold: 0.1 }} }} }}'
            for name in names
        ),
        schema_pb2.Schema(),
    )
    sides = [
        tfdv.generate_statistics_from_dataframe(side) if isinstance(side, pd.DataFrame) else side
        for side in (baseline, current)
    ]
    anomalies = tfdv.validate_statistics(sides[1], schema, previous_statistics=sides[0])
    return {
        info.path.step[-1]: measurement.value
        for info in anomalies.drift_skew_info
        for measurement in info.drift_measurements
    }


def text_column(values: pd.Series):
    counts = values.dropna().value_counts()
    return column(categories({str(value): int(count) for value, count in counts.items()}), int(values.isna().sum()))


def test_chebyshev_and_divergence_of_random_texts():
    """60 columns with different pairs of distributions, some values in one sample only, some missing."""
    random = np.random.default_rng(0)

    def table(rows: int) -> pd.DataFrame:
        columns = {}
        for position in range(60):
            kinds = [f"v{value}" for value in random.choice(15, random.integers(1, 12), replace=False)]
            values = random.choice(kinds, rows, p=random.dirichlet(np.ones(len(kinds)))).astype(object)
            values[random.random(rows) < 0.1] = None
            columns[f"f{position:02d}"] = values
        return pd.DataFrame(columns)

    baseline, current = table(400), table(200)
    for comparator, measure in (("infinity_norm", "chebyshev"), ("jensen_shannon_divergence", "jensen_shannon")):
        expected = tfdv_distances(baseline, current, comparator, "BYTES")
        assert len(expected) == 60
        for name, distance in expected.items():
            found = measure_column(text_column(baseline[name]), text_column(current[name]), jensen_shannon=True)
            ours = next(measured for measured in found if measured.measure == measure)
            assert ours.distance == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize("month", [2, 3, 4])
def test_chebyshev_of_real_flights(month):
    """All text columns with at most 1,000 distinct values, the number that TFDV keeps."""
    tables = [pd.read_csv(SAMPLE / f"span-{number:02d}.csv") for number in (1, month)]
    names = [
        name
        for name in tables[0].columns
        if tables[0][name].dtype == object and max(table[name].nunique() for table in tables) <= 1000
    ]
    baseline, current = (table[names] for table in tables)
    expected = tfdv_distances(baseline, current, "infinity_norm", "BYTES")
    assert {"carrier", "origin", "dest"} <= expected.keys()
    for name, distance in expected.items():
        found = measure_column(text_column(baseline[name]), text_column(current[name]))[0]
        assert found.distance == pytest.approx(distance, abs=1e-12), name


def test_divergence_of_random_numbers():
    """TFDV interpolates its bins, so the values are close but not equal."""
    random = np.random.default_rng(0)
    pairs = {
        "normal": (random.normal(size=2000), random.normal(0.3, 1.2, 2000)),
        "exponential": (random.exponential(size=2000), random.exponential(1.5, 2000)),
        "other range": (random.random(2000), random.random(2000) * 0.5 + 0.7),
        "whole": (random.poisson(4, 2000) * 1.0, random.poisson(6, 2000) * 1.0),
        "binary": ((random.random(2000) < 0.3) * 1.0, (random.random(2000) < 0.6) * 1.0),
        "a point": (np.ones(2000), np.full(2000, 2.0)),
        "infinite now": (random.normal(size=2000), np.append(random.normal(size=1950), [np.inf] * 50)),
    }
    baseline, current = (pd.DataFrame({name: pair[side] for name, pair in pairs.items()}) for side in (0, 1))
    expected = tfdv_distances(baseline, current, "jensen_shannon_divergence", "FLOAT")
    for name, pair in pairs.items():
        ours = jensen_shannon_numbers(*(numbers(side) for side in pair)).distance
        assert ours == pytest.approx(expected[name], abs=0.003), name


def test_divergence_of_exact_histograms():
    """Given exact bins, TFDV's alignment and divergence agree up to rounding."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    def statistics(values: np.ndarray) -> statistics_pb2.DatasetFeatureStatisticsList:
        found = statistics_pb2.DatasetFeatureStatisticsList()
        data = found.datasets.add(num_examples=len(values))
        feature = data.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
        feature.path.step.append("x")
        feature.num_stats.common_stats.num_non_missing = len(values)
        feature.num_stats.common_stats.tot_num_values = len(values)
        histogram = feature.num_stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
        counts, edges = np.histogram(values, 10)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
        return found

    random = np.random.default_rng(0)
    for _ in range(20):
        one = random.normal(random.normal(), 1 + random.random(), 500)
        other = random.normal(random.normal(), 1 + random.random(), 300)
        expected = tfdv_distances(statistics(one), statistics(other), "jensen_shannon_divergence", "FLOAT")
        assert jensen_shannon_numbers(numbers(one), numbers(other)).distance == pytest.approx(expected["x"], abs=1e-9)


def test_empty_sample_as_in_tfdv():
    baseline = pd.DataFrame({"x": ["a", "b", "b", "b"]})
    current = pd.DataFrame({"x": [None, None]}, dtype=object)
    expected = tfdv_distances(baseline, current, "infinity_norm", "BYTES")
    assert chebyshev(aligned({"a": 1, "b": 3}, {})).distance == expected.get("x", 0.75)
