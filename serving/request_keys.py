"""Ids, keys and event times of requests, and options in their query."""

from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

from components.shared.iso_times import time_of_iso
from serving.errors import invalid
from serving.rest.json_reader import read_object

LONGEST_ID = 128
MAX_FEATURES = 1000


def is_request_id(given: str) -> str:
    """Returns a client's request id; raises ServingError, 400, for one that cannot be logged and sent back."""
    if not given.isascii() or not given.isprintable() or not 0 < len(given) <= LONGEST_ID:
        raise invalid(f"X-Request-Id: must have 1 to {LONGEST_ID} printable ASCII characters")
    return given


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def event_time(header: str, given: str) -> int:
    """Returns the time that a client's header gives: microseconds since 1970-01-01 UTC.

    Args:
      header: Name of the header, for the message.
      given: ISO 8601 (a time without offset is UTC), or microseconds since 1970-01-01 UTC.

    Raises:
      ServingError: 400: something else, or a year before 1 or after 9999.
    """
    try:
        if given.isascii() and given.lstrip("-").isdigit():
            moment = _EPOCH + timedelta(microseconds=int(given))
        else:
            moment = time_of_iso(given)
            moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise invalid(
            f"{header}: {given[:40]!r} is no time; send ISO 8601 such as 2026-11-29T12:00:00Z, or microseconds since "
            "1970-01-01 UTC"
        ) from None


def explained_features(query: str) -> int:
    """Returns K of `explain=K` in a query; 0 without it; raises ServingError, 400, for another value."""
    values = parse_qs(query).get("explain") if "explain" in query else None
    if values is None:
        return 0
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= MAX_FEATURES):
        raise invalid(f"explain={text[:20]}: must be a number of features, from 1 to {MAX_FEATURES}")
    return int(text)


def input_value(body: bytes, name: str) -> str | None:
    """Returns the value of an input in the first row of a predict request, as text; None if it has none.

    Raises:
      ServingError: 400: the body is not JSON.
    """
    document = read_object(body)
    rows, columns = document.get("instances"), document.get("inputs")
    value = rows[0].get(name) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    if value is None and isinstance(columns, dict):
        value = columns.get(name)
        value = value[0] if isinstance(value, list) and value else value
    return None if value is None or isinstance(value, list | dict) else str(value)
