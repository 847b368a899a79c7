"""Proposes what each column of a table is good for, and what its label asks for. Pure: a table in, a proposal out.

A proposal is a draft for a person to correct, so every decision that could be otherwise carries its reason.
"""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from components.errors import InputError, UsageError
from pipeline.config import Names, Task

Kind = Literal["categorical", "numeric", "cyclical", "id", "date", "text", "list", "constant", "label"]

ENOUGH_ROWS = 20
"""Below that nothing can be said about how many values are different."""
MANY_CLASSES = 20
"""A label of more different integers is a number."""
NEAR_UNIQUE = 0.5
"""A text column with a larger share of different values says next to nothing about rows never seen."""
RARELY_THERE = 0.005
"""A column with values in a smaller share of the rows is as good as empty."""
LEAK_SCORE = 0.99
LEAK_CORRELATION = 0.995
STRONG_SCORE = 0.95
STRONG_CORRELATION = 0.98
"""Worth a look: a column this good on its own may have been filled in when the answer was known."""

ID_WORDS = frozenset({"id", "uuid", "guid", "key", "index", "idx", "rowid", "rownames", "rownum", "identifier"})
CODE_WORDS = frozenset(
    {"code", "type", "class", "category", "zip", "zipcode", "postcode", "zone", "area", "region", "tract", "district"}
    | {"cluster", "segment", "group", "route", "flag", "kind", *ID_WORDS}
)
DEGREE_WORDS = frozenset({"dir", "direction", "bearing", "heading", "azimuth", "aspect"})
TIME_WORDS = frozenset({"time", "timestamp", "ts", "date", "datetime", "epoch", "created", "updated"})
POSITIVE_WORDS = (
    frozenset({"true", "yes", "positive", "pos", "late", "churn", "churned", "default", "fraud", "spam", "malignant"})
    | {"sick", "ill", "disease", "dead", "died", "deceased", "bad", "fail", "failed", "failure", "anomaly", "abnormal"}
    | {"attack", "won", "win", "success", "survived", "canceled", "cancelled", "delayed", "clicked", "bought", "high"}
)
NEGATIVE_WORDS = frozenset(
    {"0", "false", "no", "none", "negative", "neg", "normal", "benign", "ham", "healthy", "good", "ok", "lost"}
) | {"alive", "ontime", "on time", "on_time", "legit", "pass", "passed", "loss", "low"}
POSITIVE_OF = {frozenset(pair): pair[0] for pair in (("1", "-1"), ("1", "0"), ("y", "n"), ("t", "f"), ("m", "b"))}
"""Of two letters or digits, the positive one; on its own "m" says nothing."""
LOOKS_DATED = r"^\s*(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2} [A-Za-z]{3,9} \d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{2,4})\b"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
      name: Its name.
      type: Its type alias, see components/arrow_example_gen/inferring.py.
      kind: What it is good for.
      missing: Share of rows without a value, 0 to 1.
      distinct: Number of different values.
      note: What a person should know; "" if nothing.
      suspicious: Why it is left out of the features although its kind could be one; "" if it is not.
      period: Of a cyclical column; 0 for others.
    """

    name: str
    type: str
    kind: Kind
    missing: float
    distinct: int
    note: str = ""
    suspicious: str = ""
    period: float = 0.0

    @property
    def is_feature(self) -> bool:
        """Whether a model is to learn from it."""
        return self.kind in ("categorical", "numeric", "cyclical") and not self.suspicious


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a table.

    Attributes:
      label: The label column.
      task: What kind of question it asks.
      positive: Of a binary label, the value that counts as 1.
      why: How task and positive class were chosen.
      majority: Share of the most frequent label value.
      spread: Standard deviation of a regression label; 0 for other tasks.
      columns: All columns, in the order of the data.
      id: Columns that name a row.
    """

    label: str
    task: Task
    positive: str | int | None
    why: str
    majority: float
    spread: float
    columns: tuple[Column, ...]
    id: Names

    def of_kind(self, kind: Kind) -> Names:
        """Names of the features of a kind."""
        return tuple(column.name for column in self.columns if column.kind == kind and column.is_feature)


