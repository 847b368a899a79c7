import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.drift_validator.chebyshev import chebyshev

SCHEMA = """
feature { name: "color" type: BYTES drift_comparator { infinity_norm { threshold: 0.25 } } }
feature { name: "grade" type: INT int_domain { is_categorical: true }
          drift_comparator { infinity_norm { threshold: 0.25 } } }
feature { name: "height" type: FLOAT drift_comparator { jensen_shannon_divergence { threshold: 0.25 } } }
feature { name: "free" type: BYTES }
"""
BASE = {
    "color": ["a", "a", "b", "b"],
    "grade": [0, 0, 0, 1],
    "height": [1.0, 2.0, 3.0, 4.0],
    "free": ["x", "x", "y", "y"],
}


def schema_of(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def statistics(rows: dict, schema: schema_pb2.Schema):
    import tensorflow_data_validation as tfdv

    options = tfdv.StatsOptions(schema=schema, infer_type_from_schema=True)
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(rows), options)


def drift(baseline: dict, current: dict, text: str = SCHEMA):
    from components.drift_validator.drift import find_drift

    schema = schema_of(text)
    rows, anomalies = find_drift(statistics(baseline, schema), statistics(current, schema), schema)
    json.dumps([asdict(row) for row in rows], allow_nan=False)  # the report is JSON
    return rows, anomalies


def test_identical_data_do_not_drift():
    rows, anomalies = drift(BASE, BASE)
    assert [(row.feature, row.measure, row.distance, row.drifted) for row in rows] == [
        ("color", "chebyshev", 0.0, False),
        ("grade", "chebyshev", 0.0, False),
        ("height", "jensen_shannon", 0.0, False),
    ]
    assert not anomalies.anomaly_info


def test_what_moved_is_named_with_its_shares_the_farthest_first():
    moved = {**BASE, "color": ["a", "a", "a", "b"], "grade": [0, 1, 1, 1], "height": [11.0, 12.0, 13.0, 14.0]}
    rows, anomalies = drift(BASE, {**moved, "free": ["z"] * 4})
    assert [(row.feature, row.distance, row.threshold, row.drifted, row.detail) for row in rows] == [
        ("height", 1.0, 0.25, True, ""),  # disjoint
        ("grade", 0.5, 0.25, True, "'0' was 75.0%, is 25.0%"),
        ("color", 0.25, 0.25, False, "'a' was 50.0%, is 75.0%"),  # at the threshold is not over it
    ]
    assert set(anomalies.anomaly_info) == {"grade", "height"}


def test_a_new_value_drifts():
    rows, _ = drift(BASE, {**BASE, "color": ["new", "new", "a", "b"]})
    assert (rows[0].feature, rows[0].distance, rows[0].detail) == ("color", 0.5, "'new' was 0.0%, is 50.0%")


def test_the_schemas_own_anomalies_are_left_to_the_schema_check():
    text = SCHEMA.replace('"color" type: BYTES', '"color" type: BYTES domain: "colors"')
    text += 'string_domain { name: "colors" value: "a" value: "b" }'
    text += 'feature { name: "gone" type: INT presence { min_fraction: 1 min_count: 1 } }'
    rows, anomalies = drift(BASE, {**BASE, "color": ["new", "new", "a", "b"]}, text)
    assert rows[0].drifted
    assert list(anomalies.anomaly_info) == ["color"]
    reasons = [reason.type for reason in anomalies.anomaly_info["color"].reason]
    assert reasons == [anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH]


def test_missing_values_are_no_value():
    rows, _ = drift(BASE, {**BASE, "color": ["a", "b", None, None], "height": [1.0, None, None, 4.0]})
    by_name = {row.feature: row for row in rows}
    assert by_name["color"].distance == 0.0


@pytest.mark.parametrize("side", [0, 1])
def test_a_column_without_values_on_one_side_is_no_failure(side):
    empty = {**BASE, "color": [None] * 4, "height": [None] * 4}
    rows, _ = drift(*((empty, BASE) if side == 0 else (BASE, empty)))
    assert "grade" in {row.feature for row in rows}


def test_not_a_number_is_no_failure():
    drift(BASE, {**BASE, "height": [np.nan] * 4})


def test_parity_with_tfdv_on_random_tables():
    """60 features at once, each another distribution: the distance is TFDV's, and so is what is over the threshold."""
    random = np.random.default_rng(0)
    size, features = 400, [f"f{number:02d}" for number in range(60)]

    def table(rows: int) -> dict:
        sides = {}
        for feature in features:
            values = [f"v{value}" for value in range(random.integers(1, 12))]
            column = random.choice(values, rows, p=random.dirichlet(np.ones(len(values)))).astype(object)
            column[random.random(rows) < 0.1] = None
            sides[feature] = column
        return sides

    baseline, current = table(size), table(size // 2)
    text = "".join(
        f'feature {{ name: "{feature}" type: BYTES drift_comparator {{ infinity_norm {{ threshold: 0.3 }} }} }}\n'
        for feature in features
    )
    rows, anomalies = drift(baseline, current, text)
    assert [row.feature for row in sorted(rows, key=lambda row: row.feature)] == features
    for row in rows:
        one, other = (
            {value: int(n) for value, n in pd.Series(side[row.feature]).value_counts().items()}
            for side in (baseline, current)
        )
        found = chebyshev(one, other)
        assert row.distance == pytest.approx(found.distance, abs=1e-12)
        shares = f"was {found.baseline_share:.1%}, is {found.current_share:.1%}"
        assert row.detail == (f"'{found.value}' {shares}" if found.value is not None else "")
        assert row.drifted == (row.feature in anomalies.anomaly_info)
    assert 0 < sum(row.drifted for row in rows) < len(rows)
