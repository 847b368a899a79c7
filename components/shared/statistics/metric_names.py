"""Display names of metrics, and which metrics are better when lower."""

METRIC_NAMES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "rmse": "RMSE",
    "mae": "MAE",
}
"""Metric -> display name, in the order of display."""
MAIN_METRICS = ("auc", "average_precision", "f1", "accuracy", "log_loss", "rmse", "mae")
"""Metrics of a run's overview, in this order; the first three that the task has are shown."""
UNBOUNDED = frozenset({"log_loss", "rmse", "mae", "mse"})
"""Metrics with values in [0, infinity); all others lie in [0, 1]."""
LOWER_IS_BETTER = frozenset({"log_loss", "rmse", "mae", "mse", "calibration_error"})
ESTIMATED = {
    "binary": ("auc", "average_precision", "f1", "precision", "recall", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("rmse", "mae"),
}
"""Task -> metrics that the monitor can estimate before labels come."""

RATES = ("positive_rate", "true_positive_rate", "false_positive_rate", "precision", "bias")
"""Rates of groups of rows, see evaluator/fairness.py; legal values of `max_disparity`."""
