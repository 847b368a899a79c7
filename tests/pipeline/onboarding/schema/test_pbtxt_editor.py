import difflib
import re
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import ConfigError
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.schema.pbtxt_editor import rewritten
from pipeline.onboarding.schema.schema_changes import AddFeature, AddValue, SetField, new_column, type_change

FLIGHTS = Path(__file__).resolve().parents[4] / "schemas" / "flights" / "schema.pbtxt"
HAND = """# on top

feature {
  name: "a"   # the first
  type: INT
  int_domain { min: 1 max: 3 }  # as measured
}

# Below, a domain.
string_domain {
  name: "d"
  value: "x"
}
"""


def edited(text, *edits):
    wanted = parse_schema(text.removeprefix("\ufeff"), "schema.pbtxt")
    for edit in edits:
        edit.apply(wanted)
    return rewritten(text, wanted)


def test_one_number_is_all_that_differs():
    assert edited(HAND, SetField("a", ("int_domain", "max"), 12)) == HAND.replace("max: 3", "max: 12")


def test_nothing_to_change_changes_nothing():
    assert edited(HAND) == HAND


def test_new_fields_follow_their_surroundings():
    new = edited(
        HAND,
        SetField("a", ("presence", "min_fraction"), 0.5),
        SetField("a", ("int_domain", "is_categorical"), True),
        AddFeature('name: "b" type: BYTES'),
        SetField("b", ("domain",), "d"),
        AddValue("b", 'it\'s "y"\\'),
    )
    assert new == HAND.replace(
        "  int_domain { min: 1 max: 3 }  # as measured\n}\n",
        "  int_domain { min: 1 max: 3 is_categorical: true }  # as measured\n  presence { min_fraction: 0.5 }\n}\n\n"
        'feature {\n  name: "b"\n  type: BYTES\n  domain: "d"\n}\n',
    ).replace('"x"\n', '"x"\n  value: "it\\\'s \\"y\\"\\\\"\n')


@pytest.mark.parametrize("text", [HAND.replace("\n", "\r\n"), "\ufeff" + HAND, HAND.replace("  ", "\t"), HAND.rstrip()])
def test_line_ends_mark_tabs_and_a_missing_last_newline_stay(text):
    new = edited(text, SetField("a", ("presence", "min_count"), 2), AddFeature('name: "z"'))
    assert new.startswith("\ufeff") == text.startswith("\ufeff")
    assert new.count("\r") == (new.count("\n") if "\r" in text else 0)
    assert not [line for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line.startswith("-")]
    assert new.endswith("\n") == text.endswith("\n")
    assert ("\n\tpresence" in new) == ("\t" in text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('feature { name: "a" }', 'feature { name: "a" presence { min_count: 1 } }'),
        ("feature: < name: 'a'; >", "feature: < name: 'a'; presence { min_count: 1 }; >"),
        ("feature: [{name: 'a', type: INT}] # c", "feature: [{name: 'a', type: INT presence { min_count: 1 }}] # c"),
        ("feature{name:'a'presence{}}", "feature{name:'a'presence{ min_count: 1 }}"),
        ("feature{name:'a'presence{# why\n}}", "feature{name:'a'presence{# why\n  min_count: 1\n}}"),
        ("feature{name: 'a' # } not the end\n}", "feature{name: 'a' presence { min_count: 1 } # } not the end\n}"),
        ("feature{name: '\\'}' 'x' \"#\"}", "feature{name: '\\'}' 'x' \"#\" presence { min_count: 1 }}"),
        ("feature {\n  name: 'a' }", "feature {\n  name: 'a'\n  presence { min_count: 1 } }"),
    ],
)
def test_every_way_to_write_a_message(before, after):
    name = parse_schema(before, "x").feature[0].name
    assert edited(before, SetField(name, ("presence", "min_count"), 1)) == after


def test_lists_and_single_values_of_a_domain():
    feature = "feature { name: 'a' domain: 'd' }\n"
    for before, after in [
        ("string_domain { name: 'd' value: ['x', 'y'] }", "string_domain { name: 'd' value: ['x', 'y', \"z\"] }"),
        ("string_domain { name: 'd', value: 'x', }", "string_domain { name: 'd', value: 'x', value: \"z\", }"),
        ("string_domain { name: 'd' }", "string_domain { name: 'd' value: \"z\" }"),
    ]:
        assert edited(feature + before, AddValue("a", "z")) == feature + after
    inline = "feature { name: 'a' string_domain { value: 'x' } }"
    assert edited(inline, AddValue("a", "z")) == "feature { name: 'a' string_domain { value: 'x' value: \"z\" } }"


def test_comments_survive_the_field_they_are_in():
    text = HAND.replace("{ min: 1 max: 3 }", "{\n    # nobody is 0\n    min: 1\n  }")
    new = edited(text, *type_change(parse_schema(text, "x").feature[0], "string", "").edits)
    assert re.findall("#.*", new) == re.findall("#.*", text)
    assert "int_domain" not in new and "type: BYTES" in new


