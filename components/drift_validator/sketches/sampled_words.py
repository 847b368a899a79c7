"""Replaces each text by one of its words, sampled by a hash of the text, so that free text can be compared.

Texts are mostly unique, so as categories all of them would be new. With one word per row, the distribution is that of
words, every text has the same weight, and rows stay independent, which the significance tests assume.
"""

import re
import zlib
from collections.abc import Sequence

import pyarrow as pa

_WORD = re.compile(r"[^\W\d_]+|\d")
MAX_CHARACTERS = 5_000
NO_WORD = "(no word)"


def with_sampled_words(batch: pa.RecordBatch, texts: Sequence[str]) -> pa.RecordBatch:
    """Replaces the texts of some columns by sampled words.

    Args:
      batch: The rows.
      texts: Columns of texts or of lists of one text; absent ones are ignored.
    """
    for name in texts:
        at = batch.schema.get_field_index(name)
        if at < 0:
            continue
        column = batch.column(at)
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            cells = [one[0] if one else None for one in column.to_pylist()]
        else:
            cells = column.to_pylist()
        batch = batch.set_column(at, name, pa.array([sampled_word(cell) for cell in cells], pa.large_string()))
    return batch


def sampled_word(text: str | bytes | None) -> str | None:
    """Samples a word of a text, deterministically.

    Args:
      text: The text; UTF-8 if bytes.

    Returns:
      A word in lower case or a digit; NO_WORD if there is none; None for a missing or empty text.
    """
    if not text:
        return None
    cell = text if isinstance(text, str) else text.decode("utf-8", "replace")
    words = _WORD.findall(cell[:MAX_CHARACTERS])
    if not words:
        return NO_WORD
    return str(words[zlib.crc32(cell.encode("utf-8", "replace")) % len(words)]).lower()
