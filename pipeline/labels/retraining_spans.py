"""Writes the labelled rows of the request log as the next spans of a dataset, for a retraining.

A run trains on a window of spans and evaluates on the span after it. So one span with all new rows would be evaluated
on and not learnt from; a retraining writes two: the newest training span, and after it a random share of the same rows
that is held out for the evaluation. The share is chosen by a hash of the request id, so it depends neither on the rows'
content nor on what the model predicted.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.files import CHUNK, sha256, sync
from components.table_reading.column_types import parse_schema
from components.table_reading.databases.addresses import is_database
from components.table_reading.spans import SPAN, display_path, find_spans, open_folder
from monitor.retraining.span_ledger import PARTS, SCHEMA, Entry, FolderPlace, Part, SpanLedger, SpanOfPart, SpanPlace
from monitor.retraining.steps import WrittenSpans
from pipeline.labels.span_file import (
    ANSWERED,
    SUFFIXES,
    SpanFileWriter,
    check_csv,
    converted,
    log_sources,
    schema_types,
)
from pipeline.settings.config import Config
from serving.request_log.labelled_rows import KEYS, Choice, Counts, count_rows, labelled_rows
from serving.request_log.labels import import_files
from serving.request_log.layout import Layout
from serving.request_log.reading import TARGET, RequestLog

_SALT = b"plumbline-holdout"


def held_out(request_id: str, share: float) -> bool:
    """Whether the rows of a request belong to the evaluation span.

    Args:
      request_id: Id of the request.
      share: Share of the requests that does, in [0, 1].
    """
    digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8, key=_SALT).digest()
    return int.from_bytes(digest, "big") < share * 2**64


class RetrainingSpans:
    """The spans that retrainings write."""

    def __init__(self, config: Config, home: Path, data: str | None = None) -> None:
        """Makes a writer; nothing is read yet.

        Args:
          config: Settings of the dataset.
          home: <root>/<dataset>, with the request log and the monitor's folder.
          data: Folder or URL of the spans; None is [data] directory.
        """
        self._config, self._log = config, RequestLog(home / "requests")
        self._requests = home / "requests"
        self._directory = data or config.data.directory
        self.ledger = SpanLedger(home / "monitor" / "spans")

    def count(self, now: datetime) -> Counts:
        """Mature rows that are in no span, and those of them that have a label."""
        return count_rows(self._log, self._choice(now))

    def __call__(self, retraining: int, now: datetime) -> WrittenSpans:
        """Writes the spans of a retraining, or returns those that were written before.

        Args:
          retraining: Number of the retraining.
          now: Time, with zone.

        Raises:
          InputError: No row has a mature label, or all of them would be on one side of the split; or a value does not
            fit the schema.
          UsageError: The pattern of the spans has no next number.
          ConfigError: The log does not have a feature as it was sent, or a column that the schema requires.
        """
        self._check()
        place = self._place()
        with self.ledger.locked():
            self.ledger.complete(place)
            entry = self.ledger.entry(retraining) or self._written(retraining, now, place)
        return _told(entry)

    def _choice(self, now: datetime) -> Choice:
        until = now - timedelta(hours=self._config.retraining.label_delay_hours)
        return Choice(until, ANSWERED, self.ledger.files())

    def _written(self, retraining: int, now: datetime, place: SpanPlace) -> Entry:
        choice, share = self._choice(now), self._config.retraining.holdout
        files = import_files(Layout(self._requests))
        feedback = int(files[-1].stem) if files else 0  # before the rows are read: they are at least as new
        mature = count_rows(self._log, choice).mature
        suffix = Path(self._config.data.pattern).suffix
        staged = {part: self.ledger.staged(retraining, part, suffix) for part in PARTS}
        rows, since = self._staged(staged, choice, share)
        counts = {part: pc.sum(pc.equal(rows["part"], part)).as_py() or 0 for part in PARTS}
        if not all(counts.values()):
            for path in staged.values():
                path.unlink(missing_ok=True)
            what = "has a mature label; import labels with `plumbline feedback`"
            if rows.num_rows:
                what = f"of {rows.num_rows:,} is held out for the evaluation, or all are; wait for more labels"
            raise InputError(f"{self._requests}: no row {what}")
        number = place.next_number()
        spans = tuple(
            SpanOfPart(part, number + at, place.name(number + at), sha256(staged[part]), counts[part])
            for at, part in enumerate(PARTS)
        )
        until = choice.until.isoformat(timespec="seconds")
        made = now.isoformat(timespec="seconds")
        return self.ledger.add(Entry(retraining, made, since, until, feedback, share, mature, spans), rows, place)

    def _staged(self, staged: dict[Part, Path], choice: Choice, share: float) -> tuple[pa.Table, str]:
        """Writes the content of both spans; returns the ledger's rows, and the time of the first one."""
        types = schema_types(self._config)
        sources = log_sources(self._config, types, set(self._log.columns()))
        columns = sorted({*KEYS, TARGET, *sources.values()})
        ids, batches, since = self._config.dataset.id, [], ""
        with ExitStack() as stack:
            writers = {
                part: stack.enter_context(SpanFileWriter(path, types, self._config)) for part, path in staged.items()
            }
            for batch in labelled_rows(self._log, columns, choice):
                since = since or batch.column("time")[0].as_py().isoformat(timespec="seconds")
                table = converted(batch, sources, types, ids, str(self._requests))
                requests = batch.column("request_id")
                out = pa.array([held_out(one, share) for one in requests.to_pylist()], pa.bool_())
                writers["training"].write(table.filter(pc.invert(out)))
                writers["evaluation"].write(table.filter(out))
                part = pc.if_else(out, "evaluation", "training")
                target = pc.cast(batch.column(TARGET), pa.string())
                batches.append(pa.record_batch([requests, batch.column("row"), part, target], schema=SCHEMA))
        for path in staged.values():
            sync(path)
        sync(staged["training"].parent)
        return pa.Table.from_batches(batches, SCHEMA), since

    # -- what makes it impossible --------------------------------------------------------------------------------

    def _check(self) -> None:
        config, log = self._config, self._config.request_log
        for key, hidden in (("hashed", log.hashed), ("excluded", log.excluded)):
            if hidden:
                raise ConfigError(
                    f"{config.path}: [request_log] {key}: the log does not have {hidden[0]} as it was sent, so its "
                    f"rows cannot be trained on; take it out of {key}, or out of [features]"
                )
        if not self._requests.is_dir():
            raise UsageError(f"{self._requests}: there is no request log; `plumbline serve` writes it")
        pattern, where = config.data.pattern, f"{config.path}: [data]"
        if is_database(self._directory):
            raise UsageError(f"{where} directory: is a database; insert the rows of `plumbline requests --export`")
        if config.data.span_by or SPAN not in pattern or "*" in pattern or "/" in pattern:
            needed = 'a retraining needs one such as "span-{span}.csv"'
            raise UsageError(f"{where} pattern: {pattern}: has no next file; {needed}")
        if Path(pattern).suffix not in SUFFIXES:
            raise UsageError(f"{where} pattern: {pattern}: a retraining writes {' or '.join(SUFFIXES)}")
        if pattern.endswith(".csv"):
            check_csv(config, Path(pattern))
        self._check_required()

    def _check_required(self) -> None:
        """The data gate would stop every run on a span without a column that the schema requires."""
        config = self._config
        there = set(log_sources(config, schema_types(config), set(self._log.columns())))
        schema = parse_schema(config.schema_path.read_text(encoding="utf-8"), str(config.schema_path))
        for feature in schema.feature:
            policy = config.gate.features.get(feature.name, config.gate.anomalies)
            required = feature.HasField("presence") and feature.presence.min_fraction > 0
            if required and policy == "block" and feature.name not in there:
                raise ConfigError(
                    f"{config.schema_path}: requires {feature.name} (presence), which the request log does not have, "
                    f'so the data gate would stop the run; set [gate.features] {feature.name} = "warn", or take the '
                    "requirement out"
                )

    def _place(self) -> SpanPlace:
        pattern = self._config.data.pattern
        before, _, after = pattern.partition(SPAN)

        def names() -> dict[int, str]:
            found = find_spans(self._directory, pattern)
            return {one.span: Path(one.name).name.removeprefix(before).removesuffix(after) for one in found}

        def name(span: int) -> str:
            texts = names().values()
            width = min(map(len, texts), default=1) if any(text.startswith("0") for text in texts) else 1
            return f"{before}{span:0{width}}{after}"

        place, path = open_folder(self._directory)
        if isinstance(place, fs.LocalFileSystem):
            return FolderPlace(Path(path), name, lambda: list(names()))
        return BucketPlace(self._directory, place, path, name, lambda: list(names()))


