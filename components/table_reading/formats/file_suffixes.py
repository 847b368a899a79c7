"""Which formats are read, by the end of a file's name."""

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
"""Everything that holds a table; a TFRecord holds examples."""
LEGAL = (
    ".csv and .tsv (also .gz, .zst, .bz2), .parquet, .pq, .arrow, .feather, .ipc, .jsonl and .ndjson (also .gz, .zst, "
    ".bz2), .xlsx, .xlsm, .xlsb, .xls, .ods, .zip with one of these, .tfrecord, .tfrecord.gz"
)


def is_binary(file: SpanFile) -> bool:
    """Whether a file's name says Parquet or Arrow, which carry their types."""
    return _ends(file, (*PARQUET, *IPC))


def is_csv(file: SpanFile) -> bool:
    """Whether a file's name says CSV, whose delimiter and notations have to be found out."""
    return _ends(file, CSV)


def is_sheet(file: SpanFile) -> bool:
    """Whether a file's name says that it is a spreadsheet."""
    return _ends(file, SHEETS)


def is_text(file: SpanFile) -> bool:
    """Whether the values of a file may be texts whose form tells what they are: CSV, sheets, JSON lines."""
    return _ends(file, (*CSV, *SHEETS, *JSON_LINES))


def suffix(name: str) -> str:
    """The end of a name that says its format; "" if it says none."""
    return max((end for end in TABLES if name.lower().endswith(end)), key=len, default="")


def _ends(file: SpanFile, ends: tuple[str, ...]) -> bool:
    """Of the file, of its parts (all are of one format), or of what is in a zip archive."""
    return (file.parts[0].path if file.parts else file.path).lower().endswith(ends)
