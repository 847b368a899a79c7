"""Text columns: parity with scikit-learn on plain text, cross-fitted scores, and any bytes."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from components.transform.text_columns import model as model_module
from components.transform.text_columns import sample as sample_module
from components.transform.text_columns.learning import TextSettings, blocks, learn, tf_idf
from components.transform.text_columns.model import TextColumn
from components.transform.text_columns.ngrams import hashed, pair_hash, parts
from components.transform.text_columns.sample import TextSample
from components.transform.text_columns.telling import telling_words
from components.transform.text_columns.vocabulary import Counts, Cutting, count_ngrams, names_of

WORDS = ["the", "a", "of", "free", "call", "now", "film", "good", "bad", "plot", "lovely", "win", "text", "you", "42"]
AWKWARD = [
    b"", b" ", b"\xff\xfe", b"\xff word \xc3", "😀👍🏽".encode(), "مرحبا بالعالم الجميل".encode(), "שלום עולם".encode(),
    "素晴らしい映画だった".encode(), "ภาพยนตร์ดีมาก".encode(), b"\0a\0b", b"x" * 300_000, b"a b " * 50_000,
    "Ärger\u00a0mit\u2003Maß\u3000İstanbul".encode(), b"\r\n\t", "e\u0301t\u00e9".encode(), b"...", b"I",
]  # fmt: skip


def texts_of(count: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    made = [" ".join(draw.choice(WORDS, draw.integers(1, 12))) for _ in range(count)]
    return np.array([f"{text.capitalize()}{'!' * (at % 3)}".encode() for at, text in enumerate(made)], object)


def learned(texts: np.ndarray, labels: np.ndarray, task: str = "binary", **changes: object) -> model_module.TextModel:
    return learn("note", texts, labels, task, 16, replace(TextSettings(), **{"folds": 3, "dimensions": 4, **changes}))


@pytest.mark.parametrize(("analyzer", "lengths"), [("word", (1, 2)), ("char_wb", (3, 5)), ("char_wb", (1, 4))])
def test_values_equal_scikit_learn(analyzer: str, lengths: tuple[int, int]) -> None:
    texts = texts_of(300)
    theirs = TfidfVectorizer(analyzer=analyzer, ngram_range=lengths, sublinear_tf=True, min_df=2)
    expected = theirs.fit_transform([text.decode() for text in texts])
    word = analyzer == "word"
    model = learned(texts, np.arange(300) % 2, words=2 * word, characters=() if word else lengths)
    vocabulary = model.words if word else model.characters

    if word:
        names = names_of(vocabulary, vocabulary.hashes.tolist())
    else:
        names = [vocabulary.names[one].decode() for one in vocabulary.hashes.tolist()]
    assert sorted(names) == sorted(theirs.vocabulary_)
    order = [theirs.vocabulary_[name] for name in names]
    np.testing.assert_allclose(vocabulary.idf, theirs.idf_[order], rtol=1e-6)
    found, _ = tf_idf(model, texts)
    np.testing.assert_allclose(found.toarray(), expected.toarray()[:, order], atol=1e-6)


def test_words_and_characters_each_have_norm_1() -> None:
    texts = texts_of(200)
    model = learned(texts, np.arange(200) % 2)
    found, _ = tf_idf(model, texts)
    words = len(model.words.hashes)
    for part in (found[:, :words], found[:, words:]):
        norms = np.asarray(np.sqrt(part.multiply(part).sum(axis=1)))
        np.testing.assert_allclose(norms[norms > 0], 1, atol=1e-5)
        assert (norms > 0).mean() > 0.9  # "A" has no word of two letters


@settings(deadline=None, max_examples=5)
@given(at=st.integers(0, 199), seed=st.integers(0, 99))
def test_label_never_changes_the_score_of_its_own_text(at: int, seed: int) -> None:
    texts = texts_of(200, seed)
    labels = np.array([b"good" in text or b"lovely" in text for text in texts], float)
    other = labels.copy()
    other[at] = 1 - other[at]
    one, two = (TextColumn(learned(texts, some))(tf.constant(texts)).numpy() for some in (labels, other))
    np.testing.assert_array_equal(one[at], two[at])
    assert not np.array_equal(one, two)  # of others it does


def test_out_of_sample_scores_predict_the_label() -> None:
    texts = texts_of(600)
    labels = np.array([b"good" in text.lower() for text in texts], float)
    score = TextColumn(learned(texts, labels))(tf.constant(texts)).numpy()[:, -1]
    assert score[labels == 1].min() > score[labels == 0].max()
    random = np.random.default_rng(0).permutation(labels)  # nothing to find: an in-sample score would
    score = TextColumn(learned(texts, random))(tf.constant(texts)).numpy()[:, -1]
    assert abs(np.corrcoef(score, random)[0, 1]) < 0.2


def test_texts_of_the_same_words_share_a_fold() -> None:
    texts = texts_of(100)
    column = TextColumn(learned(texts, np.arange(100) % 2, folds=7))
    same = tf.constant([b"Call now, win!", b"win call NOW", b"  win now\tcall."])
    *_, fold = column.weighted(same)
    assert len(set(fold.numpy())) == 1
    *_, fold = column.weighted(tf.constant(texts_of(400, 1)))
    assert np.bincount(fold.numpy(), minlength=7).min() > 20


def test_multiclass_has_a_score_per_class_and_other_tasks_one() -> None:
    texts = texts_of(300)
    classes = np.array([0 if b"good" in text else 1 if b"bad" in text else 2 for text in texts])
    model = learned(texts, classes, "multiclass")
    assert model.columns == ("note#1", "note#2", "note#3", "note#4", *(f"note: score {number}" for number in range(3)))
    found = TextColumn(model)(tf.constant(texts)).numpy()
    assert (found[:, 4:].argmax(axis=1) == classes).mean() > 0.8
    amount = np.array([text.count(b"e") for text in texts], float)
    found = TextColumn(learned(texts, amount, "regression"))(tf.constant(texts)).numpy()
    assert np.corrcoef(found[:, -1], amount)[0, 1] > 0.7


def test_any_bytes_are_texts_and_an_empty_one_is_missing() -> None:
    column = TextColumn(learned(texts_of(100), np.arange(100) % 2))
    found = column(tf.constant(AWKWARD)).numpy()
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()
    assert column(tf.constant([], tf.string)).shape == (0, 5)
    one_by_one = np.vstack([column(tf.constant([text])).numpy() for text in AWKWARD])
    np.testing.assert_allclose(found, one_by_one, atol=1e-5)


def test_column_of_unusual_texts_only() -> None:
    texts = np.array([text for text in AWKWARD if text], object)
    model = learned(texts, np.arange(len(texts)) % 2)
    assert np.isfinite(TextColumn(model)(tf.constant(texts)).numpy()).all()
    nothing = learned(np.array([], object), np.array([]))
    assert TextColumn(nothing)(tf.constant([b"a text", b""])).shape == (2, 1)


def words(text: str) -> list[bytes]:
    found = parts(tf.constant([text]), (3, 3), 1000)
    return tf.gather(found.words, found.at).flat_values.numpy().tolist()


def test_words_of_any_script() -> None:
    assert words("It's a TEST_case, 42!") == [b"it", b"test_case", b"42"]
    assert words("Öl und Maß") == ["öl".encode(), b"und", "maß".encode()]
    assert words("映画 が") == ["映".encode(), "画".encode(), "が".encode()]
    assert words("مرحبا بك") == ["مرحبا".encode(), "بك".encode()]


def test_text_is_truncated_to_a_number_of_bytes() -> None:
    found = parts(tf.constant([b"one two three", "äääää".encode()]), (3, 3), 7)
    assert found.row.numpy().tolist() == [0, 0, 1]
    assert np.isfinite(found.words.row_splits.numpy()).all()


def test_result_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = texts_of(200)
    column = TextColumn(learned(texts, np.arange(200) % 2))
    whole = column(tf.constant(texts)).numpy()
    monkeypatch.setattr(model_module, "BLOCK_CHARACTERS", 100)
    np.testing.assert_allclose(column(tf.constant(texts)).numpy(), whole, atol=1e-5)


def test_constants_and_variables_give_the_same_values() -> None:
    texts = texts_of(200)
    model = learned(texts, np.arange(200) % 2)
    one, two = (TextColumn(model, variables)(tf.constant(texts)).numpy() for variables in (True, False))
    np.testing.assert_array_equal(one, two)


def test_counts_are_bounded_and_keep_the_most_frequent() -> None:
    counts = Counts(most=50)
    for start in range(0, 1000, 20):
        counts.add(np.array([-7, *range(start, start + 20)]), np.ones(21, np.int64))
    assert len(counts.hashes) <= 120
    assert counts.counts[counts.hashes == -7] == 50


def test_sample_is_bounded_and_drawn_from_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = TextSample(100, 10, 13)
    for start in range(0, 5000, 500):
        cells = [f"text {at:05d} and more".encode() for at in range(start, start + 500)]
        sample.add(pa.array([None, b"", *cells[2:]]), np.arange(start, start + 500, dtype=float))
    texts, labels = sample.result()
    assert len(texts) == 100
    assert [text.decode() for text in texts] == [f"text {int(at):05d}" for at in labels]
    assert (np.diff(labels) > 0).all() and labels.min() < 1000 and labels.max() > 4000

    monkeypatch.setattr(sample_module, "MAX_BYTES", 1000)
    sample = TextSample(100, 1000, 13)
    sample.add(pa.array([b"x" * 100] * 50), np.zeros(50))
    assert len(sample.result()[0]) == 10


def test_rows_without_a_label_are_not_used() -> None:
    sample = TextSample(100, 100, 13)
    sample.add(pa.array([b"one", b"two", b"three"]), np.array([1.0, np.nan, 0.0]))
    assert sample.result()[0].tolist() == [b"one", b"three"]


def test_pair_hashes_depend_on_order_and_are_invertible() -> None:
    one, two = hashed(tf.constant([b"one", b"two"])).numpy()
    pair = pair_hash(np.array([one]), np.array([two]))
    assert pair[0] != pair_hash(np.array([two]), np.array([one]))[0]
    assert pair_hash(np.array([one]), pair)[0] == two
    assert pair_hash(tf.constant([one]), tf.constant([two])).numpy()[0] == pair[0]


def test_blocks_of_texts() -> None:
    assert [len(block) for block in blocks(texts_of(5), 100)] == [5]
    long = [b"x" * (1 << 21)] * 3
    assert [len(block) for block in blocks(long, 1 << 22)] == [1, 1, 1]
    counted, _ = count_ngrams([texts_of(50)], Cutting(2, (), 1000))
    assert counted.vocabulary(50, 2, 5).hashes.shape == (5,)


def test_telling_words_are_those_that_determine_the_label() -> None:
    texts = texts_of(400)
    labels = np.array([b"good" in text.lower() for text in texts], float)
    (score,) = telling_words(learned(texts, labels), "binary", [], "yes")
    assert score["of"] == "yes"
    assert score["up"][0] == "good"
    assert "good" not in score["down"]
    assert all(score["down"])
    classes = np.array([0 if b"good" in text else 1 if b"bad" in text else 2 for text in texts])
    rows = telling_words(learned(texts, classes, "multiclass"), "multiclass", ["fine", "poor", "so-so"], "")
    assert [row["of"] for row in rows] == ["fine", "poor", "so-so"]
    assert any("good" in word for word in rows[0]["up"][:3])
    assert any("bad" in word for word in rows[1]["up"][:3])
