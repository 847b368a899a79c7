"""Fits the text model of a column: vocabularies, SVD components, and cross-fitted scores.

    components  the first right singular vectors of the TF-IDF matrix (truncated SVD; Halko, Martinsson, Tropp, SIAM
                Review 53, 2011); they do not depend on the label
    scores      K linear models on TF-IDF, each fitted without the texts of one fold; a text is scored by the model of
                its own fold (cross-fitting, stacked generalisation: Wolpert, Neural Networks 5, 1992)

A score is the logit of a logistic regression for a binary label, one logit per class for a multiclass label, or the
prediction of a ridge regression.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.shared.progress import report_progress
from components.transform.text_columns.model import BLOCK_CHARACTERS, Ngrams, TextColumn, TextModel
from components.transform.text_columns.vocabulary import Cutting, count_ngrams

MAX_CLASSES = 50
"""Maximum classes with a score; the most frequent ones."""
MAX_WEIGHTS = 1 << 23
"""Maximum folds x n-grams x scores, 32 MB; with many classes the vocabularies are smaller."""
COST = 400_000_000
"""Maximum TF-IDF values x (3 + scores) for fitting the linear models; with many classes fewer texts are used."""
SVD_ROWS = 10_000
STRENGTH = 4.0
"""C of the logistic regression; twice its inverse is the ridge regression's alpha."""
ITERATIONS = 30
"""Maximum iterations of the logistic regression; nearly converged weights predict as well."""
MIN_TEXTS = 20
"""Minimum texts for fitting a fold; below it the scores are 0."""


@dataclass(frozen=True)
class TextSettings:
    """Section [text] of pipeline.toml, see pipeline/settings/sections/text.py."""

    words: int = 2
    characters: tuple[int, ...] = (3, 5)
    vocabulary: int = 40_000
    min_texts: int = 2
    dimensions: int = 32
    folds: int = 10
    max_fit_rows: int = 30_000
    max_bytes: int = 20_000
    seed: int = 13

    @classmethod
    def of(cls, table: Mapping[str, Any] | None) -> "TextSettings":
        """Reads the section; missing keys have their defaults."""
        given = dict(table or {})
        if "characters" in given:
            given["characters"] = tuple(given["characters"])
        return cls(**given)


