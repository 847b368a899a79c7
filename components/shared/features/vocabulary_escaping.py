"""Escapes vocabulary entries, so that a file can have one entry per line; the graph escapes in the same way.

    byte             in the file
    backslash        two backslashes
    line feed        backslash n
    carriage return  backslash r

Every byte string can therefore be an entry, and distinct strings are distinct entries. TensorFlow Transform drops
entries with line breaks (get_vocab_newline_characters_regex), and TensorFlow's line reader drops carriage returns.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_PLAIN = {written: byte for byte, written in _ESCAPES.items()}


def escape_entry(text: bytes) -> bytes:
    """Escapes an entry for the file."""
    return re.sub(rb"[\\\n\r]", lambda found: _ESCAPES[found[0]], text)


def unescape_entry(entry: bytes) -> bytes:
    """Reverses `escaped`."""
    return re.sub(rb"\\[\\nr]", lambda found: _PLAIN[found[0]], entry)


def escaped_tensor(texts: "tf.Tensor") -> "tf.Tensor":
    """Escapes strings of any shape in a graph, like `escaped`."""
    import tensorflow as tf

    for pattern, written in ((r"\\", r"\\\\"), (r"\n", r"\\n"), (r"\r", r"\\r")):
        texts = tf.strings.regex_replace(texts, pattern, written)
    return texts


def has_escapes(entries: Iterable[bytes]) -> bool:
    """Whether any entry is escaped; if none is, no text to look up needs to be escaped either."""
    return any(b"\\" in entry for entry in entries)
