"""Decides the number notations of a table from the counts of all values, and formats remarks on them for the user."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.number_formats import decide
from components.table_reading.cells.number_notation import MARKS, NumberNotation, normal
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.cells.units import CURRENCIES
from components.table_reading.read_options import ReadOptions, TypeCandidates, count_type_candidates

MIXED = 0.5
"""Share of numbers in a text column from which on there is a remark."""
MAX_TRIED = 2_000
"""Maximum number of distinct values that are parsed one by one to find examples."""
_LIKE_NUMBER = r"^[^\pL]{0,3}\pL{0,3}[^\pL0-9]{0,2}[0-9][0-9.,' _]*([eE][+-]?[0-9]+)?[^0-9]{0,13}$"


def find_notations(forms: Mapping[str, TypeCandidates], options: ReadOptions) -> ReadOptions:
    """Detects the number notations of all columns.

    Args:
      forms: Column -> counts; the field `notation` is set in place.
      options: Read options.

    Returns:
      The options with the detected `decimal`, `thousands` and `numbers`.
    """
    columns = {
        name: column
        for name, counted in forms.items()
        if not counted.torn and (column := counted.without(tuple(counted.markers)).number_column()) is not None
    }
    table, own = decide(columns, options.delimiter)
    numbers = {name: notation for name, notation in own.items() if notation is not None}
    options = replace(options, decimal=table.decimal, thousands=table.thousands, numbers=numbers)
    for name in columns.keys() - {name for name, notation in own.items() if notation is None}:
        forms[name].notation = options.notation_of(name)
    return options


def apply_notations(forms: Mapping[str, TypeCandidates], options: ReadOptions) -> ReadOptions:
    """Applies the configured number notations instead of detecting them.

    Args:
      forms: Column -> counts; the field `notation` is set in place if all numbers of the column fit its notation.
      options: Read options with the notations.

    Returns:
      `options`, unchanged.
    """
    for name, counted in forms.items():
        notation = options.notation_of(name)
        column = counted.without(tuple(counted.markers)).number_column() if notation is not None else None
        if notation is not None and column is not None:
            fits = (notation.decimal, notation.thousands) in column.legal
            known = {*column.forms.before, *column.forms.behind} <= notation.units.keys()
            counted.notation = notation if fits and known else None
    return options


def notes_on_numbers(
    forms: Mapping[str, TypeCandidates],
    types: Mapping[str, str],
    options: ReadOptions,
    sample: Sequence[pa.RecordBatch],
) -> dict[str, str]:
    """Formats remarks on columns of numbers: the detected notation, or the number of words with up to three examples.

    Args:
      forms: Column -> counts.
      types: Column -> inferred type alias.
      options: Read options with the decided notations.
      sample: Sampled rows, as strings, from which examples are taken.

    Returns:
      Column -> remark for the user.
    """
    notes = {}
    for name, counted in forms.items():
        if types[name] in ("int64", "float64") and counted.notation is not None:
            column = counted.number_column()
            shaped = bool(counted.numbers.rows or counted.numbers.plus or counted.numbers.plus_fractions)
            if column is None or not (shaped or column.is_ambiguous):
                continue
            doubts = _doubts(counted, counted.notation)
            notes[name] = "; ".join([_how(name, counted.notation, sample, column.is_ambiguous), *doubts])
        elif types[name] == "float64" and counted.numbers.points and counted.counts["float"] == counted.numbers.points:
            notes[name] = "every value has three decimals; if a point parts the thousands, set [data.numbers]"
        elif types[name] == "string" and (rest := counted.without(options.missing)).number_rows:
            values = sum(rest.counts.values())
            if (words := values - rest.number_rows) == 0:
                notes[name] = "numbers in several notations or units, which have no common meaning"
            elif rest.number_rows >= MIXED * values:
                found = ", ".join(_words(name, sample, options))
                examples = f": {found}" if found else " (none of them in the sample)"
                notes[name] = (
                    f"numbers in {rest.number_rows:,} rows and other text in {words:,}{examples}; if these mean no "
                    "value, add them to [data] missing"
                )
    return notes


def _doubts(counted: TypeCandidates, notation: NumberNotation) -> list[str]:
    """Remarks on ambiguous units: numbers with and without a unit, and the suffix B."""
    found = []
    before, behind = counted.numbers.before, counted.numbers.behind
    with_one = max(sum(before.values()), sum(behind.values()))
    bare = counted.number_rows - with_one
    same = [unit for unit in (*before, *behind) if notation.units.get(unit) == 1]
    if with_one and bare > 0 and same:
        unit = "%" if "%" in same else same[0]
        found.append(
            f"{with_one:,} values have a unit and {bare:,} have none, and all are read as one measure: check it"
            + ("; if 0.12 means 12%, set [data.numbers] units to { '%' = 0.01 }" if unit == "%" else "")
        )
    if (factor := notation.units.get("B")) and not (notation.units.keys() & CURRENCIES.keys()):
        other = "bytes, 1" if factor > 1 else "billions, 1e9"
        found.append(f"B is taken for {'billions' if factor > 1 else 'a unit'}; if it means {other} in [data.numbers]")
    return found


def _how(name: str, notation: NumberNotation, sample: Sequence[pa.RecordBatch], ambiguous: bool) -> str:
    for batch in sample:
        cells = batch.column(name).drop_null()
        odd = cells.filter(pc.invert(pc.match_substring_regex(cells, r"^\s*-?[0-9]+(\.[0-9]*)?\s*$")))
        odd = odd if len(odd) else cells
        values = notation.parse(odd, pa.float64())
        at = pc.index(pc.is_valid(values), True).as_py()
        if at >= 0:
            read = f"'{shorten(odd[at].as_py())}' is read as {values[at].as_py():.12g}"
            break
    else:
        read = "numbers are read"
    how = f"decimal {MARKS[notation.decimal]}"
    how += f", {MARKS[notation.thousands]} between thousands" if notation.thousands else ""
    why = ", by the file's other columns and delimiter" if ambiguous else ""
    return f"{read} ({how}{why})"


def _words(name: str, sample: Sequence[pa.RecordBatch], options: ReadOptions) -> list[str]:
    """Up to three sampled values that are not numbers, quoted."""
    found: dict[str, None] = {}
    for batch in sample:
        cells = batch.column(name).drop_null().unique()
        cells = cells.filter(pc.invert(pc.match_substring_regex(normal(cells), _LIKE_NUMBER)))
        for cell in cells.to_pylist():
            if cell.strip() and cell not in options.missing:
                found[f"'{shorten(cell)[:30]}'"] = None
            if len(found) == 3:
                return list(found)
    return list(found) or _unread(name, sample, options)


def _unread(name: str, sample: Sequence[pa.RecordBatch], options: ReadOptions) -> list[str]:
    """Up to three values that resemble numbers but do not parse, such as 007, among MAX_TRIED distinct ones."""
    found: dict[str, None] = {}
    cells = pa.chunked_array([batch.column(name) for batch in sample]).drop_null().unique()
    for cell in cells.filter(pc.invert(pc.match_substring_regex(cells, r"^-?[1-9][0-9]*$"))).to_pylist()[:MAX_TRIED]:
        forms = TypeCandidates()
        count_type_candidates(pa.array([cell]), forms)
        if cell.strip() and cell not in options.missing and not forms.number_rows and not forms.counts["float"]:
            found[f"'{shorten(cell)[:30]}'"] = None
        if len(found) == 3:
            break
    return list(found)
