"""Conversion of texts to a few numbers without labels."""

import numpy as np

from components.shared.features.hashed_texts import TERMS, text_directions


def test_components_separate_topics_and_missing_is_nan() -> None:
    draw = np.random.default_rng(0)
    topics = [["cat", "dog", "bird", "fish"], ["bank", "loan", "rate", "debt"]]
    which = draw.integers(0, 2, 200)
    texts = [" ".join(draw.choice(topics[topic], 6)) for topic in which]
    learned = text_directions(texts)
    found = learned([*texts, None, "", "never seen"])
    assert found.shape == (203, 32)
    assert np.isnan(found[200:202]).all()
    assert not found[202].any()
    correlation = [abs(np.corrcoef(found[:200, at], which)[0, 1]) for at in range(3)]
    assert max(correlation) > 0.9


def test_few_or_no_texts_have_no_components() -> None:
    assert text_directions([None, "", "one"]).directions.shape == (TERMS, 0)
    assert text_directions([None])(["a", None]).shape == (2, 0)


def test_components_are_deterministic() -> None:
    texts = [f"word{at % 7} and {at % 5}" for at in range(100)]
    np.testing.assert_array_equal(text_directions(texts)(texts), text_directions(texts)(texts))
