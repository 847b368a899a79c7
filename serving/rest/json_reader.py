"""Reads the body of a request: one JSON object.

orjson reads most bodies. What it refuses is read again by Python's json module, which is slower and accepts the tokens
NaN, Infinity and -Infinity, as TF Serving does (util/json_tensor.cc, ParseJson: kParseNanAndInfFlag).

Stricter than TF Serving, because a guess about a broken request would be a wrong prediction: text after the object
(kParseStopWhenDoneFlag ignores it), strings that are not UTF-8, and keys that an object has twice get a 400. So do the
tokens Inf and -NaN, and bodies nested deeper than the parsers read, about 1,000, also in keys that the API ignores.
"""

import json
import math
import re
from collections import Counter
from typing import Any

import orjson

from serving.errors import invalid
from serving.rest.json_writer import dumps

_SHOWN = 256
"""Bytes of a value in a message, as in TF Serving (kMaxJsonDebugStringBytes)."""
_LONGEST_INTEGER = len(str(-(2**63)))
_TOO_DEEP = "JSON Parse error: lists and objects are nested too deep"
_LARGE = re.compile(r"[0-9](?:[eE]\+?[0-9]{2}|[0-9]{18})")
"""What a number beyond float64 or 64 bits needs: an exponent of two digits, or 19 digits in a row."""


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the object in `body`. Integers of up to 64 bits are int, other numbers float.

    Raises:
      ServingError: 400: the body is empty, not JSON, not UTF-8, not an object, nested too deep, has a number beyond
        float64, or an object with the same key twice.
    """
    try:
        document = orjson.loads(body)
    except ValueError:
        document = _read_tokens(body)
    if type(document) is not dict:
        raise invalid(f"JSON Value: {shown(document)} Is not object")
    if _may_repeat_keys(body, document):
        _refuse_repeated_keys(body)
    return document


def shown(value: Any) -> str:
    """Returns a value as JSON for a message, cut after 256 bytes."""
    try:
        text = dumps(value)
    except TypeError:  # nested deeper than orjson writes
        text = b"(deeply nested)"
    return text.decode() if len(text) <= _SHOWN else text[:_SHOWN].decode(errors="ignore") + "..."


def _refuse_repeated_keys(body: bytes) -> None:
    try:
        json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=str, parse_float=str)
    except RecursionError:
        raise invalid(_TOO_DEEP) from None


def _may_repeat_keys(body: bytes, document: dict[str, Any]) -> bool:
    """Whether an object has a key twice, of which both parsers keep the last; True also if that is not clear.

    Each member has one colon. If the body has as many colons as the document has members, none was dropped.
    """
    colons = body.count(b":")
    if colons == _members(document):
        return False
    return b"\\" in body or colons != _members_and_colons(document)


def _members(document: dict[str, Any]) -> int:
    """Members of the object, of the objects in it, and of those in its lists of objects."""
    count = len(document)
    for value in document.values():
        if type(value) is dict:
            count += len(value)
        elif type(value) is list and value and set(map(type, value)) == {dict}:
            count += sum(map(len, value))
    return count


def _members_and_colons(document: Any) -> int:
    """Members of all objects, and colons in all strings."""
    count, left = 0, [document]
    while left:
        value = left.pop()
        if type(value) is str:
            count += value.count(":")
        elif type(value) is list:
            left.extend(value)
        elif type(value) is dict:
            count += len(value)
            left.extend(value)
            left.extend(value.values())
    return count


def _read_tokens(body: bytes) -> Any:
    """Reads a body with the tokens NaN, Infinity and -Infinity, or says what is wrong with it."""
    try:
        text = body.decode("utf-8-sig")  # TF Serving skips a byte order mark, too: EncodedInputStream
    except UnicodeDecodeError as exc:
        raise invalid(f"JSON Parse error: the body is not UTF-8 at offset: {exc.start}") from exc
    if not text.strip():
        raise invalid("JSON Parse error: The document is empty")
    try:
        if _LARGE.search(text):
            document = json.loads(text, parse_float=_number, parse_int=_integer)
        else:
            document = json.loads(text)
        if "\\u" in text:
            _refuse_surrogates(document)
    except json.JSONDecodeError as exc:
        raise invalid(f"JSON Parse error: {exc.msg} at offset: {exc.pos}") from exc
    except RecursionError:  # the parser's own bound, near 1,000; its error before it harms the stack
        raise invalid(_TOO_DEEP) from None
    except UnicodeEncodeError as exc:
        raise invalid("JSON Parse error: a \\u escape is half of a surrogate pair") from exc
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise invalid(f"JSON Parse error: an object has the key {shown(twice)} twice")
    return members


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise invalid(f"JSON Parse error: Number too big to be stored in double: {text[:40]}")
    return number


def _integer(text: str) -> int | float:
    """An integer of more than 64 bits is read as a float, as by orjson and TF Serving's parser."""
    if len(text) <= _LONGEST_INTEGER and -(2**63) <= (number := int(text)) < 2**64:
        return number
    return _number(text)


def _refuse_surrogates(document: Any) -> None:
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, dict):
            left.extend((*value, *value.values()))
