"""Infers the kind of a column (numeric, categorical, id, ...) from its name, type and values. Pure."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from components.shared.features.derived_features import AROUND, OUTER
from components.shared.images.decoding import SUFFIXES
from components.table_reading.column_types import IMAGE
from components.table_reading.formats.image_folders import FILE_COLUMN
from pipeline.onboarding.initialise.column_values import ENOUGH_ROWS, NEAR_UNIQUE, Values, short

Kind = Literal["categorical", "numeric", "cyclical", "id", "date", "time", "text", "image", "list", "constant", "label"]
FEATURES = ("categorical", "numeric", "cyclical", "text", "image", "date", "time", "list")
"""Kinds of columns that become features."""
RARELY_THERE = 0.005
"""A column with values in a smaller share of the rows counts as empty."""
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
    """The proposal for one column.

    Attributes:
      name: Name of the column.
      type: Type alias, see components/table_reading/schema_inference.py.
      kind: Role of the column.
      missing: Share of rows without a value, in [0, 1].
      distinct: Number of distinct values.
      note: Remark for the user; "" if there is none.
      suspicious: Why a column of a feature kind is not proposed as a feature; "" if it is.
      period: Period of a cyclical column; 0 for others.
      alone: Score of the column as the only predictor of the label, such as "AUC 0.981"; "" if not computed.
      score: The same score as a number: AUC, accuracy or correlation.
      tells: Kind of suspected leakage: "label" (leaks the label), "strong" (strong predictor), "missing" (the presence
        of a value predicts the label), "order" (an id sorted by the label); "" for none.
      date_format: Format of dates that are not ISO 8601.
      list_separator: Separator of list items in text columns.
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
        """Whether the column is proposed as a feature."""
        is_unread = self.kind == "date" and self.type == "string"
        return self.kind in FEATURES and not self.suspicious and not is_unread


_DATE = "becomes calendar parts, and an age if [dataset] time is set; the timestamp itself is not a feature"
_IMAGE = "decoded and encoded in the model; brightness, contrast and other statistics become columns"
_LIST = "becomes one column per frequent item; numbers become mean, minimum and maximum"


def described(values: Values, kind: Kind, note: str = "", suspicious: str = "", period: float = 0.0) -> DraftColumn:
    """Returns a column of a given kind with the counts of its values.

    Args:
      values: The column's values.
      kind: Role of the column.
      note: Remark for the user.
      suspicious: Why the column is not proposed as a feature; "" if it is.
      period: Period of a cyclical column.
    """
    missing = 1 - values.known / max(len(values.codes), 1)
    return DraftColumn(values.name, values.type, kind, missing, len(values.distinct), note, suspicious, period)


def column_of(values: Values, rows: int) -> DraftColumn:
    """Infers the kind of a column.

    Args:
      values: The column's values in the sample.
      rows: Number of rows of the whole table.
    """
    distinct, known = len(values.distinct), values.known
    if known == 0:
        return described(values, "constant", suspicious="has no value in any row")
    if known < RARELY_THERE * len(values.codes):
        return described(values, "constant", suspicious=f"has a value in {known:,} of {len(values.codes):,} rows")
    if values.type.startswith("list:"):
        return described(values, "list", _LIST)
    if values.type == IMAGE:
        return described(values, "image", _IMAGE)
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
    if texts.str.lower().str.endswith(SUFFIXES).mean() > 0.95:
        if values.name == FILE_COLUMN and distinct == known:
            return described(values, "id", "path of the image file")
        return replace(described(values, "image", f"paths of image files; {_IMAGE}"), type=IMAGE)
    share = distinct / known
    enough = known >= ENOUGH_ROWS
    if texts.str.contains(LOOKS_DATED, regex=True).mean() > 0.95:
        why = "looks like dates in several formats, so it is not read as dates; use one format"
        return described(values, "date", why)
    if enough and (separator := _separator(texts, known)):
        note = f"lists with separator {separator!r}; {_LIST}"
        found = described(values, "list", note)
        return replace(found, type="list:string", list_separator=separator)
    lengths, spaces = texts.str.len().mean(), texts.str.count(" ").mean()
    if distinct > 50 and share > 0.2 and spaces >= 2.5 and lengths >= 20:
        return described(values, "text", f"{spaces + 1:.0f} words on average; encoded by word and character n-grams")
    unique_code = share == 1 and known == len(values.codes) and _look_like_codes(texts)
    if enough and ((named_id(values) and _names_rows(values)) or unique_code):
        return described(values, "id", "" if share == 1 else f"{known / distinct:.1f} rows per value")
    if enough and distinct > 50 and share > NEAR_UNIQUE and _look_like_texts(texts):
        return described(values, "text", "almost all values are distinct; encoded by word and character n-grams")
    if enough and share > NEAR_UNIQUE:
        return described(values, "categorical", suspicious=f"near-unique: {share:.0%} of its values are distinct")
    decimal = texts.str.fullmatch(r"-?\d{1,3}(?:[.,\s]?\d{3})*,\d+|[$€£]\s?[\d.,]+|[\d.,]+\s?[%$€£]").mean() > 0.95
    return described(
        values,
        "categorical",
        "looks numeric, with a currency sign, percent sign or other decimal mark" if decimal else "",
    )


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
            return described(values, "id", "row number")
        if named_id(values) and _names_rows(values):
            return described(values, "id", "" if distinct == known else f"{known / distinct:.1f} rows per value")
        if distinct == known and known >= 1000:
            return described(values, "numeric", suspicious="near-unique: a distinct integer in every row")
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
    # A few frequent integers far apart (101, 205, 999) are codes rather than quantities.
    code = code or (distinct <= 50 and high - low > 20 * distinct and known >= 50 * distinct and low >= 100)
    if code and distinct <= NEAR_UNIQUE * known:
        return described(values, "categorical", "" if distinct <= 2 else "integers interpreted as codes")
    return described(values, "numeric")


def _separator(texts: "pd.Series[Any]", known: int) -> str:
    """The separator of list items; "" if the texts are not lists.

    Lists combine a few short items in many ways: there are far fewer distinct items than distinct texts.
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
"""Minimum share of the distinct texts with more than one item; minimum number of distinct texts."""


def _period(words: set[str], low: float, high: float, distinct: int) -> float:
    """Period of a column whose name and range both match a cyclical quantity, else 0."""
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
    """Whether most texts consist of words (names, titles, short notes), in any script, rather than codes."""
    letters = texts.str.count(r"[^\W\d_]")
    return bool((letters >= 3).mean() > 0.8 and (letters >= 0.6 * texts.str.len()).mean() > 0.8)


def _look_like_codes(texts: "pd.Series[Any]") -> bool:
    """Whether texts are codes: without spaces, and with digits or in capitals."""
    codes = texts.str.fullmatch(r"\S*\d\S*").mean() > 0.9
    return bool(codes or texts.str.fullmatch(r"[A-Z0-9_-]+").mean() > 0.9)


def named_id(values: Values) -> bool:
    """Returns whether the name is that of an identifier: id, row_key, or an empty name."""
    words = values.words
    return not words or words[0] in ID_WORDS | {"unnamed"} or words[-1] in ID_WORDS


def _names_rows(values: Values) -> bool:
    """Whether each value occurs in few rows: a column of 5,000 visitors is an id, one of 20 stores a category."""
    distinct = len(values.distinct)
    return distinct >= 0.95 * values.known or (distinct > 50 and distinct >= 0.05 * values.known)
