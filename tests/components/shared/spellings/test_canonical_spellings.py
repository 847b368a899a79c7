import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import ConfigError
from components.shared.spellings.canonical_spellings import canonical, canonical_tensor, check_spellings

MEANT = {"yes": "Yes", " No ": "No"}


def test_spellings_become_canonical_and_other_values_are_unchanged() -> None:
    batch = pa.record_batch({"left": ["yes", " No ", "No", None, "maybe"], "n": [1, 2, 3, 4, 5]})
    found = canonical(batch, {"left": MEANT, "n": {"1": "2"}, "gone": MEANT})
    assert found.to_pydict() == {"left": ["Yes", "No", "No", None, "maybe"], "n": [1, 2, 3, 4, 5]}


def test_spellings_in_lists_become_canonical() -> None:
    batch = pa.record_batch({"tags": [["yes", "b"], None, [], [" No "]]}).slice(1)
    assert canonical(batch, {"tags": MEANT}).to_pydict() == {"tags": [None, [], ["No"]]}


def test_batch_without_spellings_is_returned_unchanged() -> None:
    batch = pa.record_batch({"left": ["Yes", None]})
    assert canonical(batch, {"left": MEANT}) is batch


@pytest.mark.parametrize(
    ("meant", "said"),
    [
        ({"a": "b", "b": "c"}, r"'a' stands for 'b', which stands for 'c'; write 'c' for both"),
        ({"a": ""}, r"'a' stands for an empty value; what means \"no value\" belongs in \[data\] missing"),
        ({"": "a"}, r"an empty spelling"),
    ],
)
def test_contradictory_spellings_are_refused(meant: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_spellings({"left": meant})


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.lists(st.text(max_size=5), min_size=1))
def test_graph_equals_ingest(meant: dict, texts: list) -> None:
    tokens = tf.constant([[text.encode("utf-8", "surrogatepass")] for text in texts])
    found = canonical_tensor(tokens, list(meant), list(meant.values())).numpy()[:, 0].tolist()
    assert [text.decode() for text in found] == [meant.get(text, text) for text in texts]
