"""Parses inputs of a served model that are sent as text, in TensorFlow: dates, timestamps and lists.

Dates and timestamps are ISO 8601, such as "2013-12-31", "2013-12-31T23:59" or "2013-12-31 23:59:59.5+01:00"; "" is
missing. Times with an offset are converted to UTC, times without one are taken as UTC, as in ingest. A list is one text
with separators between the items. Invalid text fails the request, with the column and the value, because a prediction
from it would be wrong.
"""

import re

import tensorflow as tf

from components.shared.features.calendar_parts import DATE, DAY, MISSING, civil
from components.shared.features.derived_features import AROUND, OUTER

_DIGITS = r"^({n})-({m})-({m})(?:[ T]({m})(?::?({m})(?::?({m})(?:\.({f}))?)?)?".format(
    n=r"\d{4}", m=r"\d\d", f=r"\d{1,9}"
)
_ZONE = r"(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?$"
# A rewrite in RE2 is limited to nine groups, so each pattern captures the groups of one half only.
_OF_DIGITS = _DIGITS + re.sub(r"\((?!\?)", "(?:", _ZONE)
_OF_ZONE = re.sub(r"\((?!\?)", "(?:", _DIGITS) + _ZONE
_YEAR, _MONTH, _DAY, _HOUR, _MINUTE, _SECOND, _FRACTION = range(1, 8)
_SIGN, _OFF_HOURS, _OFF_MINUTES = range(1, 4)


def moments(texts: tf.Tensor, unit: str, name: str) -> tf.Tensor:
    """Parses texts [N] into days or microseconds, int64 [N], see calendar_parts.py; the smallest int64 for "".

    Args:
      texts: ISO 8601.
      unit: Unit of the column.
      name: Name of the column, for the message.
    """
    texts = tf.strings.strip(texts)
    there = texts != ""
    legal = tf.strings.regex_full_match(texts, _OF_DIGITS)
    usable = tf.where(legal, texts, "1970-01-01")

    def part(group: int, pattern: str = _OF_DIGITS) -> tf.Tensor:
        found = tf.strings.regex_replace(usable, pattern, rf"\{group}")
        return tf.strings.to_number(tf.strings.join(["0", found]), tf.int64)

    year, month, day = part(_YEAR), part(_MONTH), part(_DAY)
    hour, minute, second = part(_HOUR), part(_MINUTE), part(_SECOND)
    fraction = tf.strings.join([tf.strings.regex_replace(usable, _OF_DIGITS, rf"\{_FRACTION}"), "000000"])
    micros = tf.strings.to_number(tf.strings.substr(fraction, 0, 6), tf.int64)
    minus = tf.strings.regex_replace(usable, _OF_ZONE, rf"\{_SIGN}") == "-"
    off_minutes = part(_OFF_HOURS, _OF_ZONE) * 60 + part(_OFF_MINUTES, _OF_ZONE)
    offset = tf.where(minus, -off_minutes, off_minutes)

    days = _days(year, month, day)
    found_month, found_day, _ = civil(days, tf.where)
    legal &= (found_month == month) & (found_day == day) & (hour < 24) & (minute < 60) & (second < 60)
    micro = ((hour * 60 + minute - offset) * 60 + second) * 1_000_000 + micros
    if unit == DATE:
        legal &= micro == 0  # a date has no time of day
    wrong = tf.boolean_mask(texts, there & ~legal)
    message = tf.strings.join([f"{name}: '", tf.strings.reduce_join(wrong[:1]), "' is not an ISO 8601 date"])
    with tf.control_dependencies([tf.debugging.Assert(tf.size(wrong) == 0, [message])]):
        return tf.where(there, days if unit == DATE else days * DAY + micro, tf.constant(MISSING, tf.int64))


def _days(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Days since 1970-01-01 of a Gregorian date, int64; an invalid date gives the number of another date."""
    year = tf.where(month <= 2, year - 1, year)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * tf.where(month > 2, month - 3, month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def listed(texts: tf.Tensor, separator: str, dtype: tf.DType) -> tf.SparseTensor:
    """Parses texts [N] into lists of `dtype`; the same rules as time_parsing.listed of ingest."""
    items = tf.strings.split(tf.strings.regex_replace(texts, OUTER, r"\1"), separator)
    items = tf.ragged.map_flat_values(lambda flat: tf.strings.regex_replace(flat, AROUND, r"\1"), items)
    items = tf.ragged.boolean_mask(items, tf.ragged.map_flat_values(lambda flat: flat != "", items))
    if dtype != tf.string:
        items = tf.ragged.map_flat_values(lambda flat: tf.strings.to_number(flat, dtype), items)
    return items.to_sparse()
