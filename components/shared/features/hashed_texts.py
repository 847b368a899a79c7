"""Converts texts to a few numbers for baseline models: hashed TF-IDF, reduced by SVD without the label.

Words and word pairs (scikit-learn's HashingVectorizer), sublinear TF-IDF, and the first SVD components.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TERMS = 1 << 16
DIRECTIONS = 32
FIT_ROWS = 10_000
MAX_CHARACTERS = 5_000


@dataclass(frozen=True, eq=False)
class TextDirections:
    """The fitted conversion of a column: `idf` float64 [TERMS], `directions` (SVD components) float32 [TERMS, D]."""

    idf: np.ndarray
    directions: np.ndarray

    def __call__(self, texts: Sequence[str | None]) -> np.ndarray:
        """Converts texts to float32 [N, D]; NaN where a text is missing or empty."""
        found = np.asarray(_weighted(_counts(texts), self.idf) @ self.directions, np.float32)
        found[[not text for text in texts]] = np.nan
        return found


def text_directions(texts: Sequence[str | None], seed: int = 0) -> TextDirections:
    """Fits the conversion to a random sample of at most FIT_ROWS texts; None is missing."""
    from sklearn.utils.extmath import randomized_svd

    there = [text for text in texts if text]
    if len(there) > FIT_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(there), FIT_ROWS, replace=False))
        there = [there[at] for at in chosen]
    counts = _counts(there)
    idf = np.log((1 + len(there)) / (1 + np.bincount(counts.indices, minlength=TERMS))) + 1
    dimensions = min(DIRECTIONS, len(there) // 4)
    if not dimensions or not counts.nnz:
        return TextDirections(idf, np.zeros((TERMS, 0), np.float32))
    right = randomized_svd(_weighted(counts, idf), dimensions, n_iter=2, random_state=seed)[2]
    return TextDirections(idf, right.T.astype(np.float32))


def _counts(texts: Sequence[str | None]) -> Any:
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    if not len(texts):
        return sparse.csr_matrix((0, TERMS))  # scikit-learn rejects an empty list
    hashing = HashingVectorizer(n_features=TERMS, ngram_range=(1, 2), norm=None, alternate_sign=False)
    return hashing.transform([(text or "")[:MAX_CHARACTERS] for text in texts])


def _weighted(counts: Any, idf: np.ndarray) -> Any:
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    if not weighted.nnz:
        return weighted
    weighted.data = (1 + np.log(np.maximum(weighted.data, 1))) * idf[weighted.indices]
    return normalize(weighted)
