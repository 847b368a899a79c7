"""Settings of the performance checks."""

from dataclasses import dataclass, field

from monitor.performance.estimates import EstimateSettings

DEFAULT_METRICS = {
    "binary": ("auc", "average_precision", "f1", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("rmse", "mae"),
}


@dataclass(frozen=True)
class PerformanceSettings:
    """What is estimated, and from which loss it matters.

    Attributes:
      metrics: Metrics; () is DEFAULT_METRICS of the task.
      moderate: Loss from which a change is moderate: absolute for metrics in [0, 1], relative for unbounded ones.
      severe: Loss from which it is severe.
      coverage: Missing share of the labels that should have come, from which it is moderate and severe.
      rows: Most rows of the window, and of the reference, that are used; more are sampled.
      history: Mature windows that are kept for each version and metric.
      estimate: Settings of the estimates; its threshold is that of the version.
    """

    metrics: tuple[str, ...] = ()
    moderate: float = 0.02
    severe: float = 0.05
    coverage: tuple[float, float] = (0.1, 0.3)
    rows: int = 10_000
    history: int = 60
    estimate: EstimateSettings = field(default_factory=EstimateSettings)