def learn(
    name: str, texts: np.ndarray, labels: np.ndarray, task: str, buckets: int, settings: TextSettings
) -> TextModel:
    """Fits a text model to a sample of a column's texts.

    Args:
      name: Name of the column.
      texts: Bytes [N], none empty.
      labels: 0 and 1, class indices or numbers, [N].
      task: binary, multiclass or regression.
      buckets: Number of quantile buckets.
      settings: Section [text].
    """
    report_progress(f"text {name}: {len(texts):,} texts")
    cutting = Cutting(settings.words, settings.characters, settings.max_bytes)
    words, characters = count_ngrams(blocks(texts, settings.max_bytes), cutting)
    classes = _scored(labels, task)
    scores = max(len(classes), 1)
    least = settings.min_texts if len(texts) >= 100 else 1
    most = max(min(settings.vocabulary, MAX_WEIGHTS // (2 * settings.folds * scores)), 1000)
    model = TextModel(
        words=words.vocabulary(len(texts), least, most) if settings.words else _nothing(),
        characters=characters.vocabulary(len(texts), least, most) if settings.characters else _nothing(),
        directions=np.zeros((0, 0), np.float32),
        weights=np.zeros((settings.folds, 0, 0), np.float32),
        intercepts=np.zeros((settings.folds, 0), np.float32),
        columns=(),
        quantiles=np.zeros((0, buckets - 1), np.float32),
        longest=settings.words,
        lengths=settings.characters,
        most=settings.max_bytes,
    )
    terms = len(model.words.hashes) + len(model.characters.hashes)
    matrix, fold = tf_idf(replace(model, weights=np.zeros((settings.folds, terms, 0), np.float32)), texts)
    directions = _directions(matrix, settings)
    weights, intercepts = _scores(name, matrix, fold, labels, task, classes, settings)
    columns = [f"{name}#{number}" for number in range(1, directions.shape[1] + 1)]
    columns += [f"{name}: score"] if len(classes) <= 1 else [f"{name}: score {number}" for number in classes.tolist()]
    model = replace(model, directions=directions, weights=weights, intercepts=intercepts, columns=tuple(columns))
    report_progress("")
    return replace(model, quantiles=_quantiles(matrix, fold, model, buckets))


def tf_idf(model: TextModel, texts: np.ndarray) -> tuple[Any, np.ndarray]:
    """Computes TF-IDF of texts, CSR float32 [N, V], and their folds [N], by the graph that is served."""
    import tensorflow as tf
    from scipy import sparse

    column = TextColumn(model)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def weighted(texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        row, place, value, fold = column.weighted(texts)
        return row, tf.cast(place, tf.int32), value, fold

    terms, parts, folds = model.weights.shape[1], [], []
    for block in blocks(texts, model.most):
        row, place, value, fold = (one.numpy() for one in weighted(tf.constant(block, tf.string)))
        parts.append(sparse.csr_matrix((value, (row.astype(np.int32), place)), shape=(len(block), terms)))
        folds.append(fold)
    if not parts:
        return sparse.csr_matrix((0, terms), dtype=np.float32), np.empty(0, np.int64)
    return sparse.vstack(parts, format="csr", dtype=np.float32), np.concatenate(folds)


def blocks(texts: Sequence[bytes] | np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Yields blocks of texts of about 2 MB, or of a single longer text; `most` bytes of a text count."""
    ends = np.cumsum([min(len(text), most) for text in texts])
    begin = 0
    while begin < len(texts):
        before = ends[begin - 1] if begin else 0
        end = max(int(np.searchsorted(ends, before + 8 * BLOCK_CHARACTERS, side="right")), begin + 1)
        yield np.asarray(texts[begin:end], object)
        begin = end


def _nothing() -> Ngrams:
    return Ngrams(np.empty(0, np.int64), np.empty(0, np.float32))


def _scored(labels: np.ndarray, task: str) -> np.ndarray:
    """Indices of the classes that have a score, ascending; [0] for the single score of other tasks."""
    if task != "multiclass":
        return np.zeros(1, np.int64)
    counts = np.bincount(labels.astype(np.int64)) if len(labels) else np.zeros(1)
    return np.sort(np.argsort(-counts, kind="stable")[:MAX_CLASSES])


def _directions(matrix: Any, settings: TextSettings) -> np.ndarray:
    """SVD components, float32 [V, D]."""
    from sklearn.utils.extmath import randomized_svd

    rows, terms = matrix.shape
    count = min(settings.dimensions, rows // 4, terms - 1)
    if count < 1:
        return np.zeros((terms, 0), np.float32)
    draw = np.random.default_rng(settings.seed)
    some = matrix if rows <= SVD_ROWS else matrix[np.sort(draw.choice(rows, SVD_ROWS, replace=False))]
    right = randomized_svd(some, count, n_iter=2, random_state=settings.seed)[2]
    return np.ascontiguousarray(right.T, np.float32)


def _scores(
    name: str, matrix: Any, fold: np.ndarray, labels: np.ndarray, task: str, classes: np.ndarray, settings: TextSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32 [K, V, S] and intercepts [K, S]; each fold's are fitted on the other folds."""
    rows, terms = matrix.shape
    weights = np.zeros((settings.folds, terms, len(classes)), np.float32)
    intercepts = np.zeros((settings.folds, len(classes)), np.float32)
    each = max(matrix.nnz / max(rows, 1), 1)
    most = int(COST / (each * (3 + len(classes))))
    if rows > most:
        chosen = np.sort(np.random.default_rng(settings.seed + 1).choice(rows, most, replace=False))
        matrix, fold, labels = matrix[chosen], fold[chosen], labels[chosen]
    for number in range(settings.folds):
        report_progress(f"text {name}: fold {number + 1} of {settings.folds}", number, settings.folds)
        others = fold != number
        if others.sum() < MIN_TEXTS or not terms:
            continue
        found = _fitted(matrix[others], labels[others], task, classes)
        if found is not None:
            weights[number], intercepts[number] = found
    return weights, intercepts


def _fitted(matrix: Any, labels: np.ndarray, task: str, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights [V, S] and intercepts [S] of a linear model; None for labels of a single class."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly converged weights predict as well
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by SciPy for a call in scikit-learn
        if task == "regression":
            spread = float(labels.std()) or 1.0
            line = Ridge(alpha=2 / STRENGTH, solver="sparse_cg", tol=1e-3).fit(
                matrix, (labels - labels.mean()) / spread
            )
            return line.coef_[:, None], np.array([line.intercept_])
        labels = labels.astype(np.int64)
        there = np.unique(labels)
        if len(there) < 2:
            return None
        line = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS, tol=1e-3).fit(matrix, labels)
    if task == "binary":
        return line.coef_.T, line.intercept_
    weights, intercepts = np.zeros((matrix.shape[1], len(classes))), np.full(len(classes), -16.0)
    coef, intercept = line.coef_, line.intercept_
    if len(there) == 2:  # scikit-learn has one row for two classes
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    place = np.searchsorted(classes, there)
    known = (place < len(classes)) & (classes[np.minimum(place, len(classes) - 1)] == there)
    weights[:, place[known]], intercepts[place[known]] = coef[known].T, intercept[known]
    return weights, intercepts


def _quantiles(matrix: Any, fold: np.ndarray, model: TextModel, buckets: int) -> np.ndarray:
    """Quantiles float32 [D + S, buckets - 1] of the numbers of these texts; zeros if there is no text."""
    if not matrix.shape[0]:
        return np.zeros((len(model.columns), buckets - 1), np.float32)
    scores = np.zeros((matrix.shape[0], model.weights.shape[2]), np.float32)
    for number in range(len(model.weights)):
        own = fold == number
        scores[own] = matrix[own] @ model.weights[number] + model.intercepts[number]
    values = np.hstack([matrix @ model.directions, scores])
    return np.quantile(values, np.arange(1, buckets) / buckets, axis=0).T.astype(np.float32)
