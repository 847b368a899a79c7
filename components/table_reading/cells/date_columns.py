"""Remarks for the user on columns of dates in text: nonexistent dates and two-digit years. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.date_notations import DATED, LATEST, is_date_of_any, latest_year, years_of
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.read_options import CHECKED_EACH, FORMS, TypeCandidates


@dataclass
class Impossible:
    """Finds the first nonexistent date of each column, such as 2024-02-30.

    Attributes:
      first: Column -> value, file and row, as text.
    """

    first: dict[str, str] = field(default_factory=dict)

    def look(self, batch: pa.RecordBatch, forms: Mapping[str, TypeCandidates], file: str, before: int) -> None:
        """Searches a batch.

        Args:
          batch: Columns of strings.
          forms: Column -> counts of its file up to and including this batch.
          file: Name of the file.
          before: Row number before the first row of the batch; in a CSV file the header is row 1.
        """
        for name in batch.schema.names:
            if forms[name].impossible and name not in self.first:
                column = pc.utf8_trim(batch.column(name), " \t")
                at = _first_impossible(column)
                if at >= 0:
                    value = shorten(column[at].as_py())
                    self.first[name] = f"'{value}' ({file}, row {before + at + 1:,})"


def _first_impossible(cells: pa.StringArray) -> int:
    at = []
    for form, pattern in FORMS:
        if form in CHECKED_EACH:
            shaped = pc.match_substring_regex(cells, pattern)
            at.append(pc.index(pc.and_(shaped, pc.is_null(parse(cells, CHECKED_EACH[form]))), True).as_py())
    shaped = pc.fill_null(pc.match_substring_regex(cells, DATED), False)
    if pc.any(shaped).as_py():
        dated = pc.if_else(shaped, cells, pa.scalar(None, pa.string()))
        at.append(pc.index(pc.and_(shaped, pc.invert(pa.array(is_date_of_any(dated)))), True).as_py())
    return min((one for one in at if one >= 0), default=-1)


def latest_years(forms: Mapping[str, TypeCandidates], formats: Mapping[str, str], now: int) -> dict[str, int]:
    """Column -> latest year that its two-digit years can mean, for columns in which it is not LATEST.

    Args:
      forms: Column -> counts.
      formats: Column -> date format, for columns that are not in ISO 8601.
      now: The current year.
    """
    found = {name: latest_year(forms[name].formats, written, now) for name, written in formats.items()}
    return {name: latest for name, latest in found.items() if latest != LATEST}


def notes_on_dates(
    forms: Mapping[str, TypeCandidates], formats: Mapping[str, str], latest: Mapping[str, int], now: int
) -> dict[str, str]:
    """Remarks on two-digit years that lie in the future.

    Args:
      forms: Column -> counts.
      formats: Column -> date format, for columns that are not in ISO 8601.
      latest: Column -> latest year that a two-digit year can mean, for columns in which it is not LATEST.
      now: The current year.

    Returns:
      Column -> remark.
    """
    notes = {}
    for name, written in formats.items():
        if (usual := years_of(forms[name].formats, written)) is None or usual[1] <= now:
            continue
        begin, end = years_of(forms[name].formats, written, latest.get(name, LATEST)) or usual
        how = "" if name in latest else f"; if these are of the century before, set [data] latest_year to {now}"
        notes[name] = f"years of two digits are read as {begin} to {end} ([data] latest_year){how}"
    return notes
