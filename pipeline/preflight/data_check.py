"""Checks of root, schema and data before a run starts, so that bad input changes neither metadata nor registry."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from components.arrow_example_gen.corrections import CorrectionCounts
from components.arrow_example_gen.extra_rows import SPLIT as EXTRA
from components.arrow_example_gen.extra_rows import ExtraRows, check_columns, check_taken
from components.arrow_example_gen.extra_rows import digest as extra_digest
from components.arrow_example_gen.image_columns import ImageOptions, noted_images
from components.arrow_example_gen.label_check import LabelCounter
from components.arrow_example_gen.rare_classes import with_other_class
from components.arrow_example_gen.source import SPLITS, Source
from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.files import write_json
from components.shared.images.statistic_names import INTEGERS, PARTS, column_name
from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.databases.database import Database
from components.table_reading.fingerprint import data_fingerprint
from components.table_reading.locations import content_sha256
from components.table_reading.spans import SpanFile, SpanWindow, open_folder
from pipeline.preflight.class_check import check_spelled
from pipeline.preflight.corrections_check import CorrectedIds, check_corrections, corrections_path, locate
from pipeline.settings.config import Config
from pipeline.settings.feature_types import check_kinds
from pipeline.settings.sections.balance import steps_json


@dataclass(frozen=True)
class FileScan:
    """Content of one span file after corrections.

    `labels` holds at most 1,000 distinct label values with their counts, `corrected` the indices of corrected ids in
    the file, `extra` the number of rows for each of Source.extra, `images` the state of the image files that the file
    names, by path, see ImageFiles.state.
    """

    sha256: str
    rows: int
    unlabelled: int
    labels: dict[str, int]
    corrected: tuple[int, ...] = ()
    extra: tuple[int, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedInputs:
    """A readable window with its fingerprint and corrections.

    `rows` is the number of labelled rows by split; `labels` is label value -> rows by split, empty for too many values.
    """

    window: SpanWindow
    fingerprint: str
    corrections: CorrectedIds | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def check_root(root: Path) -> None:
    """Creates `root` if necessary; raises UsageError if it is not writable."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as exc:
        raise UsageError(f"{root}: cannot be written ({exc.strerror}); choose another place with --root") from exc


def check_schema(config: Config) -> dict[str, str]:
    """Returns column -> type alias of the schema; ConfigError if it lacks a column that pipeline.toml names."""
    try:
        text = config.schema_path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{config.schema_path}: cannot be read ({exc})") from exc
    types = column_types(parse_schema(text, str(config.schema_path)))
    named = {
        "[dataset] label": [config.dataset.label],
        "[dataset] id": config.dataset.id,
        "[dataset] time": [config.dataset.time] if config.dataset.time else [],
        "[data] date_format": list(config.data.date_format),
        "[data] latest_year": list(config.data.latest_year),
        "[data] list_separator": list(config.data.list_separator),
        "[features]": config.features.names,
        "[audit] annotators": list(config.audit.annotators),
        "[drift] slices": [column for keys in config.drift.slices for column in keys],
        "[drift] thresholds": list(config.drift.thresholds),
        "[gate] features": list(config.gate.features),
        "[evaluation] slices": [feature for keys in config.evaluation.slices for feature in keys],
        "[evaluation] sensitive": list(config.evaluation.sensitive),
    }
    for key, columns in named.items():
        for column in columns:
            if column not in types:
                raise ConfigError(
                    f"{config.path}: {key}: '{column}' is not in {config.schema_path}; available: {', '.join(types)}"
                )
    check_kinds(config, types)
    return types


def source_of(config: Config, directory: str) -> Source:
    """Returns the source for ingest; raises the errors of check_schema and check_corrections."""
    columns = check_schema(config)
    images = image_options(config)
    check_statistics(config, images, columns)
    columns = {name: type_ for name, type_ in columns.items() if name not in images.derived}
    extra = tuple(
        ExtraRows({column: tuple(map(str, values)) for column, values in one.where.items()}, one.spans)
        for one in config.data.extra
    )
    check_columns(extra, columns, str(config.path))
    source = Source(
        directory=directory,
        pattern=config.data.query or config.data.pattern,
        columns=columns,
        label=config.dataset.label,
        ids=config.dataset.id,
        window=config.data.window,
        eval_share=config.data.eval_share,
        options=config.data.read_options(),
        time=config.dataset.time,
        span_by=config.data.span_by,
        corrections=corrections_path(config),
        extra=extra,
        steps=steps_json(config.balance, config.augmentation),
        other_class=config.dataset.other_class,
        min_class_rows=config.dataset.min_class_rows,
        images=images,
    )
    check_corrections(config, source)
    check_spelled(config, columns)
    return source


