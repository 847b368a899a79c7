"""Free text is compared by one sampled word of each text."""

import numpy as np
import pyarrow as pa
import pytest

from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.drift_validator.sketches.sampled_words import NO_WORD, sampled_word, with_sampled_words


def reviews(words: list[str], count: int, seed: int) -> pa.RecordBatch:
    draw = np.random.default_rng(seed)
    texts = [f"{' '.join(draw.choice(words, 8))} {number}" for number in range(count)]
    return pa.RecordBatch.from_pydict({"review": texts, "x": draw.integers(0, 5, count)})


def test_word_is_deterministic() -> None:
    assert sampled_word("Grün grün GRÜN") == "grün"
    assert sampled_word(b"one two three") == sampled_word("one two three") in {"one", "two", "three"}
    assert sampled_word("...") == NO_WORD
    assert sampled_word("") is sampled_word(None) is None
    assert sampled_word(b"\xff\xfe ok") == "ok"


@pytest.mark.parametrize("kind", [pa.string(), pa.list_(pa.binary())])
def test_columns_and_lists_of_one_value(kind: pa.DataType) -> None:
    cells = [["yes"], ["yes"], None] if pa.types.is_list(kind) else ["yes", "yes", None]
    found = with_sampled_words(pa.RecordBatch.from_pydict({"t": pa.array(cells, kind)}), ["t", "absent"])
    assert found["t"].to_pylist() == ["yes", "yes", None]


def test_new_texts_with_the_same_words_are_no_drift() -> None:
    plan = DriftConfig(roles={"review": "feature", "x": "feature"}, texts=["review"], joint_rows=0)
    usual = ["good", "bad", "film", "plot", "actor", "scene"]
    baseline = reviews(usual, 2000, 0)
    same = find_drift([baseline], [reviews(usual, 2000, 1)], plan)
    assert not same.drifted
    other = find_drift([baseline], [reviews([*usual[:3], "delivery", "refund", "parcel"], 2000, 2)], plan)
    assert {row.feature for row in other.rows if row.drifted} == {"review"}
