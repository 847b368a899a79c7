"""Transcodes a stream of any text encoding to UTF-8, block by block."""

import codecs

from components.shared.errors import InputError
from components.table_reading.csv.stream import Readable

BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings; a mark precedes any shorter one that is its prefix."""
UTF8 = "utf-8"
_ALIASES = {"ascii": UTF8, "utf-8-sig": UTF8, "latin-1": "iso8859-1"}


def encoding_name(encoding: str) -> str:
    """Python's canonical name of a text encoding; ASCII becomes UTF-8. LookupError for an unknown encoding."""
    name = codecs.lookup(encoding).name
    if not codecs.lookup(name)._is_text_encoding:
        raise LookupError(f"{encoding} is not a text encoding")
    return _ALIASES.get(name, name)


class Transcoded:
    """Decodes a byte stream and encodes it as UTF-8, without a byte order mark.

    In a single-byte encoding nearly any bytes are legal. If such a file turns out to be valid UTF-8 beyond ASCII, the
    setting is wrong, since real text in those encodings is not valid UTF-8; InputError at the end of the stream.
    """

    def __init__(self, stream: Readable, name: str, encoding: str) -> None:
        self._stream, self._name, self._encoding = stream, name, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        # Multi-byte encodings reject UTF-8 by their own rules, so only single-byte ones need this check.
        self._utf8 = codecs.getincrementaldecoder(UTF8)() if _is_single_byte(encoding) else None
        self._at_start, self._ended, self._beyond_ascii = True, False, False

    def read(self, size: int | None = None) -> bytes:
        """Returns about `size` bytes of UTF-8, empty only at the end.

        Raises:
          InputError: The content is not in the encoding; the message contains the decoder's position.
        """
        if size == 0:
            return b""
        while not self._ended:
            block = self._stream.read(size)
            self._ended = not block
            self._compare(block)
            try:
                text = self._decoder.decode(block, self._ended)
            except UnicodeError as exc:
                raise InputError(f"{self._name}: is not {self._encoding} ({exc})") from exc
            if self._at_start and text:
                text, self._at_start = text.removeprefix("\ufeff"), False
            if text:
                return text.encode(UTF8, "replace")
        return b""

    def _compare(self, block: bytes) -> None:
        """Checks whether the bytes read so far are valid UTF-8; InputError at the end if all are."""
        if self._utf8 is None:
            return
        try:
            self._utf8.decode(block, not block)
        except UnicodeDecodeError:
            self._utf8 = None
            return
        self._beyond_ascii = self._beyond_ascii or not block.isascii()
        if not block and self._beyond_ascii:
            raise InputError(
                f"{self._name}: looks like utf-8, but [data] encoding is {self._encoding}; set [data] encoding or save "
                "it as the others"
            )


def _is_single_byte(encoding: str) -> bool:
    try:
        return len(bytes(range(0x80)).decode(encoding)) == 0x80 and b"\xc3\xa9".decode(encoding, "replace") != "é"
    except UnicodeError:
        return False
