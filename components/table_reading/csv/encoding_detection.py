"""Detects the encoding of a file from its bytes.

A byte order mark, the zero bytes of UTF-16 and valid UTF-8 identify an encoding with certainty. Single-byte encodings
are guessed: each is scored by how well the decoded letters match the alphabets of its languages. A guess is marked as
such and shown to the user with sample words.
"""

import codecs
import re
from dataclasses import dataclass

from components.table_reading.csv.stream import Readable
from components.table_reading.csv.transcoding import BOMS, UTF8

BLOCK = 1 << 20
SAMPLE_BYTES = 64 << 10
"""Maximum bytes of sampled lines that are not UTF-8."""
MAX_LINES = 1 << 16
"""Number of non-ASCII UTF-8 lines after which sampling stops."""
FEW_LINES = 20
"""Up to this many non-ASCII lines per block, the first and the last, which may be cut, are sampled, too."""
MIXED = 0.2
"""Share of UTF-8 lines among non-ASCII lines above which a file is mixed; fewer can be valid UTF-8 by chance."""
LESS_USUAL = 0.05
"""Score that encodings other than Windows-1252, the most frequent one, lose."""
SURE = 0.75
"""Score below which no encoding of _LANGUAGES is accepted and charset-normalizer decides."""

_WESTERN = (
    "àâæçèéêëîïôœùûüÿ", "äöüß", "áéíñóúü", "àáâãçéêíóôõú", "àèéìíòóù", "åäöé", "æøåéö", "éëïóöü", "áðéíóúýþæö",
)  # fmt: skip
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ")
_CYRILLIC = ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя")
_LANGUAGES = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1251": _CYRILLIC,
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",),
    "cp1254": ("çğıöşüâîİ",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "cp1256": ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",),
    "iso8859-2": _CENTRAL,
    "iso8859-15": _WESTERN,
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,  # has the letters of cp437 at the same code points
    "cp852": _CENTRAL,
    "koi8-r": _CYRILLIC,
    "cp866": _CYRILLIC,
}
"""Encoding -> non-ASCII letters of its languages, one text per language; more frequent encodings first."""
_SIGNS = frozenset("€£§°²³µ\u2013—\u2018\u2019“”„…«»¿¡ºª™®©·½¼\u00a0")


@dataclass(frozen=True)
class Guess:
    """A detected encoding.

    Attributes:
      encoding: Python's name of the encoding.
      certain: Whether the bytes identify the encoding; false for a guess.
      words: For a guess, up to three words decoded with it.
      ascii: Whether all bytes are ASCII, so that all encodings that extend ASCII give the same text.
      mixed: Whether some lines are UTF-8 and others are not, so that no encoding decodes all.
    """

    encoding: str
    certain: bool = True
    words: tuple[str, ...] = ()
    ascii: bool = False
    mixed: bool = False


@dataclass
class FileBytes:
    """The result of one pass over a file.

    Attributes:
      guess: The detected encoding.
      head: First bytes.
      tail: Last bytes.
      size: Number of bytes.
    """

    guess: Guess
    head: bytes
    tail: bytes
    size: int


def look_at(stream: Readable, head_bytes: int, tail_bytes: int) -> FileBytes:
    """Reads a stream to its end, in bounded memory, and detects its encoding.

    Args:
      stream: The uncompressed bytes of a file.
      head_bytes: Size of FileBytes.head, a multiple of four.
      tail_bytes: Approximate size of FileBytes.tail, a multiple of four.
    """
    head, tail, size = b"", b"", 0
    decoder = codecs.getincrementaldecoder(UTF8)()
    is_utf8, is_ascii, samples = True, True, _Samples()
    while block := stream.read(BLOCK):
        if len(head) < head_bytes:
            head += block[: head_bytes - len(head)]
        size += len(block)
        tail += block
        keep = tail_bytes + size % 4  # the tail starts at a multiple of four, a character boundary in UTF-16 and UTF-32
        tail = tail[-keep:]
        if block.isascii():
            continue
        is_ascii = False
        if is_utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
        samples.add(block)
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        is_utf8 = False
    return FileBytes(_guess(head, samples, is_utf8, is_ascii), head, tail, size)