def image_options(config: Config) -> ImageOptions:
    """Returns the options of the image columns."""
    return ImageOptions(config.features.image, config.image.max_pixels, config.image.on_unreadable)


def check_statistics(config: Config, images: ImageOptions, columns: Mapping[str, str]) -> None:
    """Raises ConfigError if the schema lacks a column of image statistics, which ingest adds to the examples."""
    for column in images.columns:
        for part in PARTS:
            name, wanted = column_name(column, part), "int64" if part in INTEGERS else "float64"
            if columns.get(name) != wanted:
                raise ConfigError(
                    f"{config.schema_path}: has no feature '{name}' of type {'INT' if part in INTEGERS else 'FLOAT'}, "
                    f"a statistic of the image column '{column}'; add it, or draft the schema again with plumbline init"
                )


MIN_SAMPLE = 100
"""Minimum sample size; with fewer rows a split may lack a class."""


def share_of(source: Source, span: int | None, rows: int, cache: Path) -> float:
    """Returns the sampling rate, in (0, 1], that gives about `rows` rows of the window.

    Args:
      source: The source.
      span: Eval span; None is the newest.
      rows: Target number of rows.
      cache: The cache of `check_data`; files in it are not read again.

    Raises:
      InputError: A file is missing or cannot be read with the schema.
      UsageError: `rows` is below the minimum, or the cache cannot be written.
    """
    if rows < MIN_SAMPLE:
        raise UsageError(f"--sample {rows}: must be at least {MIN_SAMPLE}")
    window = source.files(span).splits()
    known = _load(cache)
    scans: dict[str, FileScan] = {}
    found = [_scanned(source, file, split, known, scans) for split in SPLITS for file in window[split]]
    _keep(cache, known, scans)
    return min(1.0, rows / max(sum(scan.rows + scan.unlabelled for scan in found), 1))


def check_data(source: Source, span: int | None, cache: Path) -> CheckedInputs:
    """Reads every file of the window once with the same options as ingest.

    Args:
      source: The source.
      span: Eval span; None is the newest.
      cache: JSON file with results by path, size, modification time and read options; unchanged files are not read
        again.

    Raises:
      InputError: A file is missing or cannot be read with the schema, the label of a split has a single value, or a
        corrected row does not exist.
    """
    source = with_other_class(source, span)
    window = source.files(span)
    known = _load(cache)
    scans: dict[str, FileScan] = {}
    digests: dict[str, list[tuple[int, str]]] = {}
    rows: dict[str, int] = {}
    labels: dict[str, dict[str, int]] = {}
    for split, files in window.splits().items():
        total = LabelCounter(source.label)
        taken: list[tuple[int, ...]] = []
        for file in files:
            scan = _scanned(source, file, split, known, scans)
            digests.setdefault(split, []).append((file.span, source.digest(scan.sha256, split)))
            taken.append(scan.extra)
            total.rows += scan.rows
            total.values.update(scan.labels)
        rows[split] = total.rows
        labels[split] = total.counts
        if split == EXTRA:
            check_taken(source.extra, taken, source.directory)
        else:
            total.check(split, source.directory)
    located = _locate(source, window, known, scans)
    _keep(cache, known, scans)
    corrected = source.corrected.file.sha256 if source.corrected else ""
    return CheckedInputs(window, data_fingerprint(digests, corrected), located, rows, labels)


def _locate(
    source: Source, window: SpanWindow, known: dict[str, FileScan], scans: dict[str, FileScan]
) -> CorrectedIds | None:
    """Locations of the corrected rows; other spans that are read for it are added to the scans."""
    if source.corrected is None:
        return None
    here = {place for scan in scans.values() for place in scan.corrected}
    others = {file.span: file for file in source.found()} if source.has_spans else {}

    def look(span: int) -> tuple[int, ...] | None:
        try:
            return _scanned(source, others[span], "train", known, scans).corrected
        except InputError:
            return None

    read = {file.span for file in window.files}
    return locate(source, source.corrected, here, [span for span in reversed(others) if span not in read], look)


def _scanned(
    source: Source, file: SpanFile, split: str, known: dict[str, FileScan], scans: dict[str, FileScan]
) -> FileScan:
    """The cached or new scan of a file, which is added to `scans`."""
    key = _key(source, file, split)
    scan = known.get(key)
    if scan is not None and scan.images and source.image_files(file).state(scan.images) != scan.images:
        known.pop(key)  # an image file has changed
        scan = None
    scans[key] = scan or _scan(source, file, split)
    return scans[key]


