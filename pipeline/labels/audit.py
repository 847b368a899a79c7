"""`plumbline audit DATA --label COL`: label issues of any file, and inter-annotator agreement."""

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

from components.arrow_example_gen.corrections import CorrectionCounts, load_corrections
from components.label_audit.agreement import Agreement, agreement
from components.label_audit.agreement_json import agreement_json
from components.label_audit.audit import LabelAudit, audit_labels
from components.label_audit.audit_text import agreement_lines, audit_lines
from components.label_audit.duplicates import Duplicates, find_duplicates
from components.label_audit.encoding import FeatureTypes
from components.label_audit.export import COLUMNS, AutoCorrection, ExportCounts, label_issues_csv
from components.label_audit.models import MODELS
from components.label_audit.settings import LabelAuditSettings
from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.features.derived_cells import derived_cells
from components.shared.files import write_text
from components.shared.texts.suggestions import did_you_mean
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.read_limits import DEFAULT_LIMITS
from pipeline.drift.input_tables import NOTHING, InputTable, ReadRequest, open_sides
from pipeline.labels.spelling_variants import SpellingVariants, eval_rows, find_spelled
from pipeline.onboarding.initialise.proposal import propose
from pipeline.preflight.corrections_check import corrections_path
from pipeline.settings.config import Config
from pipeline.settings.feature_types import by_kind, feature_kinds