class BucketPlace(FolderPlace):
    """The spans in a bucket.

    An upload appears as a whole. Of two uploads of one name at the same time the last one stays, so no other process
    may write spans of these numbers.
    """

    def __init__(
        self,
        directory: str,
        place: fs.FileSystem,
        path: str,
        name: Callable[[int], str],
        numbers: Callable[[], Sequence[int]],
    ) -> None:
        super().__init__(Path(path), name, numbers)
        self._directory, self._place, self._path = directory, place, path

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file; None if there is none."""
        path = f"{self._path}/{name}"
        if self._place.get_file_info(path).type != fs.FileType.File:
            return None
        found = hashlib.sha256()
        with self._place.open_input_stream(path) as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def put(self, content: Path, name: str) -> bool:
        """Uploads a file; returns False if the name is taken."""
        path = f"{self._path}/{name}"
        if self._place.get_file_info(path).type != fs.FileType.NotFound:
            return False
        try:
            with content.open("rb") as source, self._place.open_output_stream(path) as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
        except OSError as exc:
            name = display_path(self._directory, name)
            raise InputError(f"{name}: cannot be written ({' '.join(str(exc).split())})") from exc
        return True


def _told(entry: Entry) -> WrittenSpans:
    training, evaluation = (entry.of(part) for part in PARTS)
    share = entry.rows / entry.mature if entry.mature else 1.0
    return WrittenSpans(
        training.span,
        evaluation.span,
        entry.rows,
        f"{training.name}: {training.rows:,} rows, {evaluation.name}: {evaluation.rows:,} held out; "
        f"{100 * share:.3g} % of the mature rows since {entry.since} have a label",
    )
