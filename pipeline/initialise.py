"""From a file of one's own to a dataset that `plumbline run` takes: writes its schema.pbtxt and pipeline.toml.

All rows are read once for the types and for what is missing; kinds, domains and leaks are judged on a sample.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import text_format
from pyarrow import fs
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.columns import parse_schema
from components.arrow_example_gen.inferring import Survey, is_binary, survey
from components.arrow_example_gen.options import ReadOptions, detect_delimiter
from components.arrow_example_gen.reading import CSV, IPC, PARQUET
from components.arrow_example_gen.spans import SpanFile, find_spans, open_folder
from components.errors import InputError, UsageError
from components.files import write_bytes, write_text
from pipeline.config import Beam, load_config
from pipeline.propose import Column, Proposal, propose

SAMPLE_ROWS = 200_000
SUFFIXES = (*CSV, *PARQUET, *IPC)

LARGEST_DOMAIN = 50
SAFE_COUNT = 20
"""A column with a rarer value has others that were not seen yet; to list its values would block the next span."""
FEW_INTEGERS = 31
EVAL_SHARE = 0.2


@dataclass(frozen=True)
class Place:
    """Where the data lies, as [data] says it. `window` is the number of spans to train on, 0 for a single file."""

    directory: str
    pattern: str
    files: tuple[SpanFile, ...]
    window: int


@dataclass(frozen=True)
class Initialised:
    """What was found and written. `sampled` of `rows` rows were looked at closely."""

    name: str
    config: Path
    schema: Path
    rows: int
    sampled: int
    files: int
    options: ReadOptions
    proposal: Proposal

    def to_json(self) -> dict[str, object]:
        """As one JSON object."""
        proposal = self.proposal
        return {
            "name": self.name,
            "config": str(self.config),
            "schema": str(self.schema),
            "rows": self.rows,
            "sampled": self.sampled,
            "files": self.files,
            "delimiter": self.options.delimiter,
            "missing": list(self.options.missing),
            "misfits": self.options.misfits,
            "label": {"column": proposal.label, "task": proposal.task, "positive": proposal.positive},
            "id": list(proposal.id),
            "columns": [asdict(column) | {"feature": column.is_feature} for column in proposal.columns],
            "next": f"plumbline run --dataset {self.name}",
        }

    def for_a_person(self) -> str:
        """A short table, what was left out and why, and the next command."""
        rows = [("column", "type", "kind", "missing", "distinct", "note")]
        for column in self.proposal.columns:
            missing = f"{column.missing:.1%}" if column.missing else ""
            kind = "left out" if column.suspicious else column.kind
            note = column.suspicious or column.note
            rows.append((_line(column.name), column.type, kind, missing, f"{column.distinct:,}", note))
        widths = [max(len(row[place]) for row in rows) for place in range(5)]
        pads = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
        aligned = []
        for *cells, note in rows:
            padded = [pad(cell, width) for cell, width, pad in zip(cells, widths, pads, strict=True)]
            aligned.append("  ".join([*padded, note]).rstrip())
        files = f" in {self.files} files" if self.files > 1 else ""
        sample = (
            f"; types from all of them, the rest from a sample of {self.sampled:,}" if self.sampled < self.rows else ""
        )
        suspicious = [_line(column.name) for column in self.proposal.columns if column.suspicious]
        return "\n".join(
            [
                f"{self.rows:,} rows{files}{sample}",
                "",
                *aligned,
                "",
                *([f"Suspicious, left out of the features: {', '.join(suspicious)}"] if suspicious else []),
                f"Written, a draft to read and correct: {self.config}, {self.schema}",
                f"Next: plumbline run --dataset {self.name}",
            ]
        )


def initialise(
    data: str, label: str, name: str | None = None, schemas: Path = Path("schemas"), force: bool = False
) -> Initialised:
    """Looks at the data, writes its settings and schema, both or none.

    Args:
      data: A file, or a folder of span files; a path or URL.
      label: The label column.
      name: Of the dataset; None makes one of the file's or the folder's.
      schemas: Folder of all datasets.
      force: Replace the dataset's files if it is there already.

    Raises:
      UsageError: No such data or label column, an illegal or taken name.
      InputError: Data that cannot be read or learned from.
    """
    place = find_data(data)
    name = legal_name(data) if name is None else name
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise UsageError(f"--name {name}: must be lower-case letters, digits, _ and -, beginning with a letter")
    target = schemas / name
    if target.exists() and not force:
        raise UsageError(f"{target}: is there already; choose another --name, or --force to replace it")

    filesystem, _ = open_folder(place.directory)
    first = place.files[0]
    options = ReadOptions(delimiter="," if is_binary(first) else detect_delimiter(filesystem, first))
    found = survey(filesystem, place.files, options, SAMPLE_ROWS, find_markers=True)
    spans = found.spans if len(place.files) > 1 else None
    proposal = propose(found.sample, found.types, label, found.rows, spans)
    misfits = {column: count for column, count in found.misfits.items() if count}
    options = ReadOptions(found.options.missing, found.options.delimiter, "warn" if misfits else "block")

    eval_rows = int(found.rows / len(place.files) if place.window else found.rows * EVAL_SHARE)
    settings = settings_text(name, place, proposal, options, misfits, found, eval_rows)
    _write(target, schema_text(name, proposal, found, eval_rows), settings)
    config, schema = target / "pipeline.toml", target / "schema.pbtxt"
    sampled = found.sample.num_rows
    return Initialised(name, config, schema, found.rows, sampled, len(place.files), options, proposal)


def find_data(data: str) -> Place:
    """The files of a path or URL; UsageError if there are none, InputError if their names make no series of spans."""
    filesystem, path = open_folder(data)
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise UsageError(f"--data {data}: no such file or folder")
        if info.type == fs.FileType.File:
            directory, _, file = data.rpartition("/")
            return _single(directory or ("/" if data.startswith("/") else "."), file)
        entries = filesystem.get_file_info(fs.FileSelector(path))
    except OSError as exc:
        raise UsageError(f"--data {data}: cannot be read ({' '.join(str(exc).split())})") from exc
    names = sorted(entry.base_name for entry in entries if entry.type == fs.FileType.File)
    names = [name for name in names if name[0] not in "._" and _suffix(name)]
    if not names:
        raise UsageError(f"--data {data}: holds no file that can be read; they end in {', '.join(SUFFIXES)}")
    if len(names) == 1:
        return _single(data, names[0])
    pattern = _pattern(data, names)
    files = tuple(find_spans(data, pattern))
    numbers = [file.span for file in files]
    steady = next((back for back in range(1, len(numbers)) if numbers[-1 - back] != numbers[-1] - back), len(numbers))
    if steady == 1:
        raise InputError(
            f"{data}: spans are numbered one by one, but {pattern} goes from {numbers[-2]} to {numbers[-1]}; "
            "rename the files to a running number"
        )
    return Place(data, pattern, files, min(3, steady - 1))


def _single(directory: str, file: str) -> Place:
    if not _suffix(file):
        raise UsageError(f"--data {file}: is of a kind that is not read; files end in {', '.join(SUFFIXES)}")
    return Place(directory, file, tuple(find_spans(directory, file)), 0)


def _suffix(name: str) -> str:
    return max((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), key=len, default="")


def _pattern(data: str, names: list[str]) -> str:
    """The pattern that all names share; InputError with what there is otherwise."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for name in names:
        stem = name[: len(name) - len(_suffix(name))]  # .bz2 holds a digit, too
        parts = re.split(r"(\d+)", stem)
        groups.setdefault((*parts[::2], name[len(stem) :]), []).append(parts[1::2])
    shown = []
    for (*texts, suffix), numbers in groups.items():
        moving = [place for place, values in enumerate(zip(*numbers, strict=True)) if len(set(values)) > 1]
        filled = ["{span}" if place in moving else number for place, number in enumerate(numbers[0])]
        pattern = "".join(text + number for text, number in zip(texts, [*filled, ""], strict=True)) + suffix
        if len(groups) == 1 and len(moving) == 1:
            return pattern
        shown.append(pattern if moving else "".join(texts) + suffix)
    found = ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")
    raise InputError(
        f"{data}: the names of its {len(names)} files differ in more than one number: {found}; "
        "a folder holds one series, as span-1.csv, span-2.csv; or name one file"
    )


