"""The table [monitor]: windows of the request log, and the checks of a window."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from components.shared.statistics.metric_names import ESTIMATED
from monitor.inputs.settings import CHECKS, InputSettings
from monitor.windows.settings import WindowSettings, duration
from pipeline.settings.sections.section import ConfigSection

_WINDOWS, _INPUTS = WindowSettings(), InputSettings()
Effect = Annotated[float, Field(gt=0)]


class MonitorSection(ConfigSection):
    """Windows and checks of `plumbline monitor`; see docs/monitoring.md."""

    every: str = "1d"
    """Length of a window by event time: a number with s, min, h, d or w, such as "6h". Windows are aligned to midnight
    UTC, weeks to Monday."""
    rows: Annotated[int, Field(ge=0)] = 0
    """Number of answered rows of a window, instead of `every`; 0 makes windows by time."""
    lateness: str = "10s"
    """Time after its end before a window is measured. Rows that come later are measured again with it."""
    interval: Annotated[float, Field(gt=0)] = 60.0
    """Seconds between two looks of `plumbline monitor` without --once."""
    sample_rows: Annotated[int, Field(ge=100)] = _WINDOWS.sample_rows
    """Maximum number of rows of a window, and of the training data, that distributions are computed from. Counts are
    exact."""
    min_rows: Annotated[int, Field(ge=1)] = _INPUTS.min_rows
    """Number of rows of a window, or of a slice of it, below which distributions are not compared."""
    delay_quantile: Annotated[float, Field(gt=0, le=1)] = _WINDOWS.delay_quantile
    """A window is mature when labels as late as this quantile of the label delay so far are in."""
    label_delay: str = ""
    """Time after which all labels count as in, such as "3d", instead of the quantile of the delays so far."""
    checks: tuple[str, ...] = CHECKS
    """Checks of the inputs and the server that run: skew, drift, prediction_drift, transform_skew, quality,
    operations."""
    performance: bool = True
    """Whether the metrics are estimated before the labels come, and measured with them."""
    metrics: tuple[str, ...] = ()
    """Metrics that are estimated and measured; empty: auc, average_precision, f1 and log_loss of a binary label,
    accuracy and log_loss of classes, rmse and mae of numbers. Where the share of the positive class moves with the
    season, average_precision and f1 move with it; log_loss says what the probabilities are worth."""
    changes: bool = True
    """Whether concept drift and prior shift are tested on labelled rows."""
    joint_rows: Annotated[int, Field(ge=0)] = _INPUTS.joint_rows
    """Maximum number of rows of each side in the test of the joint distribution; 0 skips it."""
    replay_rows: Annotated[int, Field(ge=0)] = _INPUTS.replay_rows
    """Number of logged rows of each version and window that are sent through the model again; 0 skips it, and then
    TensorFlow is not loaded."""
    replay_tolerance: Annotated[float, Field(gt=0)] = _INPUTS.replay_tolerance
    """Difference between a logged and a replayed output, absolute or relative, beyond which they differ."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = _WINDOWS.seed
    """Seed of the samples."""
    thresholds: dict[str, tuple[Effect, Effect]] = {}
    """Check -> effects from which it is moderate and severe, instead of the defaults in docs/monitoring.md; `joint` is
    the joint distribution."""

    def windows(self) -> WindowSettings:
        """Settings of the windows."""
        return WindowSettings(
            every=None if self.rows else duration(self.every),
            rows=self.rows,
            lateness=duration(self.lateness),
            sample_rows=self.sample_rows,
            seed=self.seed,
            delay_quantile=self.delay_quantile,
            label_delay=duration(self.label_delay) if self.label_delay else None,
        )

    def inputs(self) -> InputSettings:
        """Settings of the checks without labels."""
        return InputSettings(
            checks=self.checks,
            joint_rows=self.joint_rows,
            min_rows=self.min_rows,
            replay_rows=self.replay_rows,
            replay_tolerance=self.replay_tolerance,
            effects={**_INPUTS.effects, **self.thresholds},
        )

    def check_metrics(self, task: str) -> None:
        """Raises ValueError for a metric that the task does not have."""
        if unknown := [one for one in self.metrics if one not in ESTIMATED[task]]:
            raise ValueError(f"metrics: {unknown[0]} is none of a {task} label; legal: {', '.join(ESTIMATED[task])}")

    @field_validator("thresholds", mode="before")
    @classmethod
    def _pairs_are_tuples(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        return {name: tuple(pair) if isinstance(pair, list) else pair for name, pair in table.items()}

    @model_validator(mode="after")
    def _is_possible(self) -> "MonitorSection":
        for key in ("every", "lateness", "label_delay"):
            try:
                duration(getattr(self, key) or "1d")
            except ValueError as exc:
                raise ValueError(f"{key}: {exc}") from exc
        self.windows()
        if unknown := [one for one in self.checks if one not in CHECKS]:
            raise ValueError(f"checks: {unknown[0]} is no check; legal: {', '.join(CHECKS)}")
        if unknown := [one for one in self.thresholds if one not in _INPUTS.effects]:
            raise ValueError(f"thresholds: {unknown[0]} has none; legal: {', '.join(_INPUTS.effects)}")
        for name, (moderate, severe) in self.thresholds.items():
            if moderate > severe:
                raise ValueError(f"thresholds: {name}: the moderate effect {moderate} is above the severe one {severe}")
        return self
