"""What TFMA computes for each task, and what our reports call it."""

import tensorflow_model_analysis as tfma

# From here, because `tfma.EvalConfig` is there only once TFX has patched TFMA.
from tensorflow_model_analysis.proto import config_pb2

CURVE_STEPS = 100
"""Thresholds between 0 and 1 at which the confusion matrix is kept, for the curves of reports and notebooks.

Kept as a plot: TFMA's ConfusionMatrixAtThresholds walks all thresholds for every row in Python, its plot counts into a
histogram.
"""

CANDIDATE, CHAMPION = "candidate", "champion"

PREDICTION_KEY = {"binary": "probability", "multiclass": "probabilities", "regression": "prediction"}
"""Which output of the `serve_examples` signature the metrics are computed from."""


def eval_config(task: str, slices: tuple[tuple[str, ...], ...]) -> config_pb2.EvalConfig:
    """TFMA's settings: two models, the same metrics, overall and on every slice.

    The label is what the model's own `transform_labels` signature makes of it, so that text labels work too.

    No thresholds are in it: TFMA knows no minimum slice size and gives no reason that a person can read, so the
    verdict is ours (verdict.py).
    """
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name,
                is_baseline=name == CHAMPION,
                signature_name="serve_examples",
                prediction_key=PREDICTION_KEY[task],
                label_key="transformed_label",
                preprocessing_function_names=["transform_labels"],
            )
            for name in (CANDIDATE, CHAMPION)
        ],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=list(keys)) for keys in slices)],
        metrics_specs=tfma.metrics.specs_from_metrics(_metrics(task), model_names=[CANDIDATE, CHAMPION]),
    )


def _metrics(task: str) -> list:
    """TFMA's metrics of a task, under the names that settings and reports use."""
    rows = tfma.metrics.ExampleCount(name="rows")
    if task == "binary":
        return [
            rows,
            tfma.metrics.AUC(name="auc"),
            tfma.metrics.AUCPrecisionRecall(name="average_precision"),
            tfma.metrics.BinaryAccuracy(name="accuracy"),
            tfma.metrics.BinaryCrossEntropy(name="log_loss"),
            tfma.metrics.Calibration(name="calibration"),
            tfma.metrics.ConfusionMatrixPlot(name="confusion", num_thresholds=CURVE_STEPS),
        ]
    if task == "multiclass":
        import tf_keras  # TFMA knows metrics of Keras 2 only, and brings this package for them

        return [
            rows,
            tf_keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            tf_keras.metrics.SparseCategoricalCrossentropy(name="log_loss"),
        ]
    return [
        rows,
        tfma.metrics.MeanSquaredError(name="mse"),
        tfma.metrics.MeanAbsoluteError(name="mae"),
    ]
