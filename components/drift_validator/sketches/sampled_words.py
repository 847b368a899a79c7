"""A column of texts as one that can be compared: of each text one word, drawn by a hash of the text.

Hardly a text occurs twice, so that texts as categories would all be new. Of a word for each row the distribution is
that of the words, each text counting once however long it is, and the rows stay independent of each other, as the
tests of the distances take for granted.
"""

import re
import zlib
from collections.abc import Sequence

import pyarrow as pa

_WORD = re.compile(r"[^\W\d_]+|\d")
MOST_CHARACTERS = 5_000
NO_WORD = "(no word)"


def with_drawn_words(batch: pa.RecordBatch, texts: Sequence[str]) -> pa.RecordBatch:
    """The batch with a word in place of each text of the columns `texts`: plain columns, or lists of one value."""
    for name in texts:
        at = batch.schema.get_field_index(name)
        if at < 0:
            continue
        column = batch.column(at)
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            cells = [one[0] if one else None for one in column.to_pylist()]
        else:
            cells = column.to_pylist()
        batch = batch.set_column(at, name, pa.array([drawn_word(cell) for cell in cells], pa.large_string()))
    return batch


def drawn_word(text: str | bytes | None) -> str | None:
    """A word in lower case, or a digit, the same for the same text; None where there is no text."""
    if not text:
        return None
    cell = text if isinstance(text, str) else text.decode("utf-8", "replace")
    words = _WORD.findall(cell[:MOST_CHARACTERS])
    if not words:
        return NO_WORD
    return str(words[zlib.crc32(cell.encode("utf-8", "replace")) % len(words)]).lower()
