"""Labels that arrived after the answers: files of imports, and the newest label of each row.

An import is one Parquet file, feedback/<sequence>.parquet:

    request_id  string
    row         int32    position within the request; -1 is every row of the request
    target      string, int64 or double, as the dataset's label is
    label_time  timestamp; when the label became known, null if unknown; absent from older files

The metadata of the file records the import; see `feedback`. `sequence` numbers the imports: the last one wins, whatever
the clock said.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.errors import InputError
from serving.request_log.duckdb_sources import Source, parquet, union
from serving.request_log.layout import PARQUET, Layout

METADATA = b"request_log_import"
EVERY_ROW = -1

_ALWAYS = pa.schema(
    {
        "request_id": pa.string(),
        "row": pa.int32(),
        "sequence": pa.int64(),
        "time": pa.timestamp("us", tz="UTC"),
        "target": pa.null(),
        "label_time": pa.timestamp("us", tz="UTC"),
    }
)


@dataclass(frozen=True)
class Import:
    """Record of an import of labels. Rows are those of the file, after repetitions of a row were reduced to the last.

    `matched` rows belong to logged rows at the time of the import; `unmatched` rows do not yet, and count as soon as
    such rows are found; `changed` rows had another label before; `missing` rows of the file had no label.
    """

    sequence: int
    time: int
    """When: microseconds since 1970-01-01 UTC."""
    user: str
    file: str
    sha256: str
    rows: int
    matched: int
    unmatched: int
    changed: int
    repeated: int
    missing: int

    def to_metadata(self) -> dict[bytes, bytes]:
        """Metadata of the import's file."""
        return {METADATA: json.dumps(asdict(self)).encode()}

    def to_json(self) -> dict[str, Any]:
        """The record."""
        return asdict(self)

    def to_text(self) -> str:
        """The record for a terminal."""
        more = f"; {self.missing:,} rows of the file have no label" if self.missing else ""
        return (
            f"{self.file}: {self.rows:,} labels imported: {self.matched:,} belong to logged requests ({self.changed:,} "
            f"changed), {self.unmatched:,} do not, and count as soon as they do{more}"
        )


def import_files(layout: Layout) -> list[Path]:
    """Files of all imports, in order."""
    return sorted(path for path in layout.feedback.glob(f"*{PARQUET}") if path.stem.isdigit())


def imports(layout: Layout) -> list[Import]:
    """Records of all imports, in order; raises InputError for a damaged file."""
    return [_record(path)[0] for path in import_files(layout)]


def _record(path: Path) -> tuple[Import, pa.Schema]:
    try:
        schema = pq.read_schema(path)
        return Import(**json.loads(schema.metadata[METADATA])), schema.remove_metadata()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as exc:
        raise InputError(
            f"{path}: is damaged ({' '.join(str(exc).split())}); delete it and import its labels again"
        ) from exc


def labels_sql(layout: Layout) -> str:
    """SQL of the newest labels: request_id, row (-1 is every row), target, sequence, time.

    `time` is when the label became known; when it was imported, if the file did not say.
    """
    sources = []
    for path in import_files(layout):
        record, schema = _record(path)
        sources.append(_source(path, schema, record))
    sql, schema = union(sources, _ALWAYS)
    named = ", ".join(f'x{number} AS "{name}"' for number, name in enumerate(schema.names))
    return (
        'SELECT request_id, "row", arg_max(target, sequence) AS target, max(sequence) AS sequence, '
        f'arg_max(coalesce(label_time, "time"), sequence) AS "time" FROM (SELECT {named} FROM ({sql})) '
        'GROUP BY request_id, "row"'
    )


def _source(path: Path, schema: pa.Schema, record: Import) -> Source:
    return Source(
        parquet([path]),
        schema,
        (
            ("sequence", pa.int64(), f"{record.sequence}::BIGINT"),
            ("time", pa.timestamp("us", tz="UTC"), f"make_timestamptz({record.time})"),
        ),
    )
