"""Settings of one dataset, read from schemas/<dataset>/pipeline.toml and checked at the door.

Every model below is one table of the file. Unknown keys, wrong types and impossible values are refused with the file,
the key and what would be legal; what is not written has the default given here.
"""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from components.arrow_example_gen.databases.addresses import is_database
from components.arrow_example_gen.limits import DEFAULT_LIMITS, Limits
from components.arrow_example_gen.transcoding import encoding_name
from components.drift_validator.rules import EFFECTS
from components.errors import ConfigError
from components.escaping import on_one_line
from components.plain_names import is_plain
from components.secret_texts import holds_secret, without_secrets
from components.spellings import check_spellings
from pipeline.own_module import OwnModule, read_module
from pipeline.tables.balance import Augmentation, Balance, Extra, check_steps
from pipeline.tables.beam import Beam
from pipeline.tables.errors import Errors
from pipeline.tables.evaluation import Evaluation, check_evaluation
from pipeline.tables.kubeflow import Kubeflow
from pipeline.tables.numbers import Decimal, Numbers, Thousands
from pipeline.tables.table import Names, Policy, Table, Task
from pipeline.tables.text import Text
from pipeline.tables.training import Training
from pipeline.tables.tune import Tune, check_tune

if TYPE_CHECKING:
    from components.arrow_example_gen.options import ReadOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Dataset(Table):
    """What the table is about."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    """Of the folder below schemas/, and of everything that its runs make."""
    label: str
    """The column to predict."""
    task: Task = "binary"
    """What the label is: one of two values, one of several classes, or a number."""
    positive: str | int | None = None
    """Binary label: the value that counts as 1. Not needed where the label is 0 and 1."""
    id: Names = ()
    """Columns that name a row; never features."""
    time: str = ""
    """The row's own time, a date or time stamp: when what the row tells of happened, or the question was asked. Rows
    are learned from in its order; a single file is split by it, the newest `eval_share` being `eval`; the other dates
    of [features] have an age, relative to it; `span_by` cuts spans by it. "" is none: without spans rows have no
    order."""
    other_class: str = ""
    """Label of several classes: the class that those of fewer than `min_class_rows` train rows are read as, and those
    that no train row has. Empty keeps every class; eval rows of a class that no train row has are then in no metric but
    accuracy_with_unseen."""
    min_class_rows: Annotated[int, Field(ge=2)] = 2
    """With other_class: train rows that a class needs to be learned as itself."""

    @model_validator(mode="after")
    def _other_class_is_of_several(self) -> "Dataset":
        if self.other_class and self.task != "multiclass":
            raise ValueError(f"other_class: a {self.task} label has none; take it out")
        return self


class Data(Table):
    """Where spans lie and which of them a run takes."""

    directory: str
    """Folder or URL of the span files; a relative path is relative to the working directory. Or URL of a database
    (extra `sql`), without credentials: postgresql://host/database, sqlite:///file.db, duckdb:///file.duckdb."""
    pattern: str = "span-{span}.csv"
    """File name of a span; `{span}` stands for its number, leading zeros allowed. Without `{span}` it is the one file
    there is, and its rows are dealt to train and eval by a hash of their id columns. Through folders, and with `*`, a
    span has several files, and folders named column=value give columns: month={span}/*.parquet, region=*/*.parquet. A
    span may be named by a date, 2024-03 or 2024-03-31, which is counted in months, weeks or days from 1970."""
    query: str = ""
    """Of a database: the SELECT that gives the rows. `{span}` in it becomes each value of `spans_query`."""
    spans_query: str = ""
    """Of a database: the SELECT whose first column gives the spans there are, numbers or dates."""
    password_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable that holds the database's password; empty is PGPASSWORD or ~/.pgpass."""
    sheet: str = ""
    """Of a spreadsheet (extra `excel`): the sheet to read; empty is the first that is not hidden."""
    window: Annotated[int, Field(ge=1)] = 3
    """Number of spans in `train`; the span after them is `eval`."""
    eval_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows in `eval` where there are no spans."""
    span_by: Literal["", "day", "week", "month", "quarter", "year"] = ""
    """Cuts the rows of one file, or of several, into spans by [dataset] time. A span is numbered by its period:
    20131231, 201352 (ISO week), 201312, 20134 (quarter) or 2013. Periods without rows are no spans."""
    date_format: dict[str, str] = {}
    """Column -> how its dates are written, where they are no ISO 8601: as Python's strptime takes it ("%d.%m.%Y"), or
    "epoch_s", "epoch_ms", "epoch_us" or "epoch_ns" for numbers since 1970-01-01 UTC."""
    list_separator: dict[str, Annotated[str, Field(min_length=1)]] = {}
    """Column -> what is between the items of a list in one cell of text; blanks around an item are no part of it."""
    infinity: Literal["missing", "error"] = "missing"
    """An infinite number: `missing` counts and reports it and takes it for missing, `error` stops."""
    missing: Names = ("",)
    """Cells of a CSV that mean "no value"; a quoted one is a text."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Between the cells of a CSV."""
    encoding: str = "utf-8"
    """Of a CSV, by Python's names: `utf-8`, `cp1252`, `latin-1`, `utf-16`. A byte order mark is taken off."""
    header_row: Annotated[int, Field(ge=1)] = 1
    """Line of a CSV's header, the first being 1; what is above it is skipped, empty lines below it too."""
    skip_footer: Annotated[int, Field(ge=0, le=1000)] = 0
    """Lines at the end of a CSV that are no rows, as a total; lines without a value are not counted."""
    comment: Annotated[str, Field(max_length=1)] = ""
    """Lines of a CSV that begin with it are skipped; empty skips none."""
    decimal: Decimal = "."
    """Between the whole part of a CSV's numbers and their fraction."""
    thousands: Thousands = ""
    """Between groups of three digits of a CSV's numbers; empty is nothing. Groups may also be left out."""
    numbers: dict[str, Numbers] = {}
    """Column -> how its numbers are written in a CSV, where that is not as `decimal` and `thousands` say."""
    misfits: Policy = "block"
    """A value that does not fit its column's type: `block` stops, `warn` makes it missing, counts and reports it."""
    corrections: str = ""
    """File or URL of corrections by hand (id, field, value, reason, by, when), applied as rows are read. Empty is
    data/<dataset>/corrections.csv, or corrections.csv beside this file, if it is there."""
    extra: tuple[Extra, ...] = ()
    """Slices of which rows of older spans are added to what is learned from."""
    values: dict[str, dict[str, str]] = {}
    """Column -> spelling -> the value it stands for, of a label or another column of texts: applied as rows are read,
    so that statistics, drift, audit and training see one value, and in the served model."""
    renamed: dict[str, str] = {}
    """Column -> the name that it has in files that lack it: older spans, from before it was renamed."""
    max_columns: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_columns
    """Columns that a file may have."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = DEFAULT_LIMITS.max_header_bytes
    """Bytes of a CSV file's header, of a Parquet file's footer, of an Arrow file's schema."""
    max_line_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = DEFAULT_LIMITS.max_line_bytes
    """Bytes of one row of a CSV file; also how much of it is read at a time."""
    max_expansion: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_expansion
    """Unpacked bytes for each byte of a compressed file, once there are more than 64 MiB of them."""

    @property
    def limits(self) -> Limits:
        """What a file may ask for, as its readers take it."""
        return Limits(self.max_columns, self.max_header_bytes, self.max_line_bytes, self.max_expansion)

    def read_options(self, misfits: Policy | None = None, limits: Limits | None = None) -> "ReadOptions":
        """How the files are read; `misfits` and `limits` instead of the settings' where given."""
        from components.arrow_example_gen.options import ReadOptions  # settings are refused without waiting for Arrow

        return ReadOptions(
            self.missing,
            self.delimiter,
            misfits or self.misfits,
            limits or self.limits,
            self.values,
            self.renamed,
            self.sheet,
            self.spans_query,
            self.password_variable,
            self.date_format,
            self.list_separator,
            self.infinity,
            encoding_name(self.encoding),
            self.header_row,
            self.skip_footer,
            self.comment,
            self.decimal,
            self.thousands,
            {column: one.notation(self.decimal, self.thousands) for column, one in self.numbers.items()},
        )

    @property
    def has_spans(self) -> bool:
        """False for a single file that is not cut into spans."""
        return "{span}" in (self.query or self.pattern) or bool(self.span_by)

    @field_validator("values")
    @classmethod
    def _spellings_are_of_one_step(cls, values: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        try:
            check_spellings(values)
        except ConfigError as exc:
            raise ValueError(str(exc).removeprefix("[data.values] ")) from exc
        return values

    @field_validator("encoding")
    @classmethod
    def _an_encoding(cls, encoding: str) -> str:
        try:
            encoding_name(encoding)
        except LookupError as exc:
            raise ValueError("must be an encoding that Python knows, as utf-8, cp1252, latin-1, utf-16") from exc
        return encoding

    @model_validator(mode="after")
    def _marks_differ(self) -> "Data":
        for column, one in {"": Numbers(), **self.numbers}.items():
            decimal, thousands = one.marks(self.decimal, self.thousands)
            if decimal == thousands:
                where = f"numbers.{column}: " if column else ""
                raise ValueError(f"{where}decimal and thousands must differ")
        return self

    @field_validator("pattern")
    @classmethod
    def _at_most_one_span(cls, pattern: str) -> str:
        if pattern.count("{span}") > 1 or not pattern:
            raise ValueError("must hold {span} once, as span-{span}.csv does, or be the name of one file")
        if ".." in pattern.split("/") or pattern.startswith("/"):
            raise ValueError("must be a path below [data] directory")
        return pattern

    @model_validator(mode="after")
    def _queries_fit(self) -> "Data":
        database = is_database(self.directory)
        if database and not self.query:
            raise ValueError(f"query: missing; {self.directory} is a database, whose rows a SELECT gives")
        for key in ("query", "spans_query", "password_variable"):
            if not database and getattr(self, key):
                raise ValueError(f"{key}: is for databases, and {self.directory} is none; take it out")
        if ("{span}" in self.query) != bool(self.spans_query):
            raise ValueError("spans_query: goes with a query that has {span} in it; set both or none")
        return self


class Features(Table):
    """Columns the model may see, by kind. A column of the data that is in none of them is carried, not learned from."""

    categorical: Names = ()
    """Columns whose values are names or codes; each value is learned by itself."""
    numeric: Names = ()
    """Columns whose values are amounts: more and less mean something."""
    cyclical: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Column -> period: values that are a period apart mean the same, as minutes of a day (1440) do."""
    text: Names = ()
    """Columns of free text: reviews, titles, notes. What their words and letters say is learned, see [text]."""
    dates: Names = ()
    """Dates and time stamps: learned by their month, weekday, day of the month and of the year, and hour, and by their
    age at [dataset] time, in days; never by the running number. Parts that do not vary in `train` are left out, and
    where rows are ordered in time also those that do not come back within it: of three months the fourth is new."""
    times: Names = ()
    """Times of day, in seconds since midnight: cyclical columns with the period of a day."""
    lists: Names = ()
    """Columns of several values a row. Of texts, the most frequent (`min_count`, at most 64) have a column each that
    says whether the row has them, and their number is one; of numbers: number, mean, least and greatest."""
    min_count: Annotated[int, Field(ge=1)] = 10
    """Categorical values seen fewer times in `train` are learned as one, the same that stands for values never seen."""

    @model_validator(mode="after")
    def _each_once(self) -> "Features":
        names = self.names
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)}: named more than once; keep one")
        if not names:
            raise ValueError("no feature is named; fill categorical, numeric, cyclical, text, dates, times or lists")
        return self

    @property
    def names(self) -> Names:
        """All feature columns, in the order in which they are written."""
        return (*self.categorical, *self.numeric, *self.cyclical, *self.text, *self.times, *self.dates, *self.lists)


class Drift(Table):
    """How eval is compared with train."""

    rule: Literal["calibrated", "fixed"] = "calibrated"
    """`calibrated`: drift is a distance that chance does not explain and that matters. `fixed`: one that matters."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """False discovery rate of the calibrated rule, over everything that a run compares."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Feature -> the distance that matters, instead of the `infinity_norm` in the schema's drift_comparator."""
    effects: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Measure -> the distance that matters, for features without a threshold and measures other than the main one."""
    slices: tuple[Annotated[Names, Field(min_length=1)], ...] = ()
    """Also compared within: each entry is one column, or several for their cross."""
    min_slice_rows: Annotated[int, Field(ge=1)] = 500
    """A slice with fewer rows on either side is not compared."""
    slice_effect: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The least that a slice has to move more than all rows do, where its threshold is smaller."""
    joint_rows: Annotated[int, Field(ge=0)] = 10_000
    """Rows of each side that the test of columns together looks at; 0 leaves it out."""


class Gate(Table):
    """What a finding does: `block` stops the run before anything is trained (exit code 3), `warn` reports it."""

    anomalies: Policy = "block"
    """What ExampleValidator finds against schema.pbtxt."""
    drift: Policy = "warn"
    """What DriftValidator finds between train and eval."""
    values: Literal["block", "warn", "ignore"] = "warn"
    """Values of a column that the model cannot tell apart although the settings do not say so: numbers that float32
    rounds to the same, or categories that its vocabulary lost. `ignore` says nothing."""
    classes: Policy = "warn"
    """Eval rows of a class that no train row has. A class that no eval row has is only reported."""
    features: dict[str, Policy] = {}
    """Feature -> what a finding about it does, of either kind."""


class Audit(Table):
    """How labels are audited."""

    model: Literal["auto", "boosting", "forest", "neighbours", "logistic"] = "auto"
    """What judges a row's label, trained without that row."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Parts of the rows; the labels of each are predicted by models trained on the others."""
    learn_rows: Annotated[int, Field(ge=1000)] = 100_000
    """Rows that the judges learn from at most, drawn at random; every row is judged."""
    most_issues: Annotated[int, Field(ge=1)] = 1000
    """Doubtful rows kept in the report, the most doubtful first."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of the folds and of the models."""


class Mlflow(Table):
    """Where each run is exported to at its end, for those who have an MLflow server."""

    tracking_uri: str = ""
    """Such as http://localhost:5000 or sqlite:///mlflow.db; empty is nowhere."""


class Registry(Table):
    """Where pushed models go."""

    directory: str = ""
    """Folder or URL (s3://, gs://, az://; extra `cloud`) of the versions; empty means <root>/<dataset>/registry."""


class Metadata(Table):
    """Where ML Metadata is kept."""

    kind: Literal["sqlite", "mysql", "postgresql"] = "sqlite"
    """`sqlite`: a file beside the runs. `mysql` is MariaDB, too."""
    host: str = ""
    """Name or address of the server."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0 is the kind's own: 3306 or 5432."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")] = ""
    """Made if it is not there; one for each dataset."""
    user: str = ""
    """Who logs in."""
    password_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable that holds the password; "" is no password."""

    @model_validator(mode="after")
    def _server_is_named(self) -> "Metadata":
        named = {"host": self.host, "database": self.database, "user": self.user}
        others = {**named, "port": self.port, "password_variable": self.password_variable}
        if self.kind == "sqlite" and (given := [key for key, value in others.items() if value]):
            raise ValueError(f"{given[0]}: a SQLite file has none; set kind to mysql or postgresql, or take it out")
        if self.kind != "sqlite" and (missing := [key for key, value in named.items() if not value]):
            raise ValueError(f"{missing[0]}: missing; a {self.kind} server needs host, database and user")
        return self


class Config(Table):
    """All settings of one dataset. `path` is the file they came from, `schema_path` the schema beside it."""

    path: Path
    dataset: Dataset
    data: Data
    features: Features
    text: Text = Text()
    drift: Drift = Drift()
    gate: Gate = Gate()
    audit: Audit = Audit()
    balance: Balance = Balance()
    augmentation: Augmentation = Augmentation()
    training: Training = Training()
    tune: Tune = Tune()
    evaluation: Evaluation = Evaluation()
    errors: Errors = Errors()
    registry: Registry = Registry()
    metadata: Metadata = Metadata()
    mlflow: Mlflow = Mlflow()
    beam: Beam = Beam()
    kubeflow: Kubeflow = Kubeflow()

    @property
    def schema_path(self) -> Path:
        """The curated schema, beside pipeline.toml."""
        return self.path.with_name("schema.pbtxt")

    @model_validator(mode="after")
    def _label_is_no_feature(self) -> "Config":
        for name in (self.dataset.label, *self.dataset.id):
            if name in self.features.names:
                raise ValueError(f"{name} is the label or an id, so it cannot be a feature; take it out of [features]")
        return self

    @model_validator(mode="after")
    def _positive_is_no_spelling(self) -> "Config":
        meant = self.data.values.get(self.dataset.label, {}).get(str(self.dataset.positive))
        if meant not in (None, self.dataset.positive):
            raise ValueError(
                f"[dataset] positive: '{self.dataset.positive}' is a spelling of '{meant}' by "
                f"[data.values.{self.dataset.label}]; make it '{meant}'"
            )
        return self

    @model_validator(mode="after")
    def _time_is_usable(self) -> "Config":
        time = self.dataset.time
        if time and (time in set(self.features.names) - set(self.features.dates) or time == self.dataset.label):
            raise ValueError(f"[dataset] time: {time} can be a feature among [features] dates only, and no label")
        if self.data.span_by and not time:
            raise ValueError("[data] span_by: needs [dataset] time, the column by which spans are cut")
        return self

    @model_validator(mode="after")
    def _data_steps_fit_the_task(self) -> "Config":
        made = self.features.dates, self.features.lists  # numeric and cyclical columns are derived from them
        numeric = len(self.features.numeric) + sum(map(len, made))
        cyclical = len(self.features.cyclical) + len(self.features.times)
        extra, has_spans = self.data.extra, self.data.has_spans
        check_steps(self.balance, self.augmentation, extra, self.dataset.task, numeric, cyclical, has_spans)
        return self

    @model_validator(mode="after")
    def _drift_measures_are_known(self) -> "Config":
        for measure in self.drift.effects:
            if measure not in EFFECTS:
                raise ValueError(f"[drift] effects: {measure} is no measure; legal: {', '.join(EFFECTS)}")
        return self

    @model_validator(mode="after")
    def _evaluation_fits_the_task(self) -> "Config":
        check_evaluation(self.evaluation, self.dataset.task)
        return self

    @model_validator(mode="after")
    def _tuning_fits(self) -> "Config":
        check_tune(self.tune, self.training, self.dataset.task)
        return self

    @model_validator(mode="after")
    def _metrics_fit_the_task(self) -> "Config":
        legal = METRICS[self.dataset.task]
        for key in ("thresholds", "slice_thresholds", "tolerance", "slice_tolerance"):
            for metric in getattr(self.evaluation, key):
                if metric not in legal:
                    raise ValueError(
                        f"[evaluation] {key}: {metric} is no metric of a {self.dataset.task} task; "
                        f"legal: {', '.join(legal)}"
                    )
                value = getattr(self.evaluation, key)[metric]
                if value < 0 or (value > 1 and metric in SHARES):
                    most = "1" if metric in SHARES else "infinity"
                    raise ValueError(f"[evaluation] {key}.{metric}: must lie between 0 and {most}, not {value}")
        return self

    def own_module(self) -> OwnModule | None:
        """The user's own module, read anew; None if there is none. Raises ConfigError when it cannot be used."""
        named = self.training.module_file
        return read_module(self.path, named, tuned=bool(self.tune.trials)) if named else None


METRICS: dict[Task, Names] = {
    "binary": ("auc", "average_precision", "f1", "precision", "recall", "accuracy", "log_loss", "calibration_error"),
    "multiclass": ("accuracy", "log_loss", "calibration_error"),
    "regression": ("rmse", "mae"),
}
"""Metrics that thresholds may name, by task."""

SHARES = frozenset({"auc", "average_precision", "accuracy", "calibration_error"})
"""Of these, the metrics that never exceed 1."""


def registry_folder(config: Config, root: Path) -> Path | str:
    """Where a dataset's versions are: a folder, or the URL of one in a bucket."""
    chosen = config.registry.directory
    if "://" in chosen:
        return chosen
    return (Path(chosen) if chosen else root / config.dataset.name / "registry").resolve()


def find_config(dataset: str, schemas: Path = Path("schemas")) -> Path:
    """Path of a dataset's pipeline.toml; ConfigError, with the datasets there are, if it has none."""
    path = schemas / dataset / "pipeline.toml"
    try:
        if is_plain(dataset) and path.is_file():
            return path
    except OSError:
        pass  # a name that no file can have
    known = sorted(file.parent.name for file in schemas.glob("*/pipeline.toml"))
    raise ConfigError(_line(f"{on_one_line(str(path))}: no such dataset; there is: {', '.join(known) or 'none'}"))


def load_config(path: Path) -> Config:
    """Reads and checks a pipeline.toml; raises ConfigError naming the file, the key and what would be legal."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' Notepad begins with a BOM
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is no valid TOML ({exc})") from exc
    if "path" in tables:  # a field, but not a setting
        raise ConfigError(f"{path}: [path]: unknown key; legal keys: {_legal_keys(Config)}")
    _check_urls(path, tables)
    try:
        config = Config(path=path, **tables)
    except ValidationError as exc:
        raise ConfigError(_line(f"{path}: {_first_complaint(exc)}")) from exc
    if not config.schema_path.is_file():
        raise ConfigError(f"{config.schema_path}: no such file; the curated schema belongs beside pipeline.toml")
    config.own_module()
    return config


def _check_urls(path: Path, tables: object, place: tuple[str, ...] = ()) -> None:
    """ConfigError for the first URL with credentials in it: every run records its settings."""
    if isinstance(tables, dict):
        for key, value in tables.items():
            _check_urls(path, value, (*place, str(key)))
    elif isinstance(tables, list):
        for value in tables:
            _check_urls(path, value, place)
    elif isinstance(tables, str) and holds_secret(tables):
        where = f"[{place[0]}] {'.'.join(place[1:])}"
        raise ConfigError(
            _line(
                f"{path}: {where}: '{without_secrets(tables)}' holds credentials, which every run would record; take "
                "them out and set environment variables instead, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "PGUSER and PGPASSWORD, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        )


def _first_complaint(error: ValidationError) -> str:
    """The first thing wrong, as `[table] key: what is legal, what was found`."""
    # A misspelt key is two errors, unknown and missing; what it should have been is told by the first.
    first = min(error.errors(), key=lambda error: error["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"]]
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else "settings"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key; legal keys: {_legal_keys(_table(place[:-1]))}"
    if first["type"] == "missing":
        return f"{where}: missing; it has no default"
    if first["type"] == "model_type":
        return f"{where}: must be a table, with the keys: {_legal_keys(_table(place))}"
    if first["type"] == "tuple_type":
        return f"{where}: must be an array, not {first['input']!r}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return message if not place else f"{where}: {message}"
    if any(_SECRET.search(part) for part in place):  # somebody may have written the secret itself there
        return f"{where}: must be the name of an environment variable, which holds the secret"
    return f"{where}: {message[0].lower()}{message[1:]}, not {first['input']!r}"


_SECRET = re.compile("password|token|secret")


def _line(message: str) -> str:
    """On one line, whatever the file holds."""
    message = " ".join(message.split())
    return message if len(message) <= 500 else f"{message[:500]} ..."


def _legal_keys(table: type[Table]) -> str:
    return ", ".join(name for name in table.model_fields if name != "path")


def _table(place: list[str]) -> type[Table]:
    """The model that describes the table at `place`."""
    table: type[Table] = Config
    for part in place:
        if part not in table.model_fields:
            continue  # the name or number of one of several tables
        annotation = table.model_fields[part].annotation
        kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        table = next((kind for kind in kinds if issubclass(kind, Table)), table)
    return table
