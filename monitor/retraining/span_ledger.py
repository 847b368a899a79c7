"""The ledger of spans: which row of the request log is in which span, so that no row is in two.

    <root>/<dataset>/monitor/spans/<retraining>.parquet           rows of both spans of a retraining
    <root>/<dataset>/monitor/spans/<retraining>.pending.parquet   before both spans are in their place
    <root>/<dataset>/monitor/spans/<retraining>-<part>.staged.*   the spans' content until then

The columns are request_id (string), row (int32), part ("training" or "evaluation") and target (the label that the span
has); the metadata holds an Entry. The order of the writes makes a span and its entry one transaction: content staged,
entry pending, spans put in place, entry committed. `complete` does what is left of it after a kill.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.errors import InputError
from components.shared.file_lock import locked
from components.shared.files import sha256, sync

Part = Literal["training", "evaluation"]
PARTS: tuple[Part, ...] = ("training", "evaluation")
METADATA = b"span_ledger"
SCHEMA = pa.schema({"request_id": pa.string(), "row": pa.int32(), "part": pa.string(), "target": pa.string()})


@dataclass(frozen=True)
class SpanOfPart:
    """A span.

    Attributes:
      part: Whether its rows are for training or held out.
      span: Number.
      name: File name.
      sha256: Of its content.
      rows: Its rows.
    """

    part: Part
    span: int
    name: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Entry:
    """What one retraining took from the log.

    Attributes:
      retraining: Its number.
      made: When, UTC, ISO 8601.
      since: Time of its first row.
      until: Time before which labels were mature.
      feedback: Sequence of the last import of labels that was read; 0 without one.
      holdout: Share that was held out.
      mature: Mature rows that were in no span, labelled or not.
      spans: The spans: training first.
    """

    retraining: int
    made: str
    since: str
    until: str
    feedback: int
    holdout: float
    mature: int
    spans: tuple[SpanOfPart, ...]

    @property
    def rows(self) -> int:
        """Rows of all spans."""
        return sum(one.rows for one in self.spans)

    def of(self, part: Part) -> SpanOfPart:
        """The span of a part."""
        return next(one for one in self.spans if one.part == part)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Entry":
        """Reads the output of `asdict`."""
        return cls(**{**fields, "spans": tuple(SpanOfPart(**one) for one in fields["spans"])})


class SpanPlace(Protocol):
    """Where the spans of a dataset are."""

    def next_number(self) -> int:
        """Number after that of the newest span."""
        ...

    def name(self, span: int) -> str:
        """File name of a span."""
        ...

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file; None if there is none."""
        ...

    def put(self, content: Path, name: str) -> bool:
        """Copies a file to its place as a whole; returns False if the name is taken."""
        ...


