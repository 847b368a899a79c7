"""What one run reads and how: the one description that the check before a run and ingest itself both follow."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import pyarrow as pa

from components.arrow_example_gen.columns import arrow_types
from components.arrow_example_gen.corrections import Applied, Corrections, load_corrections
from components.arrow_example_gen.misfits import Misfit
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.reading import read_batches
from components.arrow_example_gen.spans import SpanFile, SpanWindow, choose_window, find_spans, open_folder
from components.arrow_example_gen.splitting import in_eval
from components.errors import UsageError

SPLITS = ("train", "eval")


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
      directory: Folder or URL of the files.
      pattern: File name with `{span}`, or the name of one file.
      columns: Column -> type alias, see columns.py.
      label: Label column.
      ids: Columns that name a row.
      window: Number of spans to train on.
      eval_share: Share of the rows in eval where there are no spans.
      options: How cells are read.
      corrections: File or URL of corrections to the rows, see corrections_file.py; "" is none.
    """

    directory: str
    pattern: str
    columns: Mapping[str, str]
    label: str
    ids: Sequence[str]
    window: int
    eval_share: float
    options: ReadOptions
    corrections: str = ""

    def to_json(self) -> str:
        """As a component's parameter."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """What `to_json` wrote."""
        fields = json.loads(text)
        options = fields.pop("options")
        return cls(options=ReadOptions(**{**options, "missing": tuple(options["missing"])}), **fields)

    @property
    def has_spans(self) -> bool:
        """False for a single file."""
        return "{span}" in self.pattern

    def files(self, span: int | None = None) -> SpanWindow:
        """The files of the run that evaluates `span`, None being the newest; InputError if one is not there."""
        found = find_spans(self.directory, self.pattern)
        if self.has_spans:
            return choose_window(found, span, self.window)
        if span not in (None, 0):
            raise UsageError(f"span {span}: {self.pattern} is a single file, without spans; leave --span out")
        return SpanWindow(train=tuple(found), eval=tuple(found))

    @cached_property
    def corrected(self) -> Corrections | None:
        """The corrections, read once; None if there are none. Raises what load_corrections does."""
        if not self.corrections:
            return None
        return load_corrections(self.corrections, self.columns, self.ids, self.label)

    def read(
        self, file: SpanFile, split: str, misfits: list[Misfit] | None = None, applied: Applied | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Streams the rows of a file that belong to a split, corrected: all of them, or those dealt to it."""
        rows = self._rows(file, split, misfits)
        return rows if self.corrected is None else self.corrected.apply(rows, applied)

    def _rows(self, file: SpanFile, split: str, misfits: list[Misfit] | None) -> Iterator[pa.RecordBatch]:
        filesystem, _ = open_folder(self.directory)
        batches = read_batches(filesystem, file, arrow_types(dict(self.columns)), self.options, misfits)
        if self.has_spans:
            yield from batches
            return
        for batch in batches:
            chosen = in_eval(batch, self.ids, self.eval_share)
            yield batch.filter(pa.array(chosen if split == "eval" else ~chosen))

    def digest(self, file_sha256: str, split: str) -> str:
        """What a data fingerprint takes for a file's share in a split: its checksum, and how rows were dealt."""
        return file_sha256 if self.has_spans else f"{file_sha256} {split} {self.eval_share} {list(self.ids)}"
