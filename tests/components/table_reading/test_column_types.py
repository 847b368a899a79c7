import pyarrow as pa
import pytest

from components.shared.errors import ConfigError
from components.table_reading.column_types import arrow_types, column_types, parse_schema

SCHEMA = """
feature { name: "i" type: INT }
feature { name: "f" type: FLOAT }
feature { name: "b" type: BYTES }
feature { name: "later" type: INT lifecycle_stage: PLANNED }
feature { name: "old" type: INT lifecycle_stage: DEPRECATED }
feature { name: "off" type: INT lifecycle_stage: DISABLED }
feature { name: "on" type: INT lifecycle_stage: PRODUCTION }
"""


def test_column_types_skips_unused_features_and_keeps_schema_order():
    types = column_types(parse_schema(SCHEMA, "s"))
    assert list(types.items()) == [("i", "int64"), ("f", "float64"), ("b", "string"), ("on", "int64")]
    assert arrow_types(types) == {"i": pa.int64(), "f": pa.float64(), "b": pa.string(), "on": pa.int64()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no feature"),
        ("feature {", "1:9"),
        ('feature { name: "a" }\nfeature { nme: "b" }', "2:"),
        ('feature { name: "a" type: INTEGER }', "INTEGER"),
        ('feature { name: "a" type: INT }\nfeature { name: "a" type: BYTES }', "'a' is duplicated"),
    ],
)
def test_invalid_schema_error_names_file_and_line(text, message):
    with pytest.raises(ConfigError) as error:
        parse_schema(text, "schemas/d/schema.pbtxt")
    assert str(error.value).startswith("schemas/d/schema.pbtxt: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
