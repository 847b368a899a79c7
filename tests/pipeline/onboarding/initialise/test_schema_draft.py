import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import InferredSchema
from pipeline.onboarding.initialise.proposal import propose
from pipeline.onboarding.initialise.schema_draft import schema_text

ROWS = 200
COLORS = ["red", "green", "blue, light"]
LUCK = np.random.default_rng(2).random(ROWS)


def drafted(**columns):
    """The text for a table with one column of every sort; dates and truth values are stored as integers."""
    rows = range(ROWS)
    sample = {
        "customer_id": [f"C{row:04}" for row in rows],
        "color": [COLORS[row * 31 % 3] for row in rows],
        "size": [None if row % 50 == 0 else row * 37 % 101 / 4 for row in rows],
        "hour": [row * 17 % 24 for row in rows],
        "joined": [19_723 + row % 28 for row in rows],
        "paid": [int(row * 13 % 7 < 3) for row in rows],
        "y": ["yes" if luck < 0.3 else "no" for luck in LUCK],
    } | columns
    alias = {"size": "float64", "hour": "int64", "joined": "date", "paid": "bool", "tags": "list:string"}
    types = {name: alias.get(name, "string") for name in sample}
    table = pa.table(sample)
    missing = {name: table[name].null_count for name in sample}
    found = InferredSchema(
        types, ReadOptions(), ROWS, missing, dict.fromkeys(sample, 0), table, np.zeros(ROWS, dtype=int)
    )
    return schema_text("shop", propose(table, types, "y", ROWS), found)


def parsed(**columns):
    return parse_schema(drafted(**columns), "schema.pbtxt")


def test_the_schema_says_what_is_certain_and_no_more():
    schema = parsed()
    assert column_types(schema) == {
        "customer_id": "string",
        "color": "string",
        "size": "float64",
        "hour": "int64",
        "joined": "date",
        "paid": "bool",
        "y": "string",
    }
    features = {feature.name: feature for feature in schema.feature}
    assert {name for name, feature in features.items() if feature.presence.min_fraction == 1} == {"customer_id", "y"}
    assert {domain.name: list(domain.value) for domain in schema.string_domain} == {
        "color": sorted(COLORS),
        "y": ["no", "yes"],
    }
    assert features["color"].distribution_constraints.min_domain_mass == 0.95
    assert not features["y"].HasField("distribution_constraints")
    assert features["joined"].time_domain.integer_format == schema_pb2.TimeDomain.UNIX_DAYS


def test_what_is_learned_from_may_move_by_ten_points():
    features = {feature.name: feature for feature in parsed().feature}
    assert {features[name].drift_comparator.infinity_norm.threshold for name in ("color", "size", "y")} == {0.1}
    assert not features["customer_id"].HasField("drift_comparator")


def test_values_that_are_rare_make_no_domain():
    schema = parsed(color=["dark red", *(COLORS[row * 31 % 3] for row in range(1, ROWS))])
    assert "color" not in {domain.name for domain in schema.string_domain}


def test_a_list_may_be_empty_and_of_any_length():
    tags = parsed(tags=[["a", "b"][: row % 3] for row in range(ROWS)]).feature[-1]
    assert (tags.name, tags.value_count.min, tags.value_count.HasField("max")) == ("tags", 0, False)


def test_remarks_stay_on_their_line():
    text = drafted(**{"odd\n": ["a"] * ROWS})
    assert "# odd\\n is 'a' in every row\nfeature {" in text
    assert "# joined (becomes calendar parts, " in text


def test_an_image_column_brings_the_columns_of_its_statistics():
    schema = parsed(photo=[f"photos/{row:03}.PNG" for row in range(ROWS)])
    features = {feature.name: feature for feature in schema.feature}
    assert features["photo"].WhichOneof("domain_info") == "image_domain"
    assert not features["photo"].HasField("drift_comparator")
    made = {name: feature for name, feature in features.items() if name.startswith("photo: ")}
    assert {name for name, feature in made.items() if feature.type == schema_pb2.INT} == {
        "photo: width",
        "photo: height",
        "photo: channels",
    }
    assert {"photo: brightness", "photo: contrast", "photo: sharpness", "photo: entropy"} < set(made)
    assert all(feature.drift_comparator.infinity_norm.threshold == 0.1 for feature in made.values())
    types = column_types(schema)
    assert (types["photo"], types["photo: width"], types["photo: entropy"]) == ("image", "int64", "float64")
