"""Everything that can be found wrong before a run begins, so that bad input leaves no trace in metadata or registry."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from components.arrow_example_gen.columns import arrow_types, column_types, parse_schema
from components.arrow_example_gen.fingerprint import data_fingerprint, file_sha256
from components.arrow_example_gen.labels import LabelCount
from components.arrow_example_gen.reading import read_batches
from components.arrow_example_gen.spans import SpanFile, SpanWindow, choose_window, find_spans, open_folder
from components.errors import ConfigError, UsageError
from components.files import write_json
from pipeline.config import Config


@dataclass(frozen=True)
class Scan:
    """What one span file holds. `labels` are the distinct label values with their counts, at most 1,000."""

    sha256: str
    rows: int
    unlabelled: int
    labels: dict[str, int]


@dataclass(frozen=True)
class Checked:
    """The window a run will read, known to be readable, and its fingerprint."""

    window: SpanWindow
    fingerprint: str


def check_root(root: Path) -> None:
    """UsageError unless files can be made below `root`; makes it if need be."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as exc:
        raise UsageError(f"{root}: cannot be written ({exc.strerror}); choose another place with --root") from exc


def check_schema(config: Config) -> dict[str, str]:
    """Column -> Arrow type, from the schema; ConfigError if a column that pipeline.toml names is not in it."""
    try:
        text = config.schema_path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{config.schema_path}: cannot be read ({exc})") from exc
    types = column_types(parse_schema(text, str(config.schema_path)))
    named = {
        "[dataset] label": [config.dataset.label],
        "[dataset] id": config.dataset.id,
        "[features]": config.features.names,
        "[evaluation] slices": [feature for keys in config.evaluation.slices for feature in keys],
    }
    for key, columns in named.items():
        for column in columns:
            if column not in types:
                raise ConfigError(
                    f"{config.path}: {key}: '{column}' is not in {config.schema_path}; it names: {', '.join(types)}"
                )
    return types


def check_data(config: Config, directory: str, span: int | None, cache: Path) -> Checked:
    """Reads every file of the window once, as ingest will.

    What was read is kept in `cache` by path, size, time of change, column types and label: a file that is as it was is
    not read again.

    Raises:
      InputError: A file is missing or cannot be read as the schema says, or a split's label has a single value.
    """
    types = check_schema(config)
    window = choose_window(find_spans(directory, config.data.pattern), span, config.data.window)
    known = _load(cache)
    scans: dict[str, Scan] = {}
    digests: dict[str, list[tuple[int, str]]] = {}
    for split, files in window.splits().items():
        total = LabelCount(config.dataset.label)
        for file in files:
            key = _key(directory, file, types, config.dataset.label)
            scan = known.get(key) or _scan(directory, file, types, config.dataset.label)
            scans[key] = scan
            digests.setdefault(split, []).append((file.span, scan.sha256))
            total.rows += scan.rows
            total.values.update(scan.labels)
        total.check(split, directory)
    if scans.keys() - known.keys():
        write_json(cache, {key: asdict(scan) for key, scan in {**known, **scans}.items()})
    return Checked(window, data_fingerprint(digests))


def _scan(directory: str, file: SpanFile, types: Mapping[str, str], label: str) -> Scan:
    filesystem, _ = open_folder(directory)
    digest = file_sha256(filesystem, file.path)
    count = LabelCount(label)
    for _batch in count.labelled(read_batches(filesystem, file, arrow_types(dict(types)))):
        pass
    return Scan(digest, count.rows, count.unlabelled, {str(value): n for value, n in count.values.items()})


def _key(directory: str, file: SpanFile, types: Mapping[str, str], label: str) -> str:
    read_as = hashlib.sha256(json.dumps([dict(types), label]).encode()).hexdigest()[:16]
    if "://" in directory:
        return f"{file.path} {file.bytes} {file.modified_ns} {read_as}"
    # `cp -p`, tar and rsync set back the time of the last change; nothing sets back that of the inode's.
    changed = os.stat(file.path).st_ctime_ns
    return f"{os.path.abspath(file.path)} {file.bytes} {file.modified_ns} {changed} {read_as}"


def _load(cache: Path) -> dict[str, Scan]:
    try:
        return {key: Scan(**scan) for key, scan in json.loads(cache.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # it is only a cache
