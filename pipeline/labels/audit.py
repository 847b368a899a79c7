"""`plumbline audit DATA --label COL`: doubtful labels of any file, and consistency between labelers' columns."""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.corrections import Applied, load_corrections
from components.label_audit.agreement import Agreement, agreement
from components.label_audit.audit import LabelAudit, audit_labels
from components.label_audit.audit_text import agreement_lines, audit_lines
from components.label_audit.duplicates import Duplicates, find_duplicates
from components.label_audit.encoding import Kinds
from components.label_audit.export import COLUMNS, Auto, Exported, corrections_csv
from components.label_audit.models import MODELS
from components.label_audit.recommendations import advice
from components.label_audit.settings import Settings
from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.features.derived_cells import derived_cells
from components.shared.files import write_text
from components.shared.texts.suggestions import did_you_mean
from components.table_reading.cells.type_errors import Misfit
from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.read_limits import DEFAULT_LIMITS
from pipeline.drift.input_tables import NOTHING, Asked, Side, open_sides
from pipeline.labels.spelling_variants import Spelled, eval_rows, find_spelled
from pipeline.onboarding.initialise.proposal import propose
from pipeline.preflight.corrections_check import corrections_path
from pipeline.settings.config import Config
from pipeline.settings.feature_types import by_kind, feature_kinds