def test_what_cannot_be_rewritten_is_refused():
    wanted = parse_schema(HAND, "x")
    wanted.tensor_representation_group["maps are none of ours"].SetInParent()
    with pytest.raises(ConfigError, match="cannot be edited without losing its layout"):
        rewritten(HAND, wanted)
    with pytest.raises(ConfigError, match="is not a valid schema"):
        rewritten("feature {", wanted)


def test_the_flights_schema_of_the_repository():
    text = FLIGHTS.read_text("utf-8")
    new = edited(text, AddValue("carrier", "ZZ"), SetField("temp", ("float_domain", "max"), 140.0))
    changed = [line for line in new.splitlines() if line not in text.splitlines()]
    assert changed == ["  float_domain { min: -40 max: 140.0 }", '  value: "ZZ"']


NAMES = st.sampled_from(["a", "b", "c", "d'\"\\", "é#{", "\n"])
GAPS = st.sampled_from([" ", "\n", "\t", "\n\n  ", " # note }\n", "# 'quote\n  ", "\r\n"])


@st.composite
def schemas(draw):
    """A schema and a text for it, in any layout."""
    schema = schema_pb2.Schema()
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        feature = schema.feature.add(name=name, type=draw(st.sampled_from([1, 2, 3])))
        if feature.type == schema_pb2.INT and draw(st.booleans()):
            feature.int_domain.min = draw(st.integers(-5, 5))
        if feature.type == schema_pb2.FLOAT and draw(st.booleans()):
            feature.float_domain.max = 2.5
        if feature.type == schema_pb2.BYTES and draw(st.booleans()):
            feature.string_domain.value.extend(draw(st.lists(NAMES, max_size=3)))
        if draw(st.booleans()):
            feature.presence.min_fraction = 1
        if draw(st.booleans()):
            feature.drift_comparator.infinity_norm.threshold = 0.1
    return schema, draw(st.sampled_from(["", "\ufeff"])) + written(schema, draw)


def written(message, draw):
    parts = [draw(GAPS)]
    for about, value in message.ListFields():
        values = list(value) if about.is_repeated else [value]
        shown = [shown_value(message, about, one, draw) for one in values]
        colon = ":" if about.message_type is None or draw(st.booleans()) else ""
        if about.is_repeated and draw(st.booleans()):
            inside = ("," + draw(GAPS)).join(shown)
            parts.append(f"{about.name}:{draw(GAPS)}[{inside}{draw(GAPS)}]{draw(st.sampled_from(['', ',', ';']))}")
        else:
            end = draw(st.sampled_from(["", ",", " ;"]))
            parts += [f"{about.name}{colon}{draw(GAPS)}{one}{end}{draw(GAPS)}" for one in shown]
        parts.append(draw(GAPS))
    return "".join(parts)


def shown_value(message, about, value, draw):
    if about.message_type is not None:
        start, end = draw(st.sampled_from(["{}", "<>"]))
        return start + written(value, draw) + end
    only = type(message)(**{about.name: [value] if about.is_repeated else value})
    return text_format.MessageToString(only, as_one_line=True, as_utf8=True).split(":", 1)[1].strip()


@st.composite
def edits(draw, schema):
    feature = draw(st.sampled_from(list(schema.feature)))
    name = feature.name
    kinds = [
        [SetField(name, ("presence", "min_fraction"), draw(st.sampled_from([0.25, 0.9978])))],
        [SetField(name, ("drift_comparator", "jensen_shannon_divergence", "threshold"), 0.3)],
        [SetField(name, ("drift_comparator", "infinity_norm", "threshold"), 0.07)],
        [SetField(name, ("lifecycle_stage",), schema_pb2.DEPRECATED)],
        list(type_change(feature, draw(st.sampled_from(["int64", "float64", "string", "bool", "date"])), "").edits),
    ]
    if feature.HasField("int_domain"):
        kinds.append([SetField(name, ("int_domain", "max"), draw(st.integers(5, 99)))])
    if feature.HasField("string_domain"):
        kinds.append([AddValue(name, draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=4)))])
    known = {one.name for one in schema.feature}
    new = draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3))
    if new not in known:
        kinds.append(list(new_column(new, draw(st.sampled_from(["int64", "list:string", "timestamp"])), "").edits))
    return draw(st.sampled_from(kinds))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_accepted_changes_keep_every_comment_and_say_what_was_accepted(data):
    schema, text = data.draw(schemas())
    assert parse_schema(text.removeprefix("\ufeff"), "x") == schema
    comments = re.findall("# note }|# 'quote", text)
    for _ in range(data.draw(st.integers(1, 4))):
        for edit in data.draw(edits(schema)):
            edit.apply(schema)
        text = rewritten(text, schema)
    assert parse_schema(text.removeprefix("\ufeff"), "x") == schema
    assert re.findall("# note }|# 'quote", text) == comments
