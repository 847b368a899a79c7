"""The table [text]: how columns of free text are learned from."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection


class TextSection(ConfigSection):
    """How the columns of `text` in [features] are learned from.

    A text becomes TF-IDF values of its word and character n-grams, and these a few numbers, which all candidates of
    [training] learn from: `dimensions` directions of a truncated SVD, and a score for the label (one for each class of
    several) by a linear model that never saw the label of this text.
    """

    words: Annotated[int, Field(ge=0, le=2)] = 2
    """Words in a word n-gram, at most: 1 is words, 2 pairs of neighbours, too; 0 leaves them out."""
    characters: tuple[Annotated[int, Field(ge=1, le=10)], ...] = (3, 5)
    """Shortest and longest character n-gram, within a word and the blanks around it; an empty array leaves them out."""
    vocabulary: Annotated[int, Field(ge=100, le=500_000)] = 40_000
    """N-grams of words, and as many of characters, that are told apart: those of most texts."""
    min_texts: Annotated[int, Field(ge=1)] = 2
    """An n-gram of fewer texts is not told apart from others."""
    dimensions: Annotated[int, Field(ge=0, le=300)] = 32
    """Directions of the truncated SVD; 0 leaves them out, and the score alone is learned from."""
    folds: Annotated[int, Field(ge=2, le=20)] = 10
    """Linear models; each learns without the texts of its fold, a hash of their words, and scores these alone, in
    training and in serving."""
    learn_rows: Annotated[int, Field(ge=100)] = 30_000
    """Texts that vocabulary, directions and scores are learned from at most, drawn at random; every text is scored."""
    max_bytes: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    """Of a text that are read; what is beyond is not."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of samples and of the SVD."""

    @model_validator(mode="after")
    def _something_is_left(self) -> "TextSection":
        if self.characters and (len(self.characters) != 2 or self.characters[0] > self.characters[1]):
            raise ValueError("characters: must be the shortest and the longest length, as [3, 5], or empty")
        if not self.words and not self.characters:
            raise ValueError("words and characters: one of them is needed; set words = 1")
        return self