class SpanLedger:
    """The ledger in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def locked(self) -> AbstractContextManager[None]:
        """Waits for the lock of the process that writes spans, and holds it."""
        return locked(self._folder / ".lock")

    def files(self) -> list[Path]:
        """Files of the committed entries."""
        return sorted(path for path in self._folder.glob("*.parquet") if path.stem.isdigit())

    def entry(self, retraining: int) -> Entry | None:
        """The committed entry of a retraining; None if there is none."""
        path = self._committed(retraining)
        return _entry(path) if path.exists() else None

    def entries(self) -> list[Entry]:
        """All committed entries, oldest first."""
        return [_entry(path) for path in self.files()]

    def spans_of(self, request_id: str) -> list[tuple[Entry, int, SpanOfPart]]:
        """Entry, row and span of each row of a request: the lineage from a request to the spans."""
        found = []
        for path in self.files():
            rows = pq.read_table(path, columns=["row", "part"], filters=[("request_id", "==", request_id)])
            entry = _entry(path)
            found += [(entry, one["row"], entry.of(one["part"])) for one in rows.to_pylist()]
        return found

    def staged(self, retraining: int, part: Part, suffix: str) -> Path:
        """Path to which the content of a span is written before it is `added`; ends in <suffix>.tmp."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{retraining:06}-{part}.staged{suffix}.tmp"

    def add(self, entry: Entry, rows: pa.Table, place: SpanPlace) -> Entry:
        """Puts staged spans in their place. Hold the lock, and call `complete` before.

        Args:
          entry: The entry; its spans' numbers and names are those that are free now.
          rows: SCHEMA.
          place: Where the spans go.

        Returns:
          The entry, with other numbers where another process took them meanwhile.
        """
        pending = self._pending(entry.retraining)
        _write(pending, rows, entry)
        return self._put(pending, entry, place)

    def complete(self, place: SpanPlace) -> None:
        """Ends what a killed process began: puts pending spans in place, and removes what never became an entry.

        Raises:
          InputError: A pending entry is damaged.
        """
        for pending in sorted(self._folder.glob("*.pending.parquet")):
            self._put(pending, _entry(pending), place)
        for left in (*self._folder.glob("*.staged*"), *self._folder.glob(".*.tmp")):
            left.unlink(missing_ok=True)

    def _put(self, pending: Path, entry: Entry, place: SpanPlace) -> Entry:
        for one in entry.spans:
            content = self._content(entry, one)
            now = one
            if place.digest(now.name) != now.sha256 and not content.exists():
                raise InputError(f"{pending}: the content of {one.name} is gone; restore {content} from a backup")
            while place.digest(now.name) != now.sha256 and not place.put(content, now.name):
                number = place.next_number()  # another span has the number now
                now = replace(now, span=number, name=place.name(number))
                entry = replace(entry, spans=tuple(now if two.part == now.part else two for two in entry.spans))
                _write(pending, pq.read_table(pending), entry)
        os.replace(pending, self._committed(entry.retraining))
        sync(self._folder)
        for one in entry.spans:
            self._content(entry, one).unlink(missing_ok=True)
        return entry

    def _content(self, entry: Entry, one: SpanOfPart) -> Path:
        return self.staged(entry.retraining, one.part, Path(one.name).suffix)

    def _committed(self, retraining: int) -> Path:
        return self._folder / f"{retraining:06}.parquet"

    def _pending(self, retraining: int) -> Path:
        return self._folder / f"{retraining:06}.pending.parquet"


class FolderPlace:
    """The spans in a local folder."""

    def __init__(self, folder: Path, name: Callable[[int], str], numbers: Callable[[], Sequence[int]]) -> None:
        """Makes a place.

        Args:
          folder: The folder.
          name: Number -> file name.
          numbers: Numbers of the spans that are there.
        """
        self._folder, self._name, self._numbers = folder, name, numbers

    def next_number(self) -> int:
        """Number after that of the newest span."""
        return max(self._numbers(), default=0) + 1

    def name(self, span: int) -> str:
        """File name of a span."""
        return self._name(span)

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file; None if there is none."""
        try:
            digest = sha256(self._folder / name)
            self._temporary(name).unlink(missing_ok=True)  # of a process that was killed after it put the file there
            return digest
        except FileNotFoundError:
            return None

    def put(self, content: Path, name: str) -> bool:
        """Copies a file to its place as a whole; returns False if the name is taken."""
        temporary = self._temporary(name)
        try:
            shutil.copyfile(content, temporary)
            sync(temporary)
            try:
                os.link(temporary, self._folder / name)  # unlike a rename, it replaces nothing
            except FileExistsError:
                return False
        finally:
            with suppress(OSError):
                temporary.unlink()
        sync(self._folder)
        return True

    def _temporary(self, name: str) -> Path:
        return self._folder / f".{name}.tmp"


def _entry(path: Path) -> Entry:
    try:
        return Entry.from_json(json.loads(pq.read_schema(path).metadata[METADATA]))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as exc:
        raise InputError(
            f"{path}: is damaged ({' '.join(str(exc).split())}), so it is unknown which rows are in a span; restore it "
            "from a backup"
        ) from exc


def _write(path: Path, rows: pa.Table, entry: Entry) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(
        rows.replace_schema_metadata({METADATA: json.dumps(asdict(entry)).encode()}), temporary, compression="zstd"
    )
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)
