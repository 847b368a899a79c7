"""Settings of one dataset, read from schemas/<dataset>/pipeline.toml and validated.

Each class is one table of the file. Errors for unknown keys, wrong types and illegal values name the file, the key and
the legal values. Missing keys have the defaults given here.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from components.drift_validator.thresholds import EFFECTS, LEVELS
from components.shared.errors import ConfigError
from components.shared.statistics.metric_names import UNBOUNDED
from components.shared.statistics.slice_sizes import MIN_SLICE_ROWS
from components.shared.texts.escaping import on_one_line
from components.shared.texts.file_names import is_plain
from components.shared.texts.suggestions import did_you_mean
from pipeline.settings.custom_module import CustomModule, read_module
from pipeline.settings.error_messages import check_urls, first_complaint, legal_keys, on_a_line
from pipeline.settings.renamed_keys import read_present_names
from pipeline.settings.sections.alarms import AlarmsSection
from pipeline.settings.sections.balance import AugmentationSection, BalanceSection, check_steps
from pipeline.settings.sections.beam import BeamSection
from pipeline.settings.sections.canary import CanarySection
from pipeline.settings.sections.data import DataSection
from pipeline.settings.sections.dataset import DatasetSection
from pipeline.settings.sections.error_analysis import ErrorAnalysisSection
from pipeline.settings.sections.evaluation import EvaluationSection, check_evaluation
from pipeline.settings.sections.features import FeaturesSection
from pipeline.settings.sections.image import ImageSection
from pipeline.settings.sections.kubeflow import KubeflowSection
from pipeline.settings.sections.model_card import ModelCardSection
from pipeline.settings.sections.monitor import MonitorSection
from pipeline.settings.sections.request_log import RequestLogSection
from pipeline.settings.sections.retraining import RetrainingSection
from pipeline.settings.sections.section import ConfigSection, Names, Policy, Task
from pipeline.settings.sections.serving import ServingSection
from pipeline.settings.sections.sinks import SinksSection
from pipeline.settings.sections.text import TextSection
from pipeline.settings.sections.training import TrainingSection
from pipeline.settings.sections.tune import TuneSection, check_tune

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class DriftSection(ConfigSection):
    """Drift detection between train and eval."""

    rule: Literal["calibrated", "fixed"] = "calibrated"
    """`calibrated`: drift is a significant distance above its effect size. `fixed`: any distance above it."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Significance level of the calibrated rule: accepted false discovery rate over all comparisons of a run."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Feature -> effect size, instead of the `infinity_norm` of the schema's drift_comparator."""
    effect_sizes: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Measure -> effect size, for features without a threshold and for measures other than the main one. Drift above a
    threshold or an effect size of these settings is at least moderate."""
    severe_effect_sizes: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Measure -> distance, corrected for the number of rows, from which drift is severe; at least the effect size."""
    slices: tuple[Annotated[Names, Field(min_length=1)], ...] = ()
    """Slices that are compared separately; each entry is one column, or several columns to cross."""
    min_slice_rows: Annotated[int, Field(ge=1)] = MIN_SLICE_ROWS
    """Minimum number of rows of a slice in train and in eval; smaller slices are not compared."""
    slice_effect_size: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Effect size of slices: drift of a slice has to exceed the distance over all rows by the larger of this number and
    the feature's effect size."""
    joint_rows: Annotated[int, Field(ge=0)] = 10_000
    """Maximum number of rows of each split in the multivariate test; 0 disables it."""


class GateSection(ConfigSection):
    """Policies of the data gate: `block` stops the run before training (exit code 3), `warn` reports the finding."""

    anomalies: Policy = "block"
    """Anomalies against schema.pbtxt (ExampleValidator)."""
    drift: Policy = "warn"
    """Drift between train and eval (DriftValidator)."""
    drift_severity: Literal["negligible", "moderate", "severe"] = "moderate"
    """Lowest severity of drift that the policy `block` blocks; drift below it is reported."""
    values: Literal["block", "warn", "ignore"] = "warn"
    """Distinct values that the model input does not distinguish, although no setting merges them: numbers that float32
    rounds to the same value, or categories missing from the vocabulary. `ignore` does not report them."""
    classes: Policy = "warn"
    """Classes in eval without train rows. A class without eval rows is only reported."""
    features: dict[str, Policy] = {}
    """Feature -> policy for its anomalies and drift."""


class AuditSection(ConfigSection):
    """Label-audit settings."""

    model: Literal["auto", "boosting", "forest", "neighbours", "logistic"] = "auto"
    """Model of the out-of-sample predictions."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Number of cross-validation folds."""
    max_train_rows: Annotated[int, Field(ge=1000)] = 100_000
    """Maximum number of training rows of these models, sampled at random; all rows are predicted."""
    max_issues: Annotated[int, Field(ge=1)] = 1000
    """Maximum number of label issues in the report, lowest label quality first."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of the folds and of the models."""
    annotators: Names = ()
    """Columns with the labels of several annotators, at least two: text, int64 or bool, and no features. Each run
    measures inter-annotator agreement on `train`. Not for a regression."""

    @model_validator(mode="after")
    def _annotators_are_several(self) -> "AuditSection":
        if len(self.annotators) == 1:
            raise ValueError(f"annotators: {self.annotators[0]} is the only one; agreement needs two columns or more")
        if twice := sorted({name for name in self.annotators if self.annotators.count(name) > 1}):
            raise ValueError(f"annotators: {twice[0]} is given twice; remove one")
        return self


