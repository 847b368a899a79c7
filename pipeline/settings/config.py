"""Settings of one dataset, read from schemas/<dataset>/pipeline.toml and checked at the door.

Every model below is one table of the file. Unknown keys, wrong types and impossible values are refused with the file,
the key and what would be legal; what is not written has the default given here.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from components.drift_validator.thresholds import EFFECTS
from components.shared.errors import ConfigError
from components.shared.texts.escaping import on_one_line
from components.shared.texts.file_names import is_plain
from components.shared.texts.suggestions import did_you_mean
from pipeline.settings.custom_module import CustomModule, read_module
from pipeline.settings.error_messages import check_urls, first_complaint, legal_keys, on_a_line
from pipeline.settings.renamed_keys import read_present_names
from pipeline.settings.sections.balance import AugmentationSection, BalanceSection, check_steps
from pipeline.settings.sections.beam import BeamSection
from pipeline.settings.sections.data import DataSection
from pipeline.settings.sections.dataset import DatasetSection
from pipeline.settings.sections.error_analysis import ErrorAnalysisSection
from pipeline.settings.sections.evaluation import EvaluationSection, check_evaluation
from pipeline.settings.sections.features import FeaturesSection
from pipeline.settings.sections.kubeflow import KubeflowSection
from pipeline.settings.sections.model_card import ModelCardSection
from pipeline.settings.sections.section import ConfigSection, Names, Policy, Task
from pipeline.settings.sections.text import TextSection
from pipeline.settings.sections.training import TrainingSection
from pipeline.settings.sections.tune import TuneSection, check_tune

if TYPE_CHECKING:
    pass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class DriftSection(ConfigSection):
    """How eval is compared with train."""

    rule: Literal["calibrated", "fixed"] = "calibrated"
    """`calibrated`: drift is a distance that chance does not explain and that matters. `fixed`: one that matters."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """False discovery rate of the calibrated rule, over everything that a run compares."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Feature -> the distance that matters, instead of the `infinity_norm` in the schema's drift_comparator."""
    effect_sizes: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Measure -> the distance that matters, for features without a threshold and measures other than the main one."""
    slices: tuple[Annotated[Names, Field(min_length=1)], ...] = ()
    """Also compared within: each entry is one column, or several for their cross."""
    min_slice_rows: Annotated[int, Field(ge=1)] = 500
    """A slice with fewer rows on either side is not compared."""
    slice_effect_size: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The least that a slice has to move more than all rows do, where its threshold is smaller."""
    joint_rows: Annotated[int, Field(ge=0)] = 10_000
    """Rows of each side that the test of columns together looks at; 0 leaves it out."""


class GateSection(ConfigSection):
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


class AuditSection(ConfigSection):
    """How labels are audited."""

    model: Literal["auto", "boosting", "forest", "neighbours", "logistic"] = "auto"
    """What judges a row's label, trained without that row."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Parts of the rows; the labels of each are predicted by models trained on the others."""
    max_train_rows: Annotated[int, Field(ge=1000)] = 100_000
    """Rows that the judges learn from at most, drawn at random; every row is judged."""
    max_issues: Annotated[int, Field(ge=1)] = 1000
    """Doubtful rows kept in the report, the most doubtful first."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of the folds and of the models."""


class MlflowSection(ConfigSection):
    """Where each run is exported to at its end, for those who have an MLflow server."""

    tracking_uri: str = ""
    """Such as http://localhost:5000 or sqlite:///mlflow.db; empty is nowhere."""


class RegistrySection(ConfigSection):
    """Where pushed models go."""

    directory: str = ""
    """Folder or URL (s3://, gs://, az://; extra `cloud`) of the versions; empty means <root>/<dataset>/registry."""


class MetadataSection(ConfigSection):
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
    def _server_is_named(self) -> "MetadataSection":
        named = {"host": self.host, "database": self.database, "user": self.user}
        others = {**named, "port": self.port, "password_variable": self.password_variable}
        if self.kind == "sqlite" and (given := [key for key, value in others.items() if value]):
            raise ValueError(f"{given[0]}: a SQLite file has none; set kind to mysql or postgresql, or take it out")
        if self.kind != "sqlite" and (missing := [key for key, value in named.items() if not value]):
            raise ValueError(f"{missing[0]}: missing; a {self.kind} server needs host, database and user")
        return self


class Config(ConfigSection):
    """All settings of one dataset. `path` is the file they came from, `schema_path` the schema beside it."""

    path: Path
    dataset: DatasetSection
    data: DataSection
    features: FeaturesSection
    text: TextSection = TextSection()
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
    metadata: MetadataSection = MetadataSection()
    mlflow: MlflowSection = MlflowSection()
    beam: BeamSection = BeamSection()
    kubeflow: KubeflowSection = KubeflowSection()

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
        for measure in self.drift.effect_sizes:
            if measure not in EFFECTS:
                raise ValueError(f"[drift] effect_sizes: {measure} is no measure; legal: {', '.join(EFFECTS)}")
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

    def own_module(self) -> CustomModule | None:
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
    name, near = on_one_line(str(path)), did_you_mean(dataset, known)
    raise ConfigError(on_a_line(f"{name}: no such dataset; {near}there is: {', '.join(known) or 'none'}"))


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
