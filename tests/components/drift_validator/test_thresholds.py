from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.drift_validator.thresholds import EFFECTS, DriftThresholds

SCHEMA = text_format.Parse(
    """
    feature { name: "color" drift_comparator { infinity_norm { threshold: 0.25 } }
              skew_comparator { infinity_norm { threshold: 0.5 } } }
    feature { name: "height" drift_comparator { jensen_shannon_divergence { threshold: 0.125 } } }
    feature { name: "zero" drift_comparator { infinity_norm { threshold: 0 } } }
    feature { name: "free" }
    """,
    schema_pb2.Schema(),
)


def test_comparators_of_the_schema_are_thresholds():
    rules = DriftThresholds().with_schema(SCHEMA)
    assert (rules.thresholds, rules.divergences) == ({"color": 0.25, "zero": 0.0}, {"height": 0.125})
    assert rules.threshold("color", "chebyshev") == 0.25
    assert rules.threshold("color", "kolmogorov_smirnov") == 0.25
    assert rules.threshold("height", "jensen_shannon") == 0.125


def test_feature_thresholds_apply_to_the_main_measure_only():
    rules = DriftThresholds(effects={"unseen": 0.05}).with_schema(SCHEMA)
    assert rules.threshold("color", "missing") == EFFECTS["missing"]
    assert rules.threshold("color", "unseen") == 0.05
    assert rules.threshold("height", "kolmogorov_smirnov") == EFFECTS["kolmogorov_smirnov"]


def test_skew_has_comparators_of_its_own():
    assert DriftThresholds().with_schema(SCHEMA, "skew").thresholds == {"color": 0.5}


def test_settings_override_the_schema():
    assert DriftThresholds(thresholds={"color": 0.1}).with_schema(SCHEMA).threshold("color", "chebyshev") == 0.1


def test_json_round_trip():
    rules = DriftThresholds(
        rule="fixed", alpha=0.2, effects={"joint": 0.3}, thresholds={"a": 0.1}, divergences={"b": 0.2}
    )
    assert DriftThresholds.from_json(rules.to_json()) == rules