class MlflowSection(ConfigSection):
    """Export of each run to an MLflow server."""

    tracking_uri: str = ""
    """Tracking URI, such as http://localhost:5000 or sqlite:///mlflow.db; empty disables the export."""


class RegistrySection(ConfigSection):
    """Registry of pushed models."""

    directory: str = ""
    """Folder or URL (s3://, gs://, az://; extra `cloud`) of the versions; empty means <root>/<dataset>/registry."""
    push: Literal["live", "none"] = "live"
    """What a pushed version becomes. `live`: it replaces the live version. `none`: it waits for `plumbline canary
    start` or `plumbline promote`, unless it is the first version."""


class MetadataSection(ConfigSection):
    """Metadata store of ML Metadata."""

    kind: Literal["sqlite", "mysql", "postgresql"] = "sqlite"
    """`sqlite`: a file beside the runs. `mysql`: MySQL or MariaDB."""
    host: str = ""
    """Host name or address of the server."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the server; 0 is the default port, 3306 or 5432."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")] = ""
    """Name of the database, one for each dataset; created if it does not exist."""
    user: str = ""
    """User name."""
    password_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable with the password; "" is no password."""

    @model_validator(mode="after")
    def _server_is_named(self) -> "MetadataSection":
        named = {"host": self.host, "database": self.database, "user": self.user}
        others = {**named, "port": self.port, "password_variable": self.password_variable}
        if self.kind == "sqlite" and (given := [key for key, value in others.items() if value]):
            raise ValueError(f"{given[0]}: a SQLite file has none; set kind to mysql or postgresql, or take it out")
        if self.kind != "sqlite" and (missing := [key for key, value in named.items() if not value]):
            raise ValueError(f"{missing[0]}: missing; a {self.kind} server needs host, database and user")
        return self