@dataclass(frozen=True)
class AuditResult:
    """Result of the audit of a file or folder.

    Attributes:
      data: Path that was audited.
      label: The label column; "" if none was given.
      rows: Number of rows.
      labels: Label audit; None without a label column.
      agreement: Inter-annotator agreement; None without annotators.
      repeated: Ids that occur in several rows.
      mismatches: Type mismatches; these values count as missing.
      ids: Id columns.
      types: Column -> type alias.
      duplicates: Duplicate rows.
      spellings: Spelling variants by column.
    """

    data: str
    label: str
    rows: int
    labels: LabelAudit | None
    agreement: Agreement | None
    repeated: frozenset[str]
    mismatches: tuple[TypeMismatch, ...]
    ids: tuple[str, ...]
    types: Mapping[str, str]
    duplicates: Duplicates = field(default_factory=lambda: Duplicates(0, 0, 0))
    spellings: tuple[SpellingVariants, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `--json` prints."""
        found = self.labels.to_json() if self.labels else {"issues": [], "noise": None}
        if self.agreement is not None:
            found["agreement"] = agreement_json(self.agreement)
        mismatches = [asdict(mismatch) for mismatch in self.mismatches]
        near = {
            "duplicates": self.duplicates.to_json(),
            "spellings": [{"column": one.column, **asdict(group)} for one in self.spellings for group in one.groups],
        }
        both = {"type_mismatches": mismatches, "misfits": mismatches}  # the second is the former name
        return {"data": self.data, "label": self.label, **found, "rows": self.rows, **both, **near}

    def to_text(self) -> str:
        """Formats the result as text."""
        lines = [f"{self.data}: {self.rows:,} rows" + (f", label {self.label}" if self.label else "")]
        if self.labels is not None:
            lines += audit_lines(self.labels)
        if self.agreement is not None:
            lines += ["", *agreement_lines(self.agreement)] if self.labels else agreement_lines(self.agreement)
        if duplicates := self.duplicates.lines():
            lines += ["", "duplicate rows", *duplicates]
        if self.spellings:
            lines += [
                "",
                "possible spelling variants of one value",
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
    request: ReadRequest = NOTHING,
) -> AuditResult:
    """Audits the labels of a file or folder.

    Args:
      data: File or folder of CSV, Parquet, Arrow or tf.Examples.
      label: Label column. "" stands for the label of `config`, or for none if `labelers` are given.
      config: Settings of a dataset: feature types, ids, column types. None infers them as `plumbline init` does.
      ids: Id columns; they override those of the settings.
      labelers: Annotators' columns; they are not used as features.
      model: "auto", or one of `components.label_audit.models.MODELS`.
      limit: Maximum number of issues.
      read_limits: Read limits, each "name=number"; they override those of the settings.
      request: Options of the command line for databases and workbooks; they override the settings.

    Raises:
      UsageError: The path does not exist, or a column, model or limit is invalid.
      InputError: The data cannot be read, or the label column has fewer than two values.
      ConfigError: The schema cannot be read.
    """
    if model not in ("auto", *MODELS):
        raise UsageError(f"--model {model}: unknown model; legal: auto, {', '.join(MODELS)}")
    if limit < 1:
        raise UsageError(f"--limit {limit}: must be at least 1")
    if config is not None and not label and not labelers:
        label = config.dataset.label
    if not label and not labelers:
        raise UsageError("audit: give the label column with --label COL, or annotators' columns with --annotators A,B")
    table, types, mismatches, files = _read(data, config, read_limits, request)
    for option, columns in (("--label", (label,) if label else ()), ("--annotators", labelers), ("--id", ids)):
        _require(option, columns, types)
    if twice := sorted({name for name in labelers if list(labelers).count(name) > 1}):
        raise UsageError(f"--annotators: {twice[0]} is given twice; remove one")
    found: LabelAudit | None = None
    names: tuple[str, ...] = tuple(ids)
    slices: tuple[str, ...] = ()
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    if config is not None:
        names = names or config.dataset.id
        slices = tuple(dict.fromkeys(column for cross in config.evaluation.slices for column in cross))
    if label:
        kinds, names, regression, slices = _features(table, types, label, labelers, config, names, slices)
        settings = LabelAuditSettings(model=model, max_issues=limit)
        frame = frame.assign(**_derived(table, [name for name in kinds.names if name not in types]))
        found = audit_labels(frame, label, kinds, names, regression, settings)
    between = None
    if labelers:
        _require("[evaluation] slices", slices, types)
        between = agreement(frame, labelers, names, slices, limit)
    in_eval = eval_rows(table, config, names, files)
    return AuditResult(
        data,
        label,
        len(frame),
        found,
        between,
        _repeated(frame, names),
        tuple(mismatches),
        names,
        types,
        find_duplicates(table, names, label, in_eval),
        find_spelled(table, types, [label, *labelers]),
    )


MAX_QUALITY = 0.5
"""Maximum of --auto: a label of higher quality is more likely right than wrong."""


def export_corrections(found: AuditResult, path: Path, auto: float | None = None) -> ExportCounts:
    """Writes the label issues as corrections.csv, for review by a person.

    Args:
      found: The audit.
      path: Target file. An earlier export without decisions is overwritten.
      auto: Label quality in [0, 0.5] up to which the suggested label is filled in and signed "auto"; None for no label.

    Raises:
      UsageError: The audit has no label or no id columns; the threshold is out of range; the label is a number, whose
        suggestion is a prediction and not a label; the file exists and holds decisions or is no corrections file.
      InputError: A suggested label does not fit the type of the label column.
    """
    if found.labels is None:
        raise UsageError("--export writes label issues; give the label column with --label")
    if any(issue.id is None for issue in found.labels.issues):
        raise UsageError("--export: corrections refer to rows by id; give the id columns with --id")
    _check_undecided(path)
    choice = None
    if auto is not None:
        check_threshold(auto)
        if found.labels.issues and found.labels.separable is None:
            raise UsageError(
                "--auto: the label is numeric, so the suggestion is a prediction, not a label; omit --auto and correct "
                "by hand"
            )
        choice = AutoCorrection(auto, found.labels.model, datetime.now(timezone.utc).strftime("%Y-%m-%d"))
    text, exported = label_issues_csv(found.labels.issues, found.label, found.repeated, choice)
    write_text(path, text)
    if exported.filled:
        load_corrections(str(path), dict(found.types), found.ids, found.label)  # validate as ingest does
    return exported


def _check_undecided(path: Path) -> None:
    """Raises UsageError if the file holds decisions or is not a corrections file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            known = lines.fieldnames is None or set(COLUMNS) <= set(lines.fieldnames)
            decided = sum(bool(line["value"] or line["by"]) for line in lines) if known else 0
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{path}: exists and cannot be read ({exc}); choose another file with --export") from exc
    if not known:
        raise UsageError(f"{path}: exists and is not a corrections file; choose another file with --export")
    if decided:
        raise UsageError(f"{path}: {decided:,} of its lines are filled in; choose another file with --export")


def check_threshold(auto: float) -> None:
    """Validates the quality threshold of --auto.

    Raises:
      UsageError: It is not in [0, MAX_QUALITY].
    """
    if not 0 <= auto <= MAX_QUALITY:  # false for NaN, too
        raise UsageError(
            f"--auto {auto:g}: must be between 0 and {MAX_QUALITY}; a label of higher quality is more likely right "
            "than wrong"
        )


def export_text(found: AuditResult, path: Path, exported: ExportCounts, auto: float | None) -> str:
    """Formats the result of an export.

    Args:
      found: The audit.
      path: The file that was written.
      exported: Counts of the export.
      auto: Quality threshold of --auto, or None.
    """
    left_out = f"; {exported.left_out:,} left out because their ids are not unique" if exported.left_out else ""
    if auto is None:
        return f"{path}: {exported.rows:,} rows to review{left_out}"
    open_rows = exported.rows - exported.filled
    lines = [
        f"{path}: {exported.filled:,} labels replaced by the suggested one (quality <= {auto:g}), {open_rows:,} rows "
        f"to review{left_out}"
    ]
    assert found.labels is not None
    if exported.filled and not found.labels.separable:
        lines.append("  classes overlap: many of these labels are right, and their rows merely hard to predict")
    issues = found.labels.issues
    if len(issues) < found.labels.doubtful and issues[-1].quality <= auto:
        lines.append(f"  only the {len(issues):,} issues of lowest quality are exported; --limit sets their number")
    return "\n".join(lines)


def _features(
    table: pa.Table,
    types: dict[str, str],
    label: str,
    labelers: Sequence[str],
    config: Config | None,
    ids: tuple[str, ...],
    slices: tuple[str, ...],
) -> tuple[FeatureTypes, tuple[str, ...], bool, tuple[str, ...]]:
    """Feature types, id columns, whether the label is numeric, and slicing columns."""
    if config is not None:
        features = config.features
        _require(f"{config.path}: [features]", (*features.names, *ids), types)
        known = by_kind(feature_kinds(config, types))
        kinds = FeatureTypes(tuple(known["categorical"]), tuple(known["numeric"]), known["cyclical"], features.text)
        _tell_of_images(features.image)
        if held := [name for name in features.names if name in (label, *labelers)]:
            raise UsageError(f"{held[0]} is a feature in {config.path}, so it cannot be a label")
        return kinds, ids, config.dataset.task == "regression" and label == config.dataset.label, slices
    left = {name: alias for name, alias in types.items() if name == label or name not in labelers}
    proposal = propose(table.select(list(left)), left, label)
    _tell_of_images(proposal.of_kind("image"))
    categorical = tuple(name for name in proposal.of_kind("categorical") if name not in ids)
    cyclical = {c.name: c.period for c in proposal.columns if c.kind == "cyclical" and c.is_feature}
    kinds = FeatureTypes(
        categorical,
        tuple(name for name in proposal.of_kind("numeric") if name not in ids),
        {name: period for name, period in cyclical.items() if name not in ids},
        tuple(name for name in proposal.of_kind("text") if name not in ids),
    )
    return kinds, ids or tuple(proposal.id), proposal.task == "regression", categorical


def _tell_of_images(columns: Sequence[str]) -> None:
    """Says that image columns are left out: their embeddings are computed in runs only."""
    if columns:
        print(f"{', '.join(columns)}: images are audited in runs only; this audit leaves them out", file=sys.stderr)


def _derived(table: pa.Table, names: Sequence[str]) -> dict[str, pd.Series]:
    """Columns derived from dates and lists, see components/shared/features/derived_features.py."""
    found: dict[str, pd.Series] = {}
    for name in names:
        parts = [cells for batch in table.to_batches() if (cells := derived_cells(batch, name)) is not None]
        found[name] = pa.chunked_array(parts, pa.float32()).to_pandas()
    return found


def _read(
    data: str, config: Config | None, read_limits: Sequence[str], request: ReadRequest
) -> tuple[pa.Table, dict[str, str], list[TypeMismatch], list[int]]:
    """Returns all rows, column -> type alias, type mismatches, and the number of rows of each file."""
    types: dict[str, str] = {}
    options = None
    limits = (config.data.limits if config is not None else DEFAULT_LIMITS).changed(read_limits)
    if config is not None:
        try:
            types = column_types(parse_schema(config.schema_path.read_text("utf-8-sig"), str(config.schema_path)))
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{config.schema_path}: cannot be read ({exc})") from exc
        options = config.data.read_options("warn", limits)
    side, _ = open_sides(data, data, types, options, limits, request)
    for line in side.assumed_lines():
        print(line, file=sys.stderr)
    if side.types:
        rows: list[int] = []
        batches: Iterable[pa.RecordBatch] = _counted(side, rows)
        if config is not None and (path := corrections_path(config)):
            # Labels that a person has reviewed are audited in their corrected form.
            corrections = load_corrections(path, dict(side.types), config.dataset.id, config.dataset.label)
            batches = corrections.apply(batches, CorrectionCounts())
        table = pa.Table.from_batches(batches)
        if sum(rows) != table.num_rows:  # corrections dropped rows
            rows = []
        return table, {name: side.types[name] for name in table.column_names}, side.mismatches, rows
    return *_examples(side), []


def _counted(side: InputTable, rows: list[int]) -> Iterator[pa.RecordBatch]:
    """Yields all batches and appends the number of rows of each file to `rows`."""
    for file in side.files:
        rows.append(0)
        for batch in replace(side, files=(file,)).batches():
            rows[-1] += batch.num_rows
            yield batch


_ALIASES = {pa.int64(): "int64", pa.float32(): "float64", pa.binary(): "string", pa.large_binary(): "string"}


def _examples(side: InputTable) -> tuple[pa.Table, dict[str, str], list[TypeMismatch]]:
    """Reads tf.Examples; columns with several values in a row are left out."""
    batches = [pa.table(batch) for batch in side.batches()]
    if not batches:
        raise InputError(f"{side.name}: contains no examples")
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
                f"{option} {name}: no such column; {did_you_mean(name, types)}available: {', '.join(types)[:1000]}"
            )
        if types[name].startswith("list:"):
            raise UsageError(f"{option} {name}: the column holds lists; choose a column with one value in each row")


def _repeated(frame: pd.DataFrame, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    again = frame.loc[frame.duplicated(list(ids), keep=False), list(ids)].drop_duplicates()
    return frozenset("|".join(str(value) for value in row) for row in again.itertuples(index=False))
