"""Examples as columns, in bounded memory, with what the model answers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.error_analysis.binning import Categories, Column
from components.examples import first_values

BATCH = 8192
"""Rows predicted at a time."""


@dataclass(frozen=True)
class _Piece:
    """What is kept of a batch; `chance` are the numbers in [0, 1) that decide which rows stay."""

    texts: dict[str, pa.Array]
    numbers: dict[str, np.ndarray]
    answers: dict[str, np.ndarray]
    places: np.ndarray
    chance: np.ndarray

    def only(self, rows: np.ndarray) -> "_Piece":
        return _Piece(
            {name: cells.filter(pa.array(rows)) for name, cells in self.texts.items()},
            {name: values[rows] for name, values in self.numbers.items()},
            {name: values[rows] for name, values in self.answers.items()},
            self.places[rows],
            self.chance[rows],
        )


@dataclass(frozen=True)
class Kept:
    """Rows of a split.

    Attributes:
      columns: Feature -> its column [N].
      places: Where each row stands in the split, 0-based and rising, [N].
      answers: What was answered, [N] each.
    """

    columns: dict[str, Column]
    places: np.ndarray
    answers: dict[str, np.ndarray]


def keep_rows(
    batches: Iterable[pa.RecordBatch],
    categorical: Sequence[str],
    numeric: Sequence[str],
    most: int,
    seed: int,
    answer: Callable[[pa.RecordBatch], dict[str, np.ndarray]] | None = None,
) -> Kept:
    """Reads a split once; of more than `most` rows a random part, of about half as many to `most`.

    Args:
      batches: Batches of list columns; a feature may be missing from some.
      categorical: Features of texts or integers.
      numeric: Features of numbers.
      most: Rows kept at most.
      seed: Of the drawing.
      answer: Batch -> arrays with a row each; only of rows that are kept so far.
    """
    draw, part, seen = np.random.default_rng(seed), 1.0, 0
    pieces: list[_Piece] = []
    for batch in batches:
        chance = draw.random(batch.num_rows)
        places, before = np.flatnonzero(chance < part), seen
        seen += batch.num_rows
        if not len(places):
            continue
        chosen = batch if part == 1 else batch.take(pa.array(places))
        piece = _Piece(
            {name: _texts(first_values(chosen, name)) for name in categorical},
            {name: _numbers(first_values(chosen, name)) for name in numeric},
            answer(chosen) if answer else {},
            places + before,
            chance[places],
        )
        pieces.append(piece)
        while sum(len(one.places) for one in pieces) > most:
            part /= 2
            pieces = [one.only(one.chance < part) for one in pieces]
    columns: dict[str, Column] = {name: _joined([one.texts[name] for one in pieces]) for name in categorical}
    columns |= {name: _stacked([one.numbers[name] for one in pieces]) for name in numeric}
    answers = {name: _stacked([one.answers[name] for one in pieces]) for name in (pieces[0].answers if pieces else ())}
    return Kept(columns, _stacked([one.places for one in pieces]).astype(np.int64), answers)


def take_rows(batches: Iterable[pa.RecordBatch], places: np.ndarray) -> pa.Table:
    """The rows at these places of a split (0-based, rising), whole."""
    found, seen = [], 0
    for batch in batches:
        here = places[(places >= seen) & (places < seen + batch.num_rows)] - seen
        if len(here):
            found.append(pa.Table.from_batches([batch.take(pa.array(here))]))
        seen += batch.num_rows
    return pa.concat_tables(found, promote_options="permissive")


def _texts(cells: pa.Array) -> pa.Array:
    """As texts, each distinct one read once; what is no UTF-8 is replaced."""
    coded = cells.dictionary_encode() if not pa.types.is_null(cells.type) else pa.nulls(len(cells), pa.string())
    if not isinstance(coded, pa.DictionaryArray):
        return coded
    names = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
             for value in coded.dictionary.to_pylist()]  # fmt: skip
    return pa.array(names, pa.string()).take(coded.indices)


def _numbers(cells: pa.Array) -> np.ndarray:
    if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
        return np.full(len(cells), np.nan)
    found: np.ndarray = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _joined(cells: list[pa.Array]) -> Categories:
    coded = pa.chunked_array(cells, pa.string()).combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Categories(codes.astype(np.int64), tuple(coded.dictionary.to_pylist()))


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0)
