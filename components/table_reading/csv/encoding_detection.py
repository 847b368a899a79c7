"""In which encoding a file was written, told from its bytes.

A byte order mark and the zeros of UTF-16 are certain, and so is UTF-8: nothing else happens to be legal UTF-8. What is
left is a guess, by the languages whose letters the bytes would be, which is said and shown.
"""

import codecs
import re
from dataclasses import dataclass

from components.table_reading.csv.stream import Readable
from components.table_reading.csv.transcoding import BOMS, UTF8

BLOCK = 1 << 20
SAMPLE_BYTES = 64 << 10
"""Of lines with bytes beyond ASCII; more tell nothing new."""
MOST_LINES = 1 << 16
"""Lines that are UTF-8; more of them tell nothing new."""
FEW_LINES = 20
MIXED = 0.2
"""Of the lines beyond ASCII; in other encodings some may happen to be UTF-8."""
LESS_USUAL = 0.05
"""How much more other encodings than Windows-1252 have to explain."""
SURE = 0.75
"""A language that explains a smaller share of the letters beyond ASCII is not it."""

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
    "cp850": _WESTERN,  # reads what cp437 writes of letters
    "cp852": _CENTRAL,
    "koi8-r": _CYRILLIC,
    "cp866": _CYRILLIC,
}
"""Encoding -> letters beyond ASCII of languages written in it; the more frequent encoding first."""
_SIGNS = frozenset("€£§°²³µ\u2013—\u2018\u2019“”„…«»¿¡ºª™®©·½¼\u00a0")


@dataclass(frozen=True)
class Guess:
    """An encoding.

    Attributes:
      encoding: Its name.
      certain: Whether the bytes leave no doubt.
      words: Some words that are read with it, of a guess.
      ascii: Whether every encoding that extends ASCII reads the same.
      mixed: Whether some lines are UTF-8 and others are not, so that no encoding reads all.
    """

    encoding: str
    certain: bool = True
    words: tuple[str, ...] = ()
    ascii: bool = False
    mixed: bool = False


@dataclass
class Look:
    """What one pass over a file's bytes showed: its encoding, its first and last bytes, and how many there are."""

    guess: Guess
    head: bytes
    tail: bytes
    size: int


def look_at(stream: Readable, head_bytes: int, tail_bytes: int) -> Look:
    """Reads a stream to its end, in bounded memory; both numbers are multiples of four."""
    head, tail, size = b"", b"", 0
    decoder = codecs.getincrementaldecoder(UTF8)()
    is_utf8, is_ascii, samples = True, True, _Samples()
    while block := stream.read(BLOCK):
        if len(head) < head_bytes:
            head += block[: head_bytes - len(head)]
        size += len(block)
        tail += block
        keep = tail_bytes + size % 4  # so that the tail begins with a character, whatever its width
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
    return Look(_guess(head, samples, is_utf8, is_ascii), head, tail, size)


class _Samples:
    """Lines with bytes beyond ASCII: those that are not UTF-8, and how many there are of either kind."""

    def __init__(self) -> None:
        self.others = bytearray()
        self.odd = self.utf8 = 0

    def add(self, block: bytes) -> None:
        """Takes in lines; the first and last of a block, which may be cut, only where there are no more."""
        if len(self.others) >= SAMPLE_BYTES or self.utf8 >= MOST_LINES:
            return
        lines = [line for line in re.findall(rb"[^\r\n]+[\r\n]*", block) if not line.isascii()]
        for line in lines[1:-1] if len(lines) > FEW_LINES else lines:
            try:
                line.decode(UTF8)
                self.utf8 += 1
            except UnicodeDecodeError:
                self.odd += 1
                self.others += line[: 1 << 12]
            if len(self.others) >= SAMPLE_BYTES or self.utf8 >= MOST_LINES:
                return

    @property
    def are_mixed(self) -> bool:
        """Whether so many lines are UTF-8 that they are not by chance."""
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
    """UTF-16 without a byte order mark, if zeros lie in every second byte; "" otherwise."""
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
    """The encoding of lines that are not UTF-8."""
    scores = {encoding: _score(samples, encoding) for encoding in _LANGUAGES}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] < SURE:
        from charset_normalizer import from_bytes  # needed for few files only

        other = from_bytes(samples).best()
        best = codecs.lookup(other.encoding).name if other is not None else best
    text = samples.decode(best, "replace")
    words = dict.fromkeys(re.findall(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*", text)) or dict.fromkeys(
        re.findall(r"\S*[^\x00-\x7f]\S*", text)
    )
    return Guess(best, False, tuple(word[:20] for word in list(words)[:3]))


def _score(samples: bytes, encoding: str) -> float:
    """Which share of what lies beyond ASCII is as a text in that encoding would have it; may be negative."""
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
            # One word is of one script.
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
        explained[-1] *= 0.9  # Icelandic: most texts with these bytes are Turkish
    union = frozenset().union(*languages)
    together = sum(count for letter, count in letters.items() if letter in union)
    # Few different letters may come from several languages, many hardly do.
    found = max(*explained, together * max(0.0, 1 - 0.02 * len(letters)))
    return (found + signs - odd) / beyond - (0.0 if encoding == "cp1252" else LESS_USUAL)
