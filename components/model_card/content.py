"""Sections, paragraphs, lists and tables of a model card, as data that every format renders."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CardText:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class CardItems:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class CardTable:
    """Cells as text; the first column names the row, the others hold numbers unless `words`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: bool = False


@dataclass(frozen=True)
class CardSection:
    """A heading and its content."""

    title: str
    blocks: tuple[CardText | CardItems | CardTable, ...]


@dataclass(frozen=True)
class PushedVersion:
    """The push of a model: version, time (UTC, ISO 8601), run, and the version's folder or URL."""

    version: int
    created: str
    run_id: str
    location: str


@dataclass(frozen=True)
class ModelCard:
    """A model card."""

    title: str
    lead: str
    sections: tuple[CardSection, ...]
