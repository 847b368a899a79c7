"""The table [text]: encoding of free-text columns."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection


class TextSection(ConfigSection):
    """Encoding of the columns `text` of [features].

    A text is encoded as TF-IDF values of its word and character n-grams. All candidates of [training] get these as a
    few numbers: `dimensions` components of a truncated SVD, and an out-of-sample score for the label (for each class of
    several) from a linear model.
    """

    words: Annotated[int, Field(ge=0, le=2)] = 2
    """Maximum length of word n-grams: 1 is single words, 2 adds pairs; 0 disables them."""
    characters: tuple[Annotated[int, Field(ge=1, le=10)], ...] = (3, 5)
    """Minimum and maximum length of character n-grams within words and their boundaries; an empty array disables
    them."""
    vocabulary: Annotated[int, Field(ge=100, le=500_000)] = 40_000
    """Vocabulary size of word n-grams, and of character n-grams: the most frequent ones."""
    min_texts: Annotated[int, Field(ge=1)] = 2
    """Minimum number of texts with an n-gram of the vocabulary."""
    dimensions: Annotated[int, Field(ge=0, le=300)] = 32
    """Number of components of the truncated SVD; 0 uses the score alone."""
    folds: Annotated[int, Field(ge=2, le=20)] = 10
    """Number of cross-validation folds, assigned by a hash of the words. The linear model of a fold is trained on the
    other folds and scores the texts of its fold, in training and in serving."""
    max_fit_rows: Annotated[int, Field(ge=100)] = 30_000
    """Maximum number of texts that vocabulary, SVD and linear models are fitted on, sampled at random."""
    max_bytes: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    """Maximum number of bytes (UTF-8) of a text that are used."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of samples and of the SVD."""

    @model_validator(mode="after")
    def _something_is_left(self) -> "TextSection":
        if self.characters and (len(self.characters) != 2 or self.characters[0] > self.characters[1]):
            raise ValueError("characters: must be the shortest and the longest length, as [3, 5], or empty")
        if not self.words and not self.characters:
            raise ValueError("words and characters: one of them is needed; set words = 1")
        return self