@dataclass(frozen=True)
class Audit:
    """What was found in `data`.

    `labels` is None where no label was named, `agreement` where no labelers were. `repeated` are ids of several rows,
    `misfits` values that count as missing; `ids` are the columns that name a row, `types` column -> type alias.
    """

    data: str
    label: str
    rows: int
    labels: LabelAudit | None
    agreement: Agreement | None
    repeated: frozenset[str]
    misfits: tuple[Misfit, ...]
    ids: tuple[str, ...]
    types: Mapping[str, str]
    duplicates: Duplicates = field(default_factory=lambda: Duplicates(0, 0, 0))
    spellings: tuple[Spelled, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the JSON object that `--json` prints."""
        found = self.labels.to_json() if self.labels else {"issues": [], "noise": None}
        if self.agreement is not None:
            found["agreement"] = {**asdict(self.agreement), "advice": advice(self.agreement)}
        misfits = [asdict(misfit) for misfit in self.misfits]
        near = {
            "duplicates": self.duplicates.to_json(),
            "spellings": [{"column": one.column, **asdict(group)} for one in self.spellings for group in one.groups],
        }
        return {"data": self.data, "label": self.label, **found, "rows": self.rows, "misfits": misfits, **near}

    def for_a_person(self) -> str:
        """A line on top, then what stands out."""
        lines = [f"{self.data}: {self.rows:,} rows" + (f", label {self.label}" if self.label else "")]
        if self.labels is not None:
            lines += audit_lines(self.labels)
        if self.agreement is not None:
            lines += ["", *agreement_lines(self.agreement)] if self.labels else agreement_lines(self.agreement)
        if twins := self.duplicates.lines():
            lines += ["", "rows that are nearly the same", *twins]
        if self.spellings:
            lines += [
                "",
                "values that may be one, spelled differently",
                *(line for one in self.spellings for line in one.lines()),
            ]
        return "\n".join(lines)


def audit(
    data: str,
    label: str = "",
    *,
    config: Config | None = None,
    ids: Sequence[str] = (),
    labelers: Sequence[str] = (),
    model: str = "auto",
    limit: int = 1000,
    read_limits: Sequence[str] = (),
    asked: Asked = NOTHING,
) -> Audit:
    """Audits the labels of a file or folder.

    Args:
      data: CSV, Parquet, Arrow or tf.Examples, a file or a folder.
      label: Column; "" takes the settings', or with `labelers` alone asks for agreement only.
      config: A dataset's settings: features by kind, ids, types. Without, kinds are proposed as `plumbline init` does.
      ids: Columns that name a row, instead of the settings' or the proposed.
      labelers: Columns with labels by different people or processes; never features.
      model: "auto", or one of the models.
      limit: Issues at most, the worst.
      read_limits: Limits of what a file may hold, each "name=number", instead of the settings'.
      asked: What the command line says of a database or a workbook, instead of the settings'.

    Raises:
      UsageError: Nothing there, or no such column, model or limit.
      InputError, ConfigError: Data or schema that cannot be read; a label that says nothing.
    """
    if model not in ("auto", *MODELS):
        raise UsageError(f"--model {model}: no such model; legal: auto, {', '.join(MODELS)}")
    if limit < 1:
        raise UsageError(f"--limit {limit}: give at least 1")
    if config is not None and not label and not labelers:
        label = config.dataset.label
    if not label and not labelers:
        raise UsageError("audit: name the label column with --label, or columns of labels with --labelers A,B")
    table, types, misfits, files = _read(data, config, read_limits, asked)
    for option, columns in (("--label", (label,) if label else ()), ("--labelers", labelers), ("--id", ids)):
        _require(option, columns, types)
    if twice := sorted({name for name in labelers if list(labelers).count(name) > 1}):
        raise UsageError(f"--labelers: {twice[0]} is named twice; keep one")
    found: LabelAudit | None = None
    names: tuple[str, ...] = tuple(ids)
    slices: tuple[str, ...] = ()
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    if config is not None:
        names = names or config.dataset.id
        slices = tuple(dict.fromkeys(column for cross in config.evaluation.slices for column in cross))
    if label:
        kinds, names, regression, slices = _features(table, types, label, labelers, config, names, slices)
        settings = Settings(model=model, most_issues=limit)
        frame = frame.assign(**_derived(table, [name for name in kinds.names if name not in types]))
        found = audit_labels(frame, label, kinds, names, regression, settings)
    between = None
    if labelers:
        _require("[evaluation] slices", slices, types)
        between = agreement(frame, labelers, names, slices, limit)
    in_eval = eval_rows(table, config, names, files)
    twins = find_duplicates(table, names, label, in_eval)
    spelled = find_spelled(table, types, [label, *labelers])
    return Audit(
        data, label, len(frame), found, between, _repeated(frame, names), tuple(misfits), names, types, twins, spelled
    )


MOST_QUALITY = 0.5
"""Above it a label is rather right than wrong."""


def export(found: Audit, path: Path, auto: float | None = None) -> Exported:
    """Writes the doubtful rows as corrections.csv, to be filled in by a person.

    Args:
      found: The audit.
      path: File; an older export in which nothing was decided is replaced.
      auto: Rows of at most this quality get the suggested label, signed "auto". None fills in nothing.

    Raises:
      UsageError: Nothing to write rows by: no label, or no id columns; a threshold out of range, or a regression, of
        which the suggestion is a prediction and no label; a file that holds somebody's decisions.
      InputError: What was filled in is no value of the label's column.
    """
    if found.labels is None:
        raise UsageError("--export: writes doubtful labels; name the label column with --label")
    if any(issue.id is None for issue in found.labels.issues):
        raise UsageError("--export: corrections go by id; name the id columns with --id")
    _check_undecided(path)
    choice = None
    if auto is not None:
        check_threshold(auto)
        if found.labels.issues and found.labels.separable is None:
            raise UsageError(
                "--auto: the label is a number, and what is suggested is a prediction, not a label; leave --auto out "
                "and correct by hand"
            )
        choice = Auto(auto, found.labels.model, datetime.now(timezone.utc).strftime("%Y-%m-%d"))
    text, exported = corrections_csv(found.labels.issues, found.label, found.repeated, choice)
    write_text(path, text)
    if exported.filled:
        load_corrections(str(path), dict(found.types), found.ids, found.label)  # as ingest is going to read it
    return exported


def _check_undecided(path: Path) -> None:
    """UsageError if the file holds anything but lines of an export that nobody has filled in."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            known = lines.fieldnames is None or set(COLUMNS) <= set(lines.fieldnames)
            decided = sum(bool(line["value"] or line["by"]) for line in lines) if known else 0
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{path}: is there, and cannot be read ({exc}); name another file with --export") from exc
    if not known:
        raise UsageError(f"{path}: is there, and is no file of corrections; name another file with --export")
    if decided:
        raise UsageError(f"{path}: {decided:,} of its lines are filled in; name another file with --export")


def check_threshold(auto: float) -> None:
    """UsageError unless labels may be replaced up to this quality."""
    if not 0 <= auto <= MOST_QUALITY:  # NaN is no threshold either
        raise UsageError(
            f"--auto {auto:g}: must lie between 0 and {MOST_QUALITY}: a label of higher quality is rather right than "
            "wrong"
        )


def export_text(found: Audit, path: Path, exported: Exported, auto: float | None) -> str:
    """What was written, in a line or two."""
    left_out = f"; {exported.left_out:,} left out, their ids repeat" if exported.left_out else ""
    if auto is None:
        return f"{path}: {exported.rows:,} rows to look at{left_out}"
    waiting = exported.rows - exported.filled
    lines = [
        f"{path}: {exported.filled:,} labels replaced by the suggested one (quality <= {auto:g}), {waiting:,} rows to "
        f"look at{left_out}"
    ]
    assert found.labels is not None
    if exported.filled and not found.labels.separable:
        lines.append("  classes overlap: many of these labels are right, of rows that are hard to tell")
    issues = found.labels.issues
    if len(issues) < found.labels.doubtful and issues[-1].quality <= auto:
        lines.append(f"  only the {len(issues):,} most doubtful rows were looked at; --limit says how many")
    return "\n".join(lines)


def _features(
    table: pa.Table,
    types: dict[str, str],
    label: str,
    labelers: Sequence[str],
    config: Config | None,
    ids: tuple[str, ...],
    slices: tuple[str, ...],
) -> tuple[Kinds, tuple[str, ...], bool, tuple[str, ...]]:
    """Features by kind, id columns, whether the label is a number, columns to slice by."""
    if config is not None:
        features = config.features
        _require(f"{config.path}: [features]", (*features.names, *ids), types)
        known = by_kind(feature_kinds(config, types))
        kinds = Kinds(tuple(known["categorical"]), tuple(known["numeric"]), known["cyclical"], features.text)
        if held := [name for name in features.names if name in (label, *labelers)]:
            raise UsageError(f"{held[0]} is a feature in {config.path} and cannot be a label, too")
        return kinds, ids, config.dataset.task == "regression" and label == config.dataset.label, slices
    left = {name: alias for name, alias in types.items() if name == label or name not in labelers}
    proposal = propose(table.select(list(left)), left, label)
    categorical = tuple(name for name in proposal.of_kind("categorical") if name not in ids)
    cyclical = {c.name: c.period for c in proposal.columns if c.kind == "cyclical" and c.is_feature}
    kinds = Kinds(
        categorical,
        tuple(name for name in proposal.of_kind("numeric") if name not in ids),
        {name: period for name, period in cyclical.items() if name not in ids},
        tuple(name for name in proposal.of_kind("text") if name not in ids),
    )
    return kinds, ids or tuple(proposal.id), proposal.task == "regression", categorical


def _derived(table: pa.Table, names: Sequence[str]) -> dict[str, pd.Series]:
    """Columns that are derived from dates and lists, see components/shared/features/derived_features.py."""
    found: dict[str, pd.Series] = {}
    for name in names:
        parts = [cells for batch in table.to_batches() if (cells := derived_cells(batch, name)) is not None]
        found[name] = pa.chunked_array(parts, pa.float32()).to_pandas()
    return found


def _read(
    data: str, config: Config | None, read_limits: Sequence[str], asked: Asked
) -> tuple[pa.Table, dict[str, str], list[Misfit], list[int]]:
    """All rows, single values in the cells; column -> type alias; misfits; rows of each file."""
    types: dict[str, str] = {}
    options = None
    limits = (config.data.limits if config is not None else DEFAULT_LIMITS).changed(read_limits)
    if config is not None:
        try:
            types = column_types(parse_schema(config.schema_path.read_text("utf-8-sig"), str(config.schema_path)))
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{config.schema_path}: cannot be read ({exc})") from exc
        options = config.data.read_options("warn", limits)
    side, _ = open_sides(data, data, types, options, limits, asked)
    for line in side.assumed_lines():
        print(line, file=sys.stderr)
    if side.types:
        rows: list[int] = []
        batches: Iterable[pa.RecordBatch] = _counted(side, rows)
        if config is not None and (path := corrections_path(config)):
            # What a person has decided is not doubted again.
            corrections = load_corrections(path, dict(side.types), config.dataset.id, config.dataset.label)
            batches = corrections.apply(batches, Applied())
        table = pa.Table.from_batches(batches)
        if sum(rows) != table.num_rows:  # corrections dropped some
            rows = []
        return table, {name: side.types[name] for name in table.column_names}, side.misfits, rows
    return *_examples(side), []


def _counted(side: Side, rows: list[int]) -> Iterator[pa.RecordBatch]:
    """All rows; those of each file are counted in `rows`."""
    for file in side.files:
        rows.append(0)
        for batch in replace(side, files=(file,)).batches():
            rows[-1] += batch.num_rows
            yield batch


_ALIASES = {pa.int64(): "int64", pa.float32(): "float64", pa.binary(): "string", pa.large_binary(): "string"}


def _examples(side: Side) -> tuple[pa.Table, dict[str, str], list[Misfit]]:
    """tf.Examples: the columns with at most one value in every row; the others are left out."""
    batches = [pa.table(batch) for batch in side.batches()]
    if not batches:
        raise InputError(f"{side.name}: holds no example")
    table = pa.concat_tables(batches, promote_options="permissive").combine_chunks()
    columns, types = {}, {}
    for name in table.column_names:
        lists = table[name].combine_chunks() if table[name].num_chunks != 1 else table[name].chunk(0)
        if pa.types.is_null(lists.type) or (pc.max(pc.list_value_length(lists)).as_py() or 0) > 1:
            continue
        alias = _ALIASES[lists.type.value_type]
        filled = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False) > 0
        cells = lists.flatten().take(pa.array(filled.cumsum() - 1, mask=~filled))
        columns[name], types[name] = cells.cast(pa.string() if alias == "string" else alias), alias
    return pa.table(columns), types, []


def _require(option: str, columns: Sequence[str], types: dict[str, str]) -> None:
    for name in columns:
        if name not in types:
            raise UsageError(
                f"{option} {name}: no such column; {did_you_mean(name, types)}there is: {', '.join(types)[:1000]}"
            )
        if types[name].startswith("list:"):
            raise UsageError(f"{option} {name}: holds lists; one value a row is needed")


def _repeated(frame: pd.DataFrame, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    again = frame.loc[frame.duplicated(list(ids), keep=False), list(ids)].drop_duplicates()
    return frozenset("|".join(str(value) for value in row) for row in again.itertuples(index=False))