class _Samples:
    """Samples the non-ASCII lines of a file: keeps those that are not UTF-8 and counts both kinds."""

    def __init__(self) -> None:
        self.others = bytearray()
        self.odd = self.utf8 = 0

    def add(self, block: bytes) -> None:
        """Adds the lines of a block; the first and last, which may be cut, only if there are at most FEW_LINES."""
        if len(self.others) >= SAMPLE_BYTES or self.utf8 >= MAX_LINES:
            return
        lines = [line for line in re.findall(rb"[^\r\n]+[\r\n]*", block) if not line.isascii()]
        for line in lines[1:-1] if len(lines) > FEW_LINES else lines:
            try:
                line.decode(UTF8)
                self.utf8 += 1
            except UnicodeDecodeError:
                self.odd += 1
                self.others += line[: 1 << 12]
            if len(self.others) >= SAMPLE_BYTES or self.utf8 >= MAX_LINES:
                return

    @property
    def are_mixed(self) -> bool:
        """Whether more lines are valid UTF-8 than by chance."""
        return self.utf8 > MIXED * (self.utf8 + self.odd)


def _guess(head: bytes, samples: _Samples, is_utf8: bool, is_ascii: bool) -> Guess:
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return Guess(encoding)
    if wide := _zeros(head):
        return Guess(wide)
    if is_utf8:
        return Guess(UTF8, ascii=is_ascii)
    found = guess_bytes(bytes(samples.others))
    return Guess(UTF8, False, found.words, mixed=True) if samples.are_mixed else found


def _zeros(head: bytes) -> str:
    """Detects UTF-16 without a byte order mark by zeros in every second byte; "" if it is not."""
    if b"\0" not in head:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    breaks = head.count(b"\n")
    for encoding, high, low, line_feed in (("utf-16-le", odd, even, b"\n\0"), ("utf-16-be", even, odd, b"\0\n")):
        if high >= max(2, 20 * low) and 0 < 0.9 * breaks <= head.count(line_feed):
            try:
                codecs.getincrementaldecoder(encoding)().decode(head)
            except UnicodeDecodeError:
                continue
            return encoding
    return ""


def guess_bytes(samples: bytes) -> Guess:
    """Guesses the encoding of lines that are not UTF-8."""
    scores = {encoding: _score(samples, encoding) for encoding in _LANGUAGES}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] < SURE:
        from charset_normalizer import from_bytes  # slow import, rarely needed

        other = from_bytes(samples).best()
        best = codecs.lookup(other.encoding).name if other is not None else best
    text = samples.decode(best, "replace")
    words = dict.fromkeys(re.findall(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*", text)) or dict.fromkeys(
        re.findall(r"\S*[^\x00-\x7f]\S*", text)
    )
    return Guess(best, False, tuple(word[:20] for word in list(words)[:3]))


def _score(samples: bytes, encoding: str) -> float:
    """Score of an encoding: plausible minus implausible non-ASCII characters, as a share of all; at most 1.

    Plausible are letters of one language of the encoding, and typographic signs. Implausible are other characters,
    capitals and signs inside words, and words of mixed scripts; the score may be negative.
    """
    text = samples.decode(encoding, "replace")
    if not text:
        return 0.0
    before = " " + text[:-1]
    after = text[1:] + " "
    odd, signs = 0.0, 0
    letters: dict[str, int] = {}
    for left, one, right in zip(before, text, after, strict=True):
        if one < "\x80":
            if one.isupper() and left >= "\x80" and left.islower() and left not in _SIGNS:
                odd += 1
            continue
        if one in _SIGNS:
            signs += 1
            inside = left.isalpha() and right.isalpha() and one not in "\u2019·ºª"
            odd += 2 * (inside or (one in "£€§¼½" and (left.isalpha() or right.isalpha())))
        elif one.isalpha():
            small = one if one == "İ" else one.lower()
            letters[small] = letters.get(small, 0) + 1
            # Latin letters beside Greek, Cyrillic, Hebrew or Arabic ones are implausible.
            odd += one >= "\u0370" and any("a" <= beside.lower() <= "z" for beside in (left, right))
            odd += one.isupper() and (left.islower() or (left.isupper() and right.islower()))
        else:
            odd += 2
    beyond = sum(letters.values()) + signs + odd
    if not beyond:
        return 0.0
    languages = [frozenset(language) for language in _LANGUAGES[encoding]]
    explained: list[float] = [sum(count for letter, count in letters.items() if letter in one) for one in languages]
    if encoding == "cp1252":
        explained[-1] *= 0.9  # Icelandic letters have the code points of Turkish ones in cp1254, which is more frequent
    union = frozenset().union(*languages)
    together = sum(count for letter, count in letters.items() if letter in union)
    # Allow for text in several languages, with a penalty that grows with the number of different letters.
    found = max(*explained, together * max(0.0, 1 - 0.02 * len(letters)))
    return (found + signs - odd) / beyond - (0.0 if encoding == "cp1252" else LESS_USUAL)
