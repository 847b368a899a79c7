"""Supported file formats by suffix of the file name."""

from components.table_reading.spans import SpanFile

PACKED = ("", ".gz", ".zst", ".bz2")
CSV = (".csv", ".csv.gz", ".csv.zst", ".csv.bz2", ".tsv", ".tsv.gz", ".tsv.zst", ".tsv.bz2")
PARQUET = (".parquet", ".pq")
IPC = (".arrow", ".feather", ".ipc")
TFRECORD = (".tfrecord", ".tfrecord.gz")
JSON_LINES = tuple(name + packed for name in (".jsonl", ".ndjson") for packed in PACKED)
SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ZIP = (".zip",)
TABLES = (*CSV, *PARQUET, *IPC, *JSON_LINES, *SHEETS, *ZIP)
"""Suffixes of tables; TFRecord files, which contain examples, are separate."""
LEGAL = (
    ".csv and .tsv (also .gz, .zst, .bz2), .parquet, .pq, .arrow, .feather, .ipc, .jsonl and .ndjson (also .gz, .zst, "
    ".bz2), .xlsx, .xlsm, .xlsb, .xls, .ods, .zip with one of these, .tfrecord, .tfrecord.gz"
)


def is_binary(file: SpanFile) -> bool:
    """Whether a file is Parquet or Arrow, formats with a schema."""
    return _ends(file, (*PARQUET, *IPC))


def is_csv(file: SpanFile) -> bool:
    """Whether a file is CSV, whose dialect and notations must be detected."""
    return _ends(file, CSV)


def is_sheet(file: SpanFile) -> bool:
    """Whether a file is a spreadsheet."""
    return _ends(file, SHEETS)


def is_text(file: SpanFile) -> bool:
    """Whether types of a file must be inferred from texts: CSV, sheets, JSON lines."""
    return _ends(file, (*CSV, *SHEETS, *JSON_LINES))


def suffix(name: str) -> str:
    """The longest supported suffix of a file name; "" if there is none."""
    return max((end for end in TABLES if name.lower().endswith(end)), key=len, default="")


def _ends(file: SpanFile, ends: tuple[str, ...]) -> bool:
    """Whether the path of a file, or of its first part, ends in one of the suffixes; all parts share a format."""
    return (file.parts[0].path if file.parts else file.path).lower().endswith(ends)