def _keep(cache: Path, known: dict[str, FileScan], scans: dict[str, FileScan]) -> None:
    """Writes the cache if it changed; UsageError if it cannot be written."""
    found = {key: scan for key, scan in scans.items() if not key.startswith(NOT_KEPT)}
    if not found.keys() - known.keys():
        return
    try:
        kept = {**known, **found}.items()
        write_json(cache, {key: {**asdict(scan), "digest": entry_digest(key, asdict(scan))} for key, scan in kept})
    except OSError as exc:
        raise UsageError(f"{cache}: cannot be written ({exc.strerror}); choose another place with --root") from exc


def _scan(source: Source, file: SpanFile, split: str) -> FileScan:
    count = LabelCounter(source.label)
    applied = CorrectionCounts()
    taken: list[int] = []
    rows = source.read(file, split, applied=applied, taken=taken)
    files = source.image_files(file) if source.images.columns else None
    if files is not None:
        rows = noted_images(rows, source.images, files)
    for _batch in count.labelled(rows):
        pass
    labels = {str(value): n for value, n in count.values.items()}
    digest = content_sha256(source.place, file, source.options)
    if files is not None:
        digest = files.sha256(digest)
    corrected, state = tuple(sorted(applied.matched)), files.state() if files is not None else {}
    return FileScan(digest, count.rows, count.unlabelled, labels, corrected, tuple(taken), state)


NOT_KEPT = "server "
"""Prefix of cache keys whose source cannot tell whether it has changed (database servers)."""


def _key(source: Source, file: SpanFile, split: str) -> str:
    part: object = "" if source.has_spans else [split, source.eval_share, source.time or list(source.ids)]
    if source.span_by:
        part = [source.time, source.span_by, file.span]
    if split == EXTRA:
        part = [extra_digest(source.extra), file.before]
    read_as: list[object] = [dict(source.columns), source.label, asdict(source.options), part]
    if source.images.columns:
        read_as.append(asdict(source.images))
    if source.sample < 1:
        read_as.append(source.sample)
    if source.corrected is not None:
        read_as += [source.corrected.file.sha256, list(source.ids)]
    how = hashlib.sha256(json.dumps(read_as, sort_keys=True).encode()).hexdigest()[:16]
    if isinstance(source.place, Database):
        return _query_key(source.place, file, how)
    remote = "://" in source.directory
    # `cp -p`, tar and rsync reset the modification time, but not the inode change time.
    changed = [_etag(source, path) if remote else str(os.stat(path).st_ctime_ns) for path in _paths(file)]
    place = file.path if remote else os.path.abspath(file.path)
    if file.parts:
        stand = [[part.path, part.bytes, part.modified_ns] for part in file.parts]
        changed = [hashlib.sha256(json.dumps([stand, changed]).encode()).hexdigest()]
    return f"{place} {file.bytes} {file.modified_ns} {changed[0]} {how}"


def _paths(file: SpanFile) -> list[str]:
    return [part.path for part in file.parts] or [file.path]


def _query_key(database: Database, file: SpanFile, how: str) -> str:
    """Cache key of a query's rows; a file has a modification time, a server does not."""
    query = hashlib.sha256(file.path.encode()).hexdigest()[:16]
    if not database.file:
        return f"{NOT_KEPT}{database.url} {query} {how}"
    changed = os.stat(database.existing_file()).st_ctime_ns
    return f"{os.path.abspath(database.file)} {file.bytes} {file.modified_ns} {changed} {query} {how}"


def _etag(source: Source, path: str) -> str:
    """ETag of an object, since an object may be replaced within the resolution of its modification time (1 s)."""
    try:
        with open_folder(source.directory)[0].open_input_stream(path, compression=None) as stream:
            known = stream.metadata() or {}
    except OSError:
        return ""  # reading the object reports the error
    return next((value.decode() for key, value in known.items() if key.lower() == "etag"), "")


def _load(cache: Path) -> dict[str, FileScan]:
    try:
        found = json.loads(cache.read_text("utf-8")).items()
        return {key: FileScan(**scan) for key, scan in found if scan.pop("digest", None) == entry_digest(key, scan)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # an unreadable cache is an empty cache


def entry_digest(key: str, scan: dict[str, object]) -> str:
    """Returns the digest of a cache entry, which detects entries that were damaged on disk."""
    return hashlib.sha256(json.dumps([key, scan], sort_keys=True).encode()).hexdigest()[:16]