class Config(ConfigSection):
    """All settings of one dataset. `path` is the settings file, `schema_path` the schema beside it."""

    path: Path
    dataset: DatasetSection
    data: DataSection
    features: FeaturesSection
    text: TextSection = TextSection()
    image: ImageSection = ImageSection()
    drift: DriftSection = DriftSection()
    gate: GateSection = GateSection()
    audit: AuditSection = AuditSection()
    balance: BalanceSection = BalanceSection()
    augmentation: AugmentationSection = AugmentationSection()
    training: TrainingSection = TrainingSection()
    tune: TuneSection = TuneSection()
    evaluation: EvaluationSection = EvaluationSection()
    error_analysis: ErrorAnalysisSection = ErrorAnalysisSection()
    model_card: ModelCardSection = ModelCardSection()
    registry: RegistrySection = RegistrySection()
    request_log: RequestLogSection = RequestLogSection()
    canary: CanarySection = CanarySection()
    monitor: MonitorSection = MonitorSection()
    retraining: RetrainingSection = RetrainingSection()
    alarms: AlarmsSection = AlarmsSection()
    sinks: SinksSection = SinksSection()
    metadata: MetadataSection = MetadataSection()
    serving: ServingSection = ServingSection()
    mlflow: MlflowSection = MlflowSection()
    beam: BeamSection = BeamSection()
    kubeflow: KubeflowSection = KubeflowSection()

    @property
    def schema_path(self) -> Path:
        """Path of the curated schema, beside pipeline.toml."""
        return self.path.with_name("schema.pbtxt")

    @model_validator(mode="after")
    def _label_is_no_feature(self) -> "Config":
        for name in (self.dataset.label, *self.dataset.id):
            if name in self.features.names:
                raise ValueError(f"{name} is the label or an id, so it cannot be a feature; take it out of [features]")
        return self

    @model_validator(mode="after")
    def _annotators_are_columns_of_their_own(self) -> "Config":
        dataset = self.dataset
        if self.audit.annotators and dataset.task == "regression":
            raise ValueError("[audit] annotators: agreement compares classes, and a regression has none; take it out")
        roles = {
            **dict.fromkeys(self.features.names, "a feature"),  # the model would learn from a copy of the label
            **dict.fromkeys(dataset.id, "an id"),
            dataset.time: "the time",
            dataset.label: "the label",
        }
        for name in self.audit.annotators:
            if name in roles:
                raise ValueError(f"[audit] annotators: {name} is {roles[name]}; take it out of one of the two")
        return self

    @model_validator(mode="after")
    def _hidden_columns_are_features(self) -> "Config":
        for key in ("excluded", "hashed"):
            for name in getattr(self.request_log, key):
                if name not in self.features.names:  # a misspelt name would be logged as it is
                    near = did_you_mean(name, self.features.names)
                    raise ValueError(f"[request_log] {key}: {name} is not in [features]; {near}take it out otherwise")
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
        check_steps(
            self.balance,
            self.augmentation,
            extra,
            self.dataset.task,
            numeric,
            cyclical,
            has_spans,
            len(self.features.image),
        )
        return self

    @model_validator(mode="after")
    def _drift_measures_are_known(self) -> "Config":
        for measure in self.drift.effect_sizes:
            if measure not in EFFECTS:
                raise ValueError(f"[drift] effect_sizes: unknown measure {measure}; legal: {', '.join(EFFECTS)}")
        for measure, severe in self.drift.severe_effect_sizes.items():
            if measure not in LEVELS:
                raise ValueError(f"[drift] severe_effect_sizes: unknown measure {measure}; legal: {', '.join(LEVELS)}")
            if severe < (least := self.drift.effect_sizes.get(measure, LEVELS[measure][0])):
                raise ValueError(
                    f"[drift] severe_effect_sizes: {measure} = {severe:g} is below {least:g}, from which drift of this "
                    "measure is moderate; raise it, or lower it in effect_sizes"
                )
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
    def _retraining_fits(self) -> "Config":
        retraining = self.retraining
        late = [step for step in retraining.hold if step != "training"]
        if late and self.registry.push == "live":
            raise ValueError(
                f'[retraining] hold: {late[0]} cannot wait, since [registry] push = "live" makes each version live at '
                'once; set push = "none"'
            )
        numeric = retraining.loss in ("squared_error", "absolute_error")
        if retraining.policy == "cost" and numeric != (self.dataset.task == "regression"):
            legal = "squared_error, absolute_error" if self.dataset.task == "regression" else "log_loss, error_rate"
            raise ValueError(
                f"[retraining] loss: {retraining.loss} is no loss of a {self.dataset.task} task; legal: {legal}"
            )
        return self

    @model_validator(mode="after")
    def _monitored_metrics_fit_the_task(self) -> "Config":
        try:
            self.monitor.check_metrics(self.dataset.task)
        except ValueError as exc:
            raise ValueError(f"[monitor] {exc}") from exc
        return self

    @model_validator(mode="after")
    def _metrics_fit_the_task(self) -> "Config":
        legal = THRESHOLD_METRICS[self.dataset.task]
        for key in ("thresholds", "slice_thresholds", "tolerance", "slice_tolerance"):
            for metric in getattr(self.evaluation, key):
                if metric not in legal:
                    raise ValueError(
                        f"[evaluation] {key}: {metric} is no metric of a {self.dataset.task} task; "
                        f"legal: {', '.join(legal)}"
                    )
                value = getattr(self.evaluation, key)[metric]
                if value < 0 or (value > 1 and metric not in UNBOUNDED):
                    most = "infinity" if metric in UNBOUNDED else "1"
                    raise ValueError(f"[evaluation] {key}.{metric}: must lie between 0 and {most}, not {value}")
        return self

    def own_module(self) -> CustomModule | None:
        """Reads the custom module; None if there is none. Raises ConfigError if it cannot be used."""
        named = self.training.module_file
        return read_module(self.path, named, tuned=bool(self.tune.trials)) if named else None


THRESHOLD_METRICS: dict[Task, Names] = {
    "binary": ("auc", "average_precision", "f1", "precision", "recall", "accuracy", "log_loss", "calibration_error"),
    "multiclass": ("accuracy", "log_loss", "calibration_error"),
    "regression": ("rmse", "mae"),
}
"""Metrics of thresholds, by task."""


def registry_folder(config: Config, root: Path) -> Path | str:
    """Returns the folder or URL of a dataset's registry."""
    chosen = config.registry.directory
    if "://" in chosen:
        return chosen
    return (Path(chosen) if chosen else root / config.dataset.name / "registry").resolve()


def find_config(dataset: str, schemas: Path = Path("schemas")) -> Path:
    """Returns the path of a dataset's pipeline.toml; ConfigError with the existing datasets if there is none."""
    path = schemas / dataset / "pipeline.toml"
    try:
        if is_plain(dataset) and path.is_file():
            return path
    except OSError:
        pass  # the name is not a legal file name
    known = sorted(file.parent.name for file in schemas.glob("*/pipeline.toml"))
    name, near = on_one_line(str(path)), did_you_mean(dataset, known)
    raise ConfigError(on_a_line(f"{name}: no such dataset; {near}available: {', '.join(known) or 'none'}"))


def load_config(path: Path) -> Config:
    """Reads and checks a pipeline.toml; raises ConfigError naming the file, the key and what would be legal."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' Notepad begins with a BOM
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is no valid TOML ({exc})") from exc
    if "path" in tables:  # a field, but not a setting
        raise ConfigError(f"{path}: [path]: unknown key; legal keys: {legal_keys(Config)}")
    check_urls(path, tables)
    tables = read_present_names(path, tables)
    try:
        config = Config(path=path, **tables)
    except ValidationError as exc:
        raise ConfigError(on_a_line(f"{path}: {first_complaint(exc, Config)}")) from exc
    if not config.schema_path.is_file():
        raise ConfigError(f"{config.schema_path}: no such file; the curated schema belongs beside pipeline.toml")
    config.own_module()
    return config
