"""`plumbline audit DATA --label COL`: doubtful labels of any file, and consistency between labelers' columns."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.columns import column_types, parse_schema
from components.arrow_example_gen.corrections import Applied, load_corrections
from components.arrow_example_gen.misfits import Misfit
from components.arrow_example_gen.options import ReadOptions
from components.errors import ConfigError, InputError, UsageError
from components.files import write_text
from components.label_audit.advice import advice
from components.label_audit.agreement import Agreement, agreement
from components.label_audit.audit import LabelAudit, audit_labels
from components.label_audit.encoding import Kinds
from components.label_audit.export import corrections_csv
from components.label_audit.models import MODELS
from components.label_audit.settings import Settings
from components.label_audit.text import agreement_lines, audit_lines
from pipeline.config import Config
from pipeline.corrections_check import corrections_path
from pipeline.drift.data import Side, open_sides
from pipeline.initialise.propose import propose


@dataclass(frozen=True)
class Audit:
    """What was found in `data`.

    `labels` is None where no label was named, `agreement` where no labelers were. `repeated` are ids of several rows,
    `misfits` values that count as missing.
    """

    data: str
    label: str
    rows: int
    labels: LabelAudit | None
    agreement: Agreement | None
    repeated: frozenset[str]
    misfits: tuple[Misfit, ...]

    def to_json(self) -> dict[str, Any]:
        """As the JSON object that `--json` prints."""
        found = self.labels.to_json() if self.labels else {"issues": [], "noise": None}
        if self.agreement is not None:
            found["agreement"] = {**asdict(self.agreement), "advice": advice(self.agreement)}
        misfits = [asdict(misfit) for misfit in self.misfits]
        return {"data": self.data, "label": self.label, **found, "rows": self.rows, "misfits": misfits}

    def for_a_person(self) -> str:
        """A line on top, then what stands out."""
        lines = [f"{self.data}: {self.rows:,} rows" + (f", label {self.label}" if self.label else "")]
        if self.labels is not None:
            lines += audit_lines(self.labels)
        if self.agreement is not None:
            lines += ["", *agreement_lines(self.agreement)] if self.labels else agreement_lines(self.agreement)
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
    table, types, misfits = _read(data, config)
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
        found = audit_labels(frame, label, kinds, names, regression, settings)
    between = None
    if labelers:
        _require("[evaluation] slices", slices, types)
        between = agreement(frame, labelers, names, slices, limit)
    return Audit(data, label, len(frame), found, between, _repeated(frame, names), tuple(misfits))


def export(found: Audit, path: Path) -> tuple[int, int]:
    """Writes the doubtful rows as corrections.csv, to be filled in by a person.

    Returns:
      Rows written, and rows left out because their id is another row's, too.

    Raises:
      UsageError: Nothing to write rows by: no label, or no id columns.
    """
    if found.labels is None:
        raise UsageError("--export: writes doubtful labels; name the label column with --label")
    if any(issue.id is None for issue in found.labels.issues):
        raise UsageError("--export: corrections go by id; name the id columns with --id")
    text, count = corrections_csv(found.labels.issues, found.label, found.repeated)
    write_text(path, text)
    return count, len(found.labels.issues) - count


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
        kinds = Kinds(features.categorical, features.numeric, dict(features.cyclical))
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
    )
    return kinds, ids or tuple(proposal.id), proposal.task == "regression", categorical


def _read(data: str, config: Config | None) -> tuple[pa.Table, dict[str, str], list[Misfit]]:
    """All rows, single values in the cells; column -> type alias."""
    types: dict[str, str] = {}
    options = None
    if config is not None:
        try:
            types = column_types(parse_schema(config.schema_path.read_text("utf-8-sig"), str(config.schema_path)))
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{config.schema_path}: cannot be read ({exc})") from exc
        options = ReadOptions(config.data.missing, config.data.delimiter, "warn")
    side, _ = open_sides(data, data, types, options)
    if side.types:
        batches: Iterable[pa.RecordBatch] = side.batches()
        if config is not None and (path := corrections_path(config)):
            # What a person has decided is not doubted again.
            corrections = load_corrections(path, dict(side.types), config.dataset.id, config.dataset.label)
            batches = corrections.apply(batches, Applied())
        table = pa.Table.from_batches(batches)
        return table, {name: side.types[name] for name in table.column_names}, side.misfits
    return _examples(side)


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
            raise UsageError(f"{option} {name}: no such column; there is: {', '.join(types)[:1000]}")
        if types[name].startswith("list:"):
            raise UsageError(f"{option} {name}: holds lists; one value a row is needed")


def _repeated(frame: pd.DataFrame, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    again = frame.loc[frame.duplicated(list(ids), keep=False), list(ids)].drop_duplicates()
    return frozenset("|".join(str(value) for value in row) for row in again.itertuples(index=False))