@dataclass(frozen=True)
class _Values:
    """A column's values: `codes` [N], -1 where missing, number them in order of appearance; `distinct` lists them."""

    name: str
    type: str
    codes: np.ndarray
    distinct: np.ndarray

    @property
    def known(self) -> int:
        return int((self.codes >= 0).sum())

    @property
    def numbers(self) -> np.ndarray:
        """float64 [N], NaN where missing."""
        return np.append(self.distinct.astype(float), np.nan)[self.codes]

    @property
    def words(self) -> list[str]:
        """The name's words, in lower case: pickupZip_code -> pickup, zip, code."""
        return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", self.name)]


def propose(
    table: pa.Table, types: Mapping[str, str], label: str, rows: int | None = None, spans: np.ndarray | None = None
) -> Proposal:
    """Proposes kinds, task, ids and what to leave out.

    Args:
      table: Rows (a sample will do), in the order of the data; columns as `types` says.
      types: Column -> type alias.
      label: The label column.
      rows: Rows that the sample was taken from.
      spans: For each row the number of its span, where there are several.

    Raises:
      UsageError: There is no such label column.
      InputError: The label is constant, missing everywhere, or of a kind that cannot be learned; or no feature is left.
    """
    if label not in types:
        near = difflib.get_close_matches(label, types, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        there = ", ".join(name or "(one without a name)" for name in types)
        raise UsageError(f"--label {label}: no such column; {hint}There is: {there[:1000]}")
    values = {name: _values(table[name], name, alias) for name, alias in types.items()}
    task, positive, why = _label(values[label])
    columns = {name: _column(column, rows or table.num_rows) for name, column in values.items() if name != label}
    _leave_out(columns, values, values[label], task, spans)
    shares = np.bincount(values[label].codes[values[label].codes >= 0]) / values[label].known
    note = why if values[label].known == table.num_rows else f"{why}; rows without a label are left out"
    label_column = replace(_described(values[label], "label"), note=note)
    proposal = Proposal(
        label,
        task,
        positive,
        why,
        float(shares.max()),
        float(np.nanstd(values[label].numbers)) if task == "regression" else 0.0,
        tuple(label_column if name == label else columns[name] for name in types),
        _ids(columns, values),
    )
    if not any(column.is_feature for column in proposal.columns):
        reasons = "; ".join(f"{column.name}: {column.suspicious or column.kind}" for column in columns.values())
        raise InputError(f"no column is left to learn from ({reasons or 'the label is the only one'})")
    return proposal


def _values(column: pa.ChunkedArray, name: str, alias: str) -> _Values:
    if alias.startswith("list:"):  # lists are not compared, only counted as there or not
        return _Values(name, alias, np.where(column.is_null().to_numpy(), -1, 0), np.array(["list"]))
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    if alias == "float64" and np.isnan(distinct).any():  # NaN is missing, as everywhere
        kept = np.flatnonzero(~np.isnan(distinct))
        new = np.full(len(distinct) + 1, -1)
        new[kept] = np.arange(len(kept))
        codes, distinct = new[codes], distinct[kept]
    return _Values(name, alias, codes, distinct)


def _described(values: _Values, kind: Kind, note: str = "", suspicious: str = "", period: float = 0.0) -> Column:
    missing = 1 - values.known / max(len(values.codes), 1)
    return Column(values.name, values.type, kind, missing, len(values.distinct), note, suspicious, period)


def _label(label: _Values) -> tuple[Task, str | int | None, str]:
    """Task, positive value and the reason for both."""
    place = f"label column '{label.name}'"
    distinct = label.distinct
    if label.known == 0:
        raise InputError(f"{place}: has no value in any row")
    if len(distinct) == 1:
        raise InputError(
            f"{place}: is {_short(distinct[0])} in every row; a model needs at least two values to learn from"
        )
    if label.type in ("date", "timestamp") or label.type.startswith("list:"):
        raise InputError(f"{place}: is a {label.type}, which is nothing to predict; name another column")
    if len(distinct) == 2:
        positive, why = _positive(label)
        return "binary", positive, why
    if label.type == "string":
        if len(distinct) > NEAR_UNIQUE * label.known and label.known >= ENOUGH_ROWS:
            raise InputError(
                f"{place}: holds {len(distinct):,} different texts in {label.known:,} rows; that is a name, not a class"
            )
        return "multiclass", None, f"{len(distinct)} classes"
    whole = bool(np.all(distinct == np.floor(distinct.astype(float))))
    if whole and len(distinct) <= MANY_CLASSES and label.known >= 5 * len(distinct):
        return (
            "multiclass",
            None,
            f'{len(distinct)} integers, taken for classes; if they are amounts: task = "regression"',
        )
    return "regression", None, "many integers" if whole else "numbers with fractions"


def _positive(label: _Values) -> tuple[str | int | None, str]:
    """Of two values the one that counts as 1: the one whose word says so (`yes_of`), else the rarer.

    Words before counts, since "yes" is what is asked for even where most say yes.
    """
    values: list[Any] = [value.item() if hasattr(value, "item") else value for value in label.distinct]
    if label.type != "string":
        if any(not float(value).is_integer() for value in values):
            raise InputError(f"label column '{label.name}': has two values, {values[0]} and {values[1]}; use integers")
        values = [int(value) for value in values]
    counts = np.bincount(label.codes[label.codes >= 0])
    shares = counts / counts.sum()
    index = yes_of([str(value).strip().lower().rstrip(".") for value in values])
    why = "is the yes by its word"
    if set(values) == {0, 1}:
        return 1, f"0 and 1 ({shares[values.index(1)]:.1%} are 1)"
    if index is None:
        index = 0 if (shares[0], str(values[1])) < (shares[1], str(values[0])) else 1
        why = "is the rarer"
    return values[index], f"of '{values[0]}' and '{values[1]}', '{values[index]}' {why} ({shares[index]:.1%})"


def yes_of(words: Sequence[str]) -> int | None:
    """Which of two words, in lower case, says yes: 0 or 1; None if neither tells."""
    if (letter := POSITIVE_OF.get(frozenset(words))) is not None:
        return words.index(letter)
    yes, no = [word in POSITIVE_WORDS for word in words], [word in NEGATIVE_WORDS for word in words]
    if sum(yes) == 1:
        return yes.index(True)
    if sum(no) == 1:
        return 1 - no.index(True)
    for index, (word, other) in enumerate((words, words[::-1])):
        if re.fullmatch(r"(not|no|non|un|in|never)[ _-]?" + re.escape(word), other) or (word[:1], other[:1]) == (
            ">",
            "<",
        ):
            return index
    return None


def _column(values: _Values, rows: int) -> Column:
    """Kind of one column, from its name, type and values alone."""
    distinct, known = len(values.distinct), values.known
    if known == 0:
        return _described(values, "constant", suspicious="has no value in any row")
    if known < RARELY_THERE * len(values.codes):
        return _described(values, "constant", suspicious=f"has a value in {known:,} of {len(values.codes):,} rows")
    if values.type.startswith("list:"):
        return _described(values, "list", "several values a row, of which features take the first only")
    if distinct == 1 and known == len(values.codes):
        return _described(values, "constant", suspicious=f"is {_short(values.distinct[0])} in every row")
    if values.type in ("date", "timestamp"):
        return _described(values, "date", "time runs on: a model would only see values it never learned")
    if values.type == "bool":
        return _described(values, "categorical")
    return _text_column(values) if values.type == "string" else _number_column(values, rows)


def _text_column(values: _Values) -> Column:
    distinct, known = len(values.distinct), values.known
    texts = pd.Series(values.distinct[:10_000], dtype="object")
    share = distinct / known
    enough = known >= ENOUGH_ROWS
    if texts.str.contains(LOOKS_DATED, regex=True).mean() > 0.95:
        return _described(values, "date", "looks like a date; as YYYY-MM-DD it would be read as one")
    lengths, spaces = texts.str.len().mean(), texts.str.count(" ").mean()
    if distinct > 50 and share > 0.2 and spaces >= 2.5 and lengths >= 20:
        return _described(values, "text", f"{spaces + 1:.0f} words on average; no feature is made of texts")
    unique_code = share == 1 and known == len(values.codes) and _look_like_codes(texts)
    if enough and ((_named_id(values) and _names_rows(values)) or unique_code):
        return _described(values, "id", "" if share == 1 else f"{known / distinct:.1f} rows for each")
    if enough and share > NEAR_UNIQUE:
        return _described(values, "categorical", suspicious=f"near-unique: {share:.0%} of its values are different")
    decimal = texts.str.fullmatch(r"-?\d{1,3}(?:[.,\s]?\d{3})*,\d+|[$€£]\s?[\d.,]+|[\d.,]+\s?[%$€£]").mean() > 0.95
    return _described(values, "categorical", "looks like numbers in a notation of their own" if decimal else "")


def _number_column(values: _Values, rows: int) -> Column:
    distinct, known, words = len(values.distinct), values.known, set(values.words)
    numbers = values.distinct.astype(float)
    low, high = float(numbers.min()), float(numbers.max())
    if not np.all(numbers == np.floor(numbers)):
        degrees = words & DEGREE_WORDS and low >= 0 and high <= 360 and high >= 270
        return _described(values, "cyclical", period=360.0) if degrees else _described(values, "numeric")
    if period := _period(words, low, high, distinct):
        return _described(values, "cyclical", f"repeats every {period:g}", period=period)
    if known >= ENOUGH_ROWS:
        ordered = values.codes[values.codes >= 0]
        counts_rows = (
            known == distinct == len(values.codes)
            and bool(np.all(np.diff(numbers[ordered]) > 0))
            and high - low < 1.1 * rows
        )
        if counts_rows:
            return _described(values, "id", "counts the rows")
        if _named_id(values) and _names_rows(values):
            return _described(values, "id", "" if distinct == known else f"{known / distinct:.1f} rows for each")
        if distinct == known and known >= 1000:
            return _described(values, "numeric", suspicious="near-unique: an integer of its own in every row")
        moment = next((unit for unit in (1, 1e3, 1e6, 1e9) if 3e8 * unit <= low and high <= 3e9 * unit), 0)
        if moment and words & TIME_WORDS:
            return _described(values, "date", "a point in time: a model would only see values it never learned")
        day = (numbers // 100 % 100 <= 12) & (numbers % 100 <= 31) & (numbers % 100 >= 1)
        if low >= 19000101 and high <= 21001231 and np.all(day):
            return _described(values, "date", "looks like a date in the form YYYYMMDD")
    code = bool(words & CODE_WORDS) or (distinct <= 2 and values.type == "int64")
    # A handful of numbers far apart (101, 205, 999), each of them often: names rather than amounts.
    code = code or (distinct <= 50 and high - low > 20 * distinct and known >= 50 * distinct and low >= 100)
    if code and distinct <= NEAR_UNIQUE * known:
        return _described(values, "categorical", "" if distinct <= 2 else "integers taken for codes")
    return _described(values, "numeric")


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


def _look_like_codes(texts: "pd.Series[Any]") -> bool:
    """Whether texts are codes rather than names: without spaces, with digits or in capitals."""
    codes = texts.str.fullmatch(r"\S*\d\S*").mean() > 0.9
    return bool(codes or texts.str.fullmatch(r"[A-Z0-9_-]+").mean() > 0.9)


def _named_id(values: _Values) -> bool:
    words = values.words
    return not words or words[0] in ID_WORDS | {"unnamed"} or words[-1] in ID_WORDS


def _names_rows(values: _Values) -> bool:
    """Whether an id's values stand for a few rows each; store 7 of 20 is a category, visitor 7 of 5,000 is not."""
    distinct = len(values.distinct)
    return distinct >= 0.95 * values.known or (distinct > 50 and distinct >= 0.05 * values.known)


def _ids(columns: Mapping[str, Column], values: Mapping[str, _Values]) -> Names:
    """The id columns.

    A hash of them deals rows to train and eval. Where an id comes back in several rows, it alone is taken, the one of
    most rows each, so that what is known of a visitor in train does not help with the same visitor in eval.
    """
    found = [column for column in columns.values() if column.kind == "id"]
    if not found:
        return ()
    named = [column for column in found if _named_id(values[column.name]) or column.note == "counts the rows"]
    return (min(named or found, key=lambda column: column.distinct).name,)


def _leave_out(
    columns: dict[str, Column], values: Mapping[str, _Values], label: _Values, task: Task, spans: np.ndarray | None
) -> None:
    """Marks features that tell the label, tell the spans apart, or copy another column."""
    seen: dict[bytes, str] = {}
    for name, column in columns.items():
        if not column.is_feature:
            continue
        # Categories in other words are the same categories; numbers in the same order are not the same numbers.
        content = hashlib.sha256(values[name].codes.tobytes())
        if column.kind != "categorical":
            content.update(values[name].distinct.astype(float).tobytes())
        twin = seen.setdefault(content.digest(), name)
        figure, leaks, strong = one_column_score(values[name], label, task)
        reason = f"gives the label away: {figure} on its own" if leaks else _tells_spans(values[name], spans)
        if not reason and twin != name:
            same = np.array_equal(values[twin].distinct, values[name].distinct)
            reason = f"a copy of {twin}" + ("" if same else " in other words")
        note = f"{figure} on its own; is it known when the question is asked?" if strong and not reason else column.note
        columns[name] = replace(column, suspicious=reason, note=note)


def _tells_spans(values: _Values, spans: np.ndarray | None) -> str:
    if spans is None or len(np.unique(spans)) < 3:
        return ""
    groups = pd.Series(values.codes).groupby(spans)
    if (groups.nunique() == 1).all() and groups.first().nunique() > 1:
        return "has one value per span: it tells spans apart, and the next one is new"
    return ""


def one_column_score(values: _Values, label: _Values, task: Task) -> tuple[str, bool, bool]:
    """How well a column on its own predicts the label: the figure, whether it leaks, whether it is at least strong.

    Group means of the label on half of the rows, by value or by up to 100 quantiles, predict the other half.
    """
    known = np.flatnonzero(label.codes >= 0)
    if len(known) < 2 * ENOUGH_ROWS:
        return "", False, False
    known = np.random.default_rng(13).permutation(known)
    train, held = known[: len(known) // 2], known[len(known) // 2 :]
    groups = _groups(values, train)
    if task == "regression":
        target = label.numbers
        means = pd.Series(target[train]).groupby(groups[train]).mean()
        guessed = means.reindex(groups[held]).fillna(target[train].mean()).to_numpy()
        figure = max(_correlation(guessed, target[held]), 0.0)
        if values.type in ("int64", "float64"):
            figure = max(figure, abs(_correlation(values.numbers[held], target[held])))
        return f"correlation {figure:.4f}", figure >= LEAK_CORRELATION, figure >= STRONG_CORRELATION
    if task == "binary":
        target = (label.codes == 1).astype(float)
        prior = target[train].mean()
        of_group = pd.Series(target[train]).groupby(groups[train])
        means = (of_group.sum() + prior) / (of_group.count() + 1)
        figure = auc(means.reindex(groups[held]).fillna(prior).to_numpy(), target[held])
        return f"AUC {figure:.3f}", figure >= LEAK_SCORE, figure >= STRONG_SCORE
    common = int(np.bincount(label.codes[train]).argmax())
    likeliest = pd.crosstab(groups[train], label.codes[train]).idxmax(axis=1).reindex(groups[held]).fillna(common)
    figure = float((likeliest.to_numpy() == label.codes[held]).mean())
    chance = float((label.codes[held] == common).mean())
    tells = 1 - figure <= (1 - chance) / 10  # where one class is 99 %, 99 % is nothing
    return f"accuracy {figure:.3f}", tells and figure >= LEAK_SCORE, tells and figure >= STRONG_SCORE


def _groups(values: _Values, train: np.ndarray) -> np.ndarray:
    """Group of each row: its value, or its quantile where the values are many numbers. -1 is missing."""
    if values.type in ("string", "bool") or len(values.distinct) <= 100:
        return values.codes
    numbers = values.numbers
    bins = int(np.clip(len(train) // 10, 2, 100))
    edges = np.unique(np.nanquantile(numbers[train], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; 0.5 where there are fewer than five rows of a class."""
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if min(ones, zeros) < 5:
        return 0.5
    ranks = pd.Series(scores).rank().to_numpy()
    return float((ranks[positive == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    both = np.isfinite(left) & np.isfinite(right)
    left, right = left[both], right[both]
    if len(left) < ENOUGH_ROWS or left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 30 else text[:27] + "...")
