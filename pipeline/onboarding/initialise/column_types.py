"""What one column is good for, told from its name, type and values alone. Pure."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from components.shared.features.derived_features import AROUND, OUTER
from pipeline.onboarding.initialise.column_values import ENOUGH_ROWS, NEAR_UNIQUE, Values, short

Kind = Literal["categorical", "numeric", "cyclical", "id", "date", "time", "text", "list", "constant", "label"]
FEATURES = ("categorical", "numeric", "cyclical", "text", "date", "time", "list")
"""Kinds that a model can learn from."""
RARELY_THERE = 0.005
"""A column with values in a smaller share of the rows is as good as empty."""
ID_WORDS = frozenset(
    {"id", "uuid", "guid", "key", "index", "idx", "rowid", "rownames", "rownum", "identifier"} | {"pid", "uid"}
)
CODE_WORDS = frozenset(
    {"code", "type", "class", "category", "zip", "zipcode", "postcode", "zone", "area", "region", "tract", "district"}
    | {"cluster", "segment", "group", "route", "flag", "kind", *ID_WORDS}
)
DEGREE_WORDS = frozenset({"dir", "direction", "bearing", "heading", "azimuth", "aspect"})
TIME_WORDS = frozenset({"time", "timestamp", "ts", "date", "datetime", "epoch", "created", "updated"})
LOOKS_DATED = r"^\s*(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2} [A-Za-z]{3,9} \d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{2,4})\b"


@dataclass(frozen=True)
class DraftColumn:
    """One column.

    Attributes:
      name: Its name.
      type: Its type alias, see components/table_reading/schema_inference.py.
      kind: What it is good for.
      missing: Share of rows without a value, 0 to 1.
      distinct: Number of different values.
      note: What a person should know; "" if nothing.
      suspicious: Why it is left out of the features although its kind could be one; "" if it is not.
      period: Of a cyclical column; 0 for others.
      alone: How well it predicts the label on its own, such as "AUC 0.981"; "" where that was not asked.
      score: The same as a number: AUC, accuracy or correlation.
      tells: "label" if it gives the label away, "strong" if it comes near, "missing" if whether it has a value does
        either, "order" if an id is in the order of the label; "" otherwise.
      date_format: How its dates are written, where they are not ISO 8601.
      list_separator: What is between the items of its lists, where they are text.
    """

    name: str
    type: str
    kind: Kind
    missing: float
    distinct: int
    note: str = ""
    suspicious: str = ""
    period: float = 0.0
    alone: str = ""
    score: float = 0.0
    tells: Literal["", "label", "strong", "missing", "order"] = ""
    date_format: str = ""
    list_separator: str = ""

    @property
    def is_feature(self) -> bool:
        """Whether a model is to learn from it."""
        is_unread = self.kind == "date" and self.type == "string"
        return self.kind in FEATURES and not self.suspicious and not is_unread


_DATE = "learned by calendar parts, and by its age where [dataset] time is set; never by the running number"
_LIST = "several values a row: the most frequent have a column each, numbers their mean, least and greatest"


def described(values: Values, kind: Kind, note: str = "", suspicious: str = "", period: float = 0.0) -> DraftColumn:
    """A column of this kind, with what its values say of themselves."""
    missing = 1 - values.known / max(len(values.codes), 1)
    return DraftColumn(values.name, values.type, kind, missing, len(values.distinct), note, suspicious, period)


def column_of(values: Values, rows: int) -> DraftColumn:
    """Kind of one column, from its name, type and values alone."""
    distinct, known = len(values.distinct), values.known
    if known == 0:
        return described(values, "constant", suspicious="has no value in any row")
    if known < RARELY_THERE * len(values.codes):
        return described(values, "constant", suspicious=f"has a value in {known:,} of {len(values.codes):,} rows")
    if values.type.startswith("list:"):
        return described(values, "list", _LIST)
    if distinct == 1 and known == len(values.codes):
        return described(values, "constant", suspicious=f"is {short(values.distinct[0])} in every row")
    if values.type in ("date", "timestamp"):
        return described(values, "date", _DATE)
    if values.type == "time":
        return described(values, "time", "a time of day: cyclical")
    if values.type == "duration":
        return described(values, "numeric", "a duration, in seconds")
    if values.type == "bool":
        return described(values, "categorical")
    return _text_column(values) if values.type == "string" else _number_column(values, rows)


def _text_column(values: Values) -> DraftColumn:
    distinct, known = len(values.distinct), values.known
    texts = pd.Series(values.distinct[:10_000], dtype="object")
    share = distinct / known
    enough = known >= ENOUGH_ROWS
    if texts.str.contains(LOOKS_DATED, regex=True).mean() > 0.95:
        why = "looks like dates in more than one notation, so it is not read as dates; write them alike"
        return described(values, "date", why)
    if enough and (separator := _separator(texts, known)):
        note = f"lists, their items between {separator!r}: {_LIST}"
        found = described(values, "list", note)
        return replace(found, type="list:string", list_separator=separator)
    lengths, spaces = texts.str.len().mean(), texts.str.count(" ").mean()
    if distinct > 50 and share > 0.2 and spaces >= 2.5 and lengths >= 20:
        return described(values, "text", f"{spaces + 1:.0f} words on average; learned by its words and letters")
    unique_code = share == 1 and known == len(values.codes) and _look_like_codes(texts)
    if enough and ((named_id(values) and _names_rows(values)) or unique_code):
        return described(values, "id", "" if share == 1 else f"{known / distinct:.1f} rows for each")
    if enough and distinct > 50 and share > NEAR_UNIQUE and _look_like_texts(texts):
        return described(values, "text", "hardly a value occurs twice; learned by its words and letters")
    if enough and share > NEAR_UNIQUE:
        return described(values, "categorical", suspicious=f"near-unique: {share:.0%} of its values are different")
    decimal = texts.str.fullmatch(r"-?\d{1,3}(?:[.,\s]?\d{3})*,\d+|[$€£]\s?[\d.,]+|[\d.,]+\s?[%$€£]").mean() > 0.95
    return described(values, "categorical", "looks like numbers in a notation of their own" if decimal else "")


def _number_column(values: Values, rows: int) -> DraftColumn:
    distinct, known, words = len(values.distinct), values.known, set(values.words)
    numbers = values.distinct.astype(float)
    low, high = float(numbers.min()), float(numbers.max())
    if not np.all(numbers == np.floor(numbers)):
        degrees = words & DEGREE_WORDS and low >= 0 and high <= 360 and high >= 270
        return described(values, "cyclical", period=360.0) if degrees else described(values, "numeric")
    if period := _period(words, low, high, distinct):
        return described(values, "cyclical", f"repeats every {period:g}", period=period)
    if known >= ENOUGH_ROWS:
        ordered = values.codes[values.codes >= 0]
        counts_rows = (
            known == distinct == len(values.codes)
            and bool(np.all(np.diff(numbers[ordered]) > 0))
            and high - low < 1.1 * rows
        )
        if counts_rows:
            return described(values, "id", "counts the rows")
        if named_id(values) and _names_rows(values):
            return described(values, "id", "" if distinct == known else f"{known / distinct:.1f} rows for each")
        if distinct == known and known >= 1000:
            return described(values, "numeric", suspicious="near-unique: an integer of its own in every row")
        moment = next((unit for unit in (1, 1e3, 1e6, 1e9) if 3e8 * unit <= low and high <= 3e9 * unit), 0)
        if moment and words & TIME_WORDS and values.type == "int64":
            written = {1: "epoch_s", 1e3: "epoch_ms", 1e6: "epoch_us", 1e9: "epoch_ns"}[moment]
            found = described(values, "date", f"read as {written}, numbers since 1970-01-01 UTC; {_DATE}")
            return replace(found, type="timestamp", date_format=written)
        day = (numbers // 100 % 100 <= 12) & (numbers % 100 <= 31) & (numbers % 100 >= 1)
        if low >= 19000101 and high <= 21001231 and np.all(day) and values.type == "int64":
            found = described(values, "date", f"read as %Y%m%d; {_DATE}")
            return replace(found, type="date", date_format="%Y%m%d")
    code = bool(words & CODE_WORDS) or (distinct <= 2 and values.type == "int64")
    # A handful of numbers far apart (101, 205, 999), each of them often: names rather than amounts.
    code = code or (distinct <= 50 and high - low > 20 * distinct and known >= 50 * distinct and low >= 100)
    if code and distinct <= NEAR_UNIQUE * known:
        return described(values, "categorical", "" if distinct <= 2 else "integers taken for codes")
    return described(values, "numeric")


def _separator(texts: "pd.Series[Any]", known: int) -> str:
    """What is between the items of lists in one text; "" where the texts are no lists.

    Lists repeat their items in ever other combinations: far fewer items than texts, and short ones.
    """
    for separator in (";", "|", ","):
        has = texts.str.contains(separator, regex=False)
        if has.mean() < LISTED or len(texts) < MANY_LISTS:
            continue
        bare = texts.str.replace(OUTER, r"\1", regex=True)
        items = bare.str.split(separator, regex=False).explode().str.replace(AROUND, r"\1", regex=True)
        items = items[items != ""]
        numbers = items.str.fullmatch(r"[-+.\d\s%$€]+").mean() > 0.5
        short = items.str.len().mean() <= 20 and items.str.count(" ").mean() <= 1.0
        if short and not numbers and items.nunique() <= 0.5 * len(texts) and items.nunique() <= 0.2 * len(items):
            return separator
    return ""


LISTED, MANY_LISTS = 0.3, 8
"""Share of the different texts that have more than one item, at least; different texts, at least."""


def _period(words: set[str], low: float, high: float, distinct: int) -> float:
    """Period of a column whose name and range both say that it is cyclical, else 0."""
    week = bool(words & {"weekday", "dow", "dayofweek"}) or {"day", "week"} <= words
    year = bool(words & {"yday", "doy", "dayofyear"}) or {"day", "year"} <= words
    rules = (
        (week or "day" in words, low >= 0 and (high <= 6 or (low >= 1 and high <= 7)) and distinct >= 5, 7.0),
        (year, low >= 0 and 180 < high <= 366 and distinct > 50, 365.25),
        ("hour" in words or "hr" in words, low >= 0 and 18 <= high <= 24 and distinct >= 8, 24.0),
        ("minute" in words, low >= 0 and 45 <= high <= 59 and distinct >= 4, 60.0),
        ("month" in words, low >= 0 and 9 <= high <= 12 and distinct >= 6, 12.0),
        (bool(words & DEGREE_WORDS), low >= 0 and 270 <= high <= 360 and distinct >= 8, 360.0),
    )
    return next((period for named, ranged, period in rules if named and ranged), 0.0)


def _look_like_texts(texts: "pd.Series[Any]") -> bool:
    """Whether most are words of letters, in any script, rather than codes: names, titles, short notes."""
    letters = texts.str.count(r"[^\W\d_]")
    return bool((letters >= 3).mean() > 0.8 and (letters >= 0.6 * texts.str.len()).mean() > 0.8)


def _look_like_codes(texts: "pd.Series[Any]") -> bool:
    """Whether texts are codes rather than names: without spaces, with digits or in capitals."""
    codes = texts.str.fullmatch(r"\S*\d\S*").mean() > 0.9
    return bool(codes or texts.str.fullmatch(r"[A-Z0-9_-]+").mean() > 0.9)


def named_id(values: Values) -> bool:
    """Whether its name says that a column names rows: id, row_key, or no name at all."""
    words = values.words
    return not words or words[0] in ID_WORDS | {"unnamed"} or words[-1] in ID_WORDS


def _names_rows(values: Values) -> bool:
    """Whether an id's values stand for a few rows each; store 7 of 20 is a category, visitor 7 of 5,000 is not."""
    distinct = len(values.distinct)
    return distinct >= 0.95 * values.known or (distinct > 50 and distinct >= 0.05 * values.known)
