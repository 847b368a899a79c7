"""Vocabulary entries, one a line of a file: what would end a line is escaped, in the file and in the graph alike.

    byte             in the file
    backslash        two backslashes
    line feed        backslash n
    carriage return  backslash r

So every byte string is an entry, and different ones are different entries. TensorFlow Transform drops what holds a line
break (get_vocab_newline_characters_regex), and TensorFlow's reader of lines drops carriage returns.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_PLAIN = {written: byte for byte, written in _ESCAPES.items()}


def escaped(text: bytes) -> bytes:
    """An entry as the file holds it."""
    return re.sub(rb"[\\\n\r]", lambda found: _ESCAPES[found[0]], text)


def unescaped(entry: bytes) -> bytes:
    """What `escaped` was given."""
    return re.sub(rb"\\[\\nr]", lambda found: _PLAIN[found[0]], entry)


def escaped_tensor(texts: "tf.Tensor") -> "tf.Tensor":
    """The same in a graph, for strings of any shape."""
    import tensorflow as tf

    for pattern, written in ((r"\\", r"\\\\"), (r"\n", r"\\n"), (r"\r", r"\\r")):
        texts = tf.strings.regex_replace(texts, pattern, written)
    return texts


def has_escapes(entries: Iterable[bytes]) -> bool:
    """Whether an entry is escaped. Where none is, no text that needs it can be found, and none has to be escaped."""
    return any(b"\\" in entry for entry in entries)