def legal_name(data: str) -> str:
    """A dataset's name made of a file's or folder's: Big Table.v2.csv.gz -> big_table_v2."""
    last = data.rstrip("/").rpartition("/")[2]
    last = Path.cwd().name if last in ("", ".", "..") else last
    stem = last[: len(last) - len(_suffix(last))]
    name = re.sub(r"[^a-z0-9-]+", "_", stem.lower()).strip("_-")
    return name if name[:1].isalpha() and name[:1].isascii() else f"data_{name}".rstrip("_")


def _write(target: Path, schema: str, settings: str) -> None:
    """Both files or none: they are made and checked in a folder beside, which then takes the name."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as exc:
        raise UsageError(f"{target}: cannot be written ({exc.strerror})") from exc
    try:
        draft.chmod(0o755)
        write_text(draft / "schema.pbtxt", schema)
        write_text(draft / "pipeline.toml", settings)
        load_config(draft / "pipeline.toml")
        parse_schema(schema, str(target / "schema.pbtxt"))
        if target.exists():
            _replace(target, schema, settings)
        else:
            os.rename(draft, target)
    except OSError as exc:
        raise UsageError(f"{target}: cannot be written ({exc.strerror})") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _replace(target: Path, schema: str, settings: str) -> None:
    """Replaces both files; if the second cannot be, the first is again what it was."""
    path = target / "schema.pbtxt"
    before = path.read_bytes() if path.exists() else None
    write_text(path, schema)
    try:
        write_text(target / "pipeline.toml", settings)
    except OSError:
        if before is None:
            path.unlink()
        else:
            write_bytes(path, before)
        raise


# The schema -------------------------------------------------------------------------------------------------------


def schema_text(name: str, proposal: Proposal, found: Survey, eval_rows: int) -> str:
    """schema.pbtxt: every column with its type, what is certain of it, and how far it may drift."""
    parts = [
        f"# What a span of {name} may hold. Drafted by plumbline init; what is known better belongs here.\n"
        "# presence: min_fraction 1.0 is a value in every row. domain: the legal values; up to 5 % of others pass.\n"
        "# drift_comparator: how far eval may be from train before the column counts as drifted.\n"
    ]
    domains = []
    for column in proposal.columns:
        feature = _feature(column, proposal, found, eval_rows)
        values = _domain(column, proposal, found)
        if values:
            feature.domain = column.name
            if column.kind != "label":  # another label value than these cannot be learned from
                feature.distribution_constraints.min_domain_mass = 0.95
            domains.append(schema_pb2.StringDomain(name=column.name, value=values))
        why = column.suspicious or column.note
        comment = f"# {_line(column.name)} {_line(why) if column.suspicious else f'({_line(why)})'}\n" if why else ""
        parts.append(comment + text_format.MessageToString(schema_pb2.Schema(feature=[feature]), as_utf8=True))
    parts += [text_format.MessageToString(schema_pb2.Schema(string_domain=[one]), as_utf8=True) for one in domains]
    return "\n".join(parts)


def _feature(column: Column, proposal: Proposal, found: Survey, eval_rows: int) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name=column.name)
    kind = column.type.removeprefix("list:")
    feature.type = {"float64": schema_pb2.FLOAT, "string": schema_pb2.BYTES}.get(kind, schema_pb2.INT)
    certain = column.kind == "label" or (column.name in proposal.id and not found.missing[column.name])
    if certain:  # rows without a label are left out before anything is counted
        feature.presence.min_fraction = 1.0
        feature.presence.min_count = 1
        feature.value_count.min = 1
    else:
        feature.presence.min_count = 0
    if column.type.startswith("list:"):
        feature.value_count.min = 0
    else:
        feature.value_count.max = 1
    classes = column.kind == "categorical" or (column.kind == "label" and proposal.task != "regression")
    # Of a few integers the shares are compared: TFDV spreads a histogram's bins over values that cannot be.
    classes = classes or (column.type == "int64" and column.distinct <= FEW_INTEGERS and column.kind != "label")
    if column.type == "bool":
        feature.bool_domain.SetInParent()
    elif column.type in ("date", "timestamp"):
        time = schema_pb2.TimeDomain
        feature.time_domain.integer_format = time.UNIX_DAYS if column.type == "date" else time.UNIX_MICROSECONDS
    elif column.type == "int64" and classes:
        feature.int_domain.is_categorical = True
    # A few rows differ by chance alone.
    if column.suspicious or column.kind not in ("label", "categorical", "numeric", "cyclical"):
        return feature
    if classes and column.type != "float64":
        feature.drift_comparator.infinity_norm.threshold = round(max(0.1, 1.5 / max(eval_rows, 1) ** 0.5), 2)
    else:
        feature.drift_comparator.jensen_shannon_divergence.threshold = round(max(0.2, 9 / max(eval_rows, 10)), 2)
    return feature


def _domain(column: Column, proposal: Proposal, found: Survey) -> list[str]:
    """The legal values of a text column if they are few and each is frequent, so that no other is to be expected."""
    classes = column.kind == "label" and proposal.task != "regression"
    if column.type != "string" or not (classes or (column.kind == "categorical" and column.is_feature)):
        return []
    counts = _counts(found.sample, column.name)
    if not counts or len(counts) > LARGEST_DOMAIN or "" in counts:
        return []
    whole = classes and found.sample.num_rows == found.rows and not len(set(found.spans)) > 1
    return sorted(counts) if whole or min(counts.values()) >= SAFE_COUNT else []


def _counts(table: pa.Table, name: str) -> dict[str, int]:
    counted = pc.value_counts(table[name].drop_null()).to_pylist()
    return {pair["values"]: pair["counts"] for pair in counted}


# The settings -----------------------------------------------------------------------------------------------------


def settings_text(
    name: str,
    place: Place,
    proposal: Proposal,
    options: ReadOptions,
    misfits: dict[str, int],
    found: Survey,
    eval_rows: int,
) -> str:
    """pipeline.toml, every table with what there is to know about it."""
    lines = [
        f"# {name}: drafted by plumbline init from {found.rows:,} rows. Correct what you know better.",
        "",
        "[dataset]",
        f"name = {_toml(name)}",
        f"task = {_toml(proposal.task)}".ljust(30) + f"# {_line(proposal.why)}",
        f"label = {_toml(proposal.label)}",
    ]
    if proposal.positive is not None:
        lines.append(f"positive = {_toml(proposal.positive)}".ljust(30) + "# the value that counts as 1")
    many = next((column for column in proposal.columns if column.name in proposal.id and column.note), None)
    lines += [
        f"id = {_toml(list(proposal.id))}".ljust(30)
        + ("# names a row; never a feature" if proposal.id else "# columns that name a row; none was found")
        + (f" ({many.note})" if many else ""),
        "",
        "[data]",
        f"directory = {_toml(place.directory)}",
        f"pattern = {_toml(place.pattern)}",
    ]
    if place.window:
        lines.append(f"window = {place.window}".ljust(30) + "# spans to train on; the one after them is eval")
    else:
        what = "id columns" if proposal.id else "whole row"
        lines.append(f"eval_share = {EVAL_SHARE}".ljust(30) + f"# of the rows, dealt by a hash of the {what}")
    if not is_binary(place.files[0]):
        lines += [
            f"missing = {_toml(list(options.missing))}".ljust(30) + '# cells that mean "no value"',
            f"delimiter = {_toml(options.delimiter)}",
        ]
    lines.append(
        f"misfits = {_toml(options.misfits)}".ljust(30) + "# a value of another type: block, or warn and go on"
    )
    lines += [f"# {count:,} in {_line(column)} do not fit its other values" for column, count in misfits.items()]
    lines += ["", *_features(proposal, found.rows), "", *_GATE, "", *_training(found.rows), ""]
    lines += _evaluation(proposal, found, eval_rows)
    beam = f"args = {_toml(list(Beam().args))}"
    lines += ["", "[registry]", f'directory = ""                 # empty: runs/{name}/registry', "", "[beam]", beam]
    return "\n".join(lines) + "\n"


_GATE = (
    "[gate]                        # block stops a run before it trains, warn reports",
    'anomalies = "block"           # against schema.pbtxt',
    'drift = "warn"',
)


def _features(proposal: Proposal, rows: int) -> list[str]:
    lines = ["[features]"]
    if left := [column for column in proposal.columns if column.suspicious]:
        lines.append("# Left out as suspicious; put back what is right after all:")
        lines += [f"#   {_line(column.name)}: {_line(column.suspicious)}" for column in left]
    carried = [column for column in proposal.columns if column.kind in ("id", "date", "text", "list")]
    if carried := [column for column in carried if column.name not in proposal.id and not column.suspicious]:
        lines.append("# Carried, but not learned from:")
        lines += [f"#   {_line(column.name)}: {column.kind}; {_line(column.note)}" for column in carried]
    lines += [*_array("categorical", proposal.of_kind("categorical")), *_array("numeric", proposal.of_kind("numeric"))]
    periods = {
        column.name: column.period for column in proposal.columns if column.kind == "cyclical" and column.is_feature
    }
    pairs = ", ".join(f"{_toml(column)} = {period:g}" for column, period in periods.items())
    lines.append(f"cyclical = {{ {pairs} }}" if pairs else "cyclical = {}                 # column = period")
    count = 1 if rows < 500 else 2 if rows < 5_000 else 10
    lines.append(f"min_count = {count}".ljust(30) + "# rarer categories are learned as one")
    return lines


def _training(rows: int) -> list[str]:
    """Small tables need more and smaller steps, a smaller network, and more rows to know when to stop."""
    settings: dict[str, object] = {"epochs": 20, "batch_size": 512, "hidden_units": [256, 128], "patience": 3}
    if rows < 50_000:
        settings = {"epochs": 30, "batch_size": 256, "hidden_units": [128, 64], "patience": 5}
    if rows < 5_000:
        settings = {"epochs": 60, "batch_size": 64, "hidden_units": [64, 64], "patience": 8, "learning_rate": 0.002}
    if rows < 1_000:
        settings |= {"epochs": 100, "batch_size": 16, "patience": 15, "validation_share": 0.15}
    return [
        f"[training]                    # for a table of {rows:,} rows",
        *(f"{key} = {_toml(value)}" for key, value in settings.items()),
        "seed = 13",
    ]


def _evaluation(proposal: Proposal, found: Survey, eval_rows: int) -> list[str]:
    chance = round(min(max(0.5 / max(eval_rows, 1) ** 0.5, 0.003), 0.05), 3)  # what a metric moves by chance
    if proposal.task == "binary":
        bar, tolerance, why = {"auc": 0.55}, {"auc": chance, "average_precision": 2 * chance}, "0.5 is chance"
    elif proposal.task == "multiclass":
        share = proposal.majority
        bar = {"accuracy": round(min(share + 0.02, (1 + share) / 2), 3)}
        tolerance, why = {"accuracy": chance}, f"always the most frequent class reaches {share:.3f}"
    else:
        bar = {"rmse": float(f"{0.95 * proposal.spread:.3g}")}
        tolerance = {"rmse": float(f"{max(chance, 0.01) * proposal.spread:.2g}")}
        why = f"at most; always the mean reaches {proposal.spread:.3g}"
    slices = [
        [column.name]
        for column in proposal.columns
        if column.kind == "categorical" and column.is_feature and column.type == "string" and 2 <= column.distinct <= 10
        if min(_counts(found.sample, column.name).values()) >= 0.05 * found.sample.num_rows
    ][:2]
    return [
        "[evaluation]",
        f"slices = {_toml(slices)}".ljust(30) + "# columns by whose values the model is judged, too",
        f"min_slice_rows = {max(30, min(500, eval_rows // 20))}",
        "",
        "[evaluation.thresholds]".ljust(30) + f"# what a candidate has to reach; {why}",
        *(f"{metric} = {value}" for metric, value in bar.items()),
        "",
        "[evaluation.tolerance]".ljust(30) + "# how much worse than the champion is still no regression",
        *(f"{metric} = {value}" for metric, value in tolerance.items()),
    ]


def _array(key: str, names: Iterable[str]) -> list[str]:
    """A TOML array, wrapped."""
    lines, line = [], ""
    for cell in (f"{_toml(name)}, " for name in names):
        if line and len(line) + len(cell) > 100:
            lines.append(f"  {line.rstrip()}")
            line = ""
        line += cell
    if not lines:
        return [f"{key} = [{line.removesuffix(', ')}]"]
    return [f"{key} = [", *lines, f"  {line.rstrip()}", "]"]


def _toml(value: object) -> str:
    """A TOML value: JSON is TOML for strings, numbers and arrays, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(text: str) -> str:
    """On one line of print, for comments and tables."""
    return "".join(character if character.isprintable() else " " for character in text)
