import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings.toml_text import leaves, with_values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = """# mine
[data]
directory = "in # not a comment"   # where
missing = ["", "]"]
window = 3

[features]
categorical = [
  "a",  # first
  "b]",
]
cyclical = { hour = 24, "week day" = 7 }

[evaluation.thresholds]  # bar
auc = 0.55
"""


def test_a_value_is_replaced_where_it_stands() -> None:
    new = with_values(TEXT, {("data", "window"): 6, ("data", "directory"): 'a "b"', ("features", "categorical"): ["c"]})
    assert new == TEXT.replace("window = 3", "window = 6").replace('"in # not a comment"', '"a \\"b\\""').replace(
        '[\n  "a",  # first\n  "b]",\n]', '["c"]'
    )


def test_a_value_within_a_line_rewrites_that_line() -> None:
    new = with_values(TEXT, {("features", "cyclical", "week day"): None, ("features", "cyclical", "month"): 12})
    assert "cyclical = { hour = 24, month = 12 }\n" in new


def test_new_values_end_their_table_and_new_tables_the_file() -> None:
    new = with_values(
        TEXT, {("data", "delimiter"): ";", ("data", "values", "left"): {"yes": "Yes"}, ("a b", "c"): True}
    )
    assert 'window = 3\ndelimiter = ";"\n\n[features]' in new
    assert new.endswith('auc = 0.55\n\n[data.values]\nleft = { yes = "Yes" }\n\n["a b"]\nc = true\n')


def test_what_is_taken_out_leaves_the_others() -> None:
    assert with_values(TEXT, {("data", "window"): None}) == TEXT.replace("window = 3\n", "")
    assert with_values(TEXT, {("data", "none"): None}) == TEXT


def test_a_text_that_is_not_understood_is_not_changed() -> None:
    with pytest.raises(ValueError, match="cannot be changed"):
        with_values("data.window = 3\n", {("data", "window"): 4})


def test_windows_line_ends_and_no_last_line_end() -> None:
    assert with_values("[a]\r\nb = 1\r\n[c]\r\nd = 2", {("a", "b"): 3, ("c", "d"): 4}) == "[a]\r\nb = 3\r\n[c]\r\nd = 4"
    assert with_values("[a]\nb = 1", {("a", "c"): 2}) == "[a]\nb = 1\nc = 2\n"


VALUES = st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.lists(st.text(max_size=5), max_size=4)


@given(st.dictionaries(st.sampled_from(["window", "directory", "missing", "new", "odd key #"]), VALUES, max_size=4))
def test_any_values_are_read_back_and_the_others_stay(values: dict) -> None:
    new = with_values(TEXT, {("data", key): value for key, value in values.items()})
    before, after = (leaves(tomllib.loads(text)) for text in (TEXT, new))
    assert after == before | {("data", key): value for key, value in values.items()}
