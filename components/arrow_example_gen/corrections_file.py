"""Reads and writes corrections.csv: one signed correction of a cell or a row per line.

    id,field,value,reason,by,when
    UA-1545-EWR-IAH-20130101T0515,late,1,arrived 21 minutes late,ann,2026-11-21
    UA-1714-LGA-IAH-20130101T0529,,drop,diverted,ann,2026-11-21T09:30

The header is exactly as shown. `id` is the id of the row; the values of several id columns are joined by `|` in the
order of pipeline.toml. `field` is a column and `value` its correct value; an empty `value` means missing. With an
empty `field`, `value` must be `drop`, which drops the row. `by` (the author) and `when` (ISO 8601) are required;
`reason` may be empty. A row without `value`, `by` and `when` is undecided, as `plumbline audit --export` writes it, and
has no effect. Cells that a spreadsheet would take for a formula (they begin with = + - @ and are not numbers) are
escaped by a leading apostrophe, which reading removes, see spreadsheet_formulas.py. The encoding is UTF-8, with or
without a byte order mark; empty lines are skipped.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.shared.texts.spreadsheet_formulas import escape_formula, unescape_formula
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.spans import open_folder

DROP = "drop"


@dataclass(frozen=True)
class Correction:
    """One row of the file: its cells as text; see the module's docstring for their meaning."""

    id: str
    field: str
    value: str
    reason: str
    by: str
    when: str


HEADER = tuple(field.name for field in fields(Correction))


@dataclass(frozen=True)
class CorrectionsFile:
    """A corrections file whose rows have been validated.

    Attributes:
      name: Path or URL.
      content: The bytes of the file.
      rows: Row number (the header is row 1) -> correction; without undecided rows.
      undecided: Number of undecided rows.
    """

    name: str
    content: bytes
    rows: dict[int, Correction]
    undecided: int = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def read_corrections(name: str) -> CorrectionsFile:
    """Reads and validates a corrections file.

    Args:
      name: Path or URL.

    Raises:
      InputError: The file cannot be read, is not UTF-8 or CSV, or has another header; or a row lacks an id, an author
        or a date, or has an empty `field` and a `value` other than `drop`.
    """
    content = _content(name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InputError(f"{name}: is not valid UTF-8 (byte {exc.start}); save it as UTF-8") from exc
    if "\0" in text:
        raise InputError(f"{name}: is damaged: it holds NUL bytes; save it as CSV in UTF-8")
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as exc:
        raise InputError(f"{name}: is not valid CSV ({exc})") from exc
    if not records or tuple(records[0]) != HEADER:
        found = ",".join(records[0]) if records else ""
        raise InputError(f"{name}: the header must be {','.join(HEADER)}, not {shorten(found) or 'nothing'}")
    rows = {}
    for number, cells in enumerate(records[1:], start=2):
        if not any(map(str.strip, cells)):
            continue
        if len(cells) != len(HEADER):
            raise InputError(f"{name}: row {number} has {len(cells)} cells where the header has {len(HEADER)}")
        rows[number] = Correction(*map(unescape_formula, cells))
    decided = {number: row for number, row in rows.items() if any(map(str.strip, (row.value, row.by, row.when)))}
    _check(name, decided)
    return CorrectionsFile(name, content, decided, undecided=len(rows) - len(decided))


def corrections_csv(corrections: Iterable[Correction]) -> str:
    """Formats corrections as the text of a corrections file, which `read_corrections` reads back unchanged."""
    rows = [HEADER, *(tuple(map(escape_formula, astuple(one))) for one in corrections)]
    # csv.writer does not quote a lone carriage return, which csv.reader takes for the end of the row.
    every = any("\r" in cell for row in rows for cell in row)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue()


def _content(name: str) -> bytes:
    filesystem, path = open_folder(name)
    try:
        if filesystem.get_file_info(path).type == fs.FileType.NotFound:
            raise InputError(f"{name}: no such file; check [data] corrections")
        with filesystem.open_input_stream(path, compression=None) as stream:
            content: bytes = stream.read()
        return content
    except OSError as exc:
        raise InputError(f"{name}: cannot be read ({shorten(str(exc))})") from exc


def _check(name: str, rows: dict[int, Correction]) -> None:
    days = parse(pa.array([row.when for row in rows.values()], pa.string()), pa.timestamp("us"))
    for (number, row), day in zip(rows.items(), days.is_valid().to_pylist(), strict=True):
        if not row.id.strip():
            raise InputError(f"{name}: row {number}: `id` is empty; it must identify a row")
        if not row.field and row.value != DROP:
            raise InputError(
                f"{name}: row {number}: without a `field`, `value` must be {DROP}, not '{shorten(row.value)}'"
            )
        for cell in ("by", "when"):
            if not getattr(row, cell).strip():
                raise InputError(
                    f"{name}: row {number}: `{cell}` is empty; every correction needs an author and a date: fill "
                    "it in, or remove the row"
                )
        if not day:
            raise InputError(f"{name}: row {number}: `when` is '{shorten(row.when)}', not a date such as 2026-11-21")
