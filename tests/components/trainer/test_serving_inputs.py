import json
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.serving.serving_contract import SERVING_INPUTS
from components.trainer.serving_inputs import serving_inputs, write_serving_inputs
from serving.models.signatures import served_inputs

SCHEMA = """
feature { name: "sepal length (cm)" type: FLOAT float_domain { min: 0 max: 9.5 } }
feature { name: "grade" type: INT int_domain { min: -1 } }
feature { name: "color" type: BYTES domain: "colors" }
feature { name: "size" type: BYTES string_domain { value: "S" value: "L" } }
feature { name: "note" type: BYTES }
feature { name: "booked" type: INT }
feature { name: "at" type: INT }
feature { name: "tags" type: BYTES }
feature { name: "minute" type: INT }
string_domain { name: "colors" value: "red" value: "grün" }
"""
FEATURES = {
    "categorical": ["grade", "color", "size"],
    "numeric": ["sepal length (cm)"],
    "cyclical": {"minute": 1440.0},
    "text": ["note"],
    "dates": {"booked": "date", "at": "timestamp"},
    "moments": {"booked": "date", "at": "timestamp"},
    "lists": {"tags": "string"},
    "derived": {"numeric": [], "cyclical": []},
}
DATASET = {"task": "binary", "label": "sold", "positive": "yes"}


def test_names_kinds_and_domains_of_the_columns(tmp_path: Path) -> None:
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    found = serving_inputs(schema, DATASET, FEATURES)
    assert found["inputs"]["sepal_length__cm_"] == "sepal length (cm)"
    assert found["kinds"] == {
        "grade": "integer_category",
        "color": "categorical",
        "size": "categorical",
        "sepal length (cm)": "numeric",
        "minute": "numeric",
        "note": "text",
        "booked": "date",
        "at": "timestamp",
        "tags": "list",
    }
    assert found["domains"] == {
        "sepal length (cm)": {"min": 0, "max": 9.5},
        "grade": {"min": -1},
        "color": {"values": ["red", "grün"]},
        "size": {"values": ["S", "L"]},
    }
    write_serving_inputs(str(tmp_path), schema, {"dataset": DATASET, "features": FEATURES})
    read = served_inputs(tmp_path)
    assert read.column("sepal_length__cm_") == "sepal length (cm)"
    assert read.column("other") == "other"
    assert (read.task, read.label, read.positive) == ("binary", "sold", "yes")
    assert json.loads((tmp_path / SERVING_INPUTS).read_text(encoding="utf-8"))["domains"] == dict(read.domains)


def test_labels_0_and_1_have_no_positive_value() -> None:
    dataset = {"task": "binary", "label": "sold", "positive": None}
    assert serving_inputs(schema_pb2.Schema(), dataset, {"numeric": ["a"]})["positive"] == ""
