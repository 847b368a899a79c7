"""Settings of the checks that need no labels; [monitor] of pipeline.toml documents each and has the defaults."""

from dataclasses import dataclass, field

CHECKS = ("skew", "drift", "prediction_drift", "transform_skew", "quality", "operations")


@dataclass(frozen=True)
class InputSettings:
    """Which checks run, and from which effect a change is moderate or severe.

    Attributes:
      checks: Checks that run; of CHECKS.
      joint_rows: Rows of each side in the test of the joint distribution; 0 skips it.
      min_rows: Rows of a window, and of a slice, below which distributions are not compared.
      replay_rows: Rows of a window that are replayed through the model; 0 skips it.
      replay_tolerance: Absolute difference between a logged and a replayed prediction from which they differ.
      effects: Kind of measurement -> effects from which it is moderate and severe; "joint" is the joint distribution of
        drift and skew. The thresholds of [drift] and of the schema are not taken: they are for whole spans.
    """

    checks: tuple[str, ...] = CHECKS
    joint_rows: int = 1000
    min_rows: int = 200
    replay_rows: int = 200
    replay_tolerance: float = 1e-4
    effects: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "skew": (0.1, 0.25),
            "drift": (0.1, 0.25),
            "joint": (0.3, 0.6),
            "prediction_drift": (0.1, 0.25),
            "transform_skew": (0.001, 0.01),
            "missing": (0.05, 0.2),
            "unknown": (0.02, 0.1),
            "out_of_range": (0.01, 0.05),
            "errors": (0.01, 0.05),
            "latency": (1.0, 3.0),
            "traffic": (0.5, 0.9),
        }
    )
