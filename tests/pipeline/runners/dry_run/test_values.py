"""Parameter values as KFP reads and writes them, and the waits between attempts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runners.dry_run.retries import LONGEST, waits
from pipeline.runners.dry_run.values import from_text, plain, to_text


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" a \n", "STRING", " a \n"),
        (" 12\n", "NUMBER_INTEGER", 12),
        ("0.5\n", "NUMBER_DOUBLE", 0.5),
        ("3.0", "NUMBER_DOUBLE", 3),
        ("True", "BOOLEAN", True),
        ("0", "BOOLEAN", False),
        ("[1, 2]", "LIST", [1, 2]),
        ('{"a": null}', "STRUCT", {"a": None}),
    ],
)
def test_from_text(text: str, kind: str, value: object) -> None:
    assert from_text(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1.5", "NUMBER_INTEGER"), ("", "NUMBER_DOUBLE"), ("yes", "BOOLEAN"), ("{}", "LIST"), ("[]", "STRUCT"), ("1", "")],
)
def test_text_that_is_no_such_value(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="expected "):
        from_text(text, kind)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (True, "true"),
        (None, ""),
        ("x y", "x y"),
        ([1.0, {"a": "ü"}], '[1,{"a":"ü"}]'),
    ],
)
def test_to_text(value: object, text: str) -> None:
    assert to_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(number: float) -> None:
    assert float(to_text(number)) == number
    assert "e" not in to_text(number)


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=20))
def test_plain_changes_no_value(value: object) -> None:
    assert plain(value) == value
    json.dumps(plain(value))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, []),
        ({"maxRetryCount": 2}, [0, 0]),
        ({"maxRetryCount": 3, "backoffDuration": "0.5s", "backoffFactor": 2.0}, [0.5, 1, 2]),
        ({"maxRetryCount": 2, "backoffDuration": "1s", "backoffFactor": 1.5, "backoffMaxDuration": "1s"}, [1, 1.5]),
        ({"maxRetryCount": 1, "backoffDuration": "60s"}, [LONGEST]),
    ],
)  # fmt: skip
def test_waits(policy: dict[str, object], expected: list[float]) -> None:
    assert list(waits(policy)) == expected
