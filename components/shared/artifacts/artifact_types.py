"""Artifact types of our own. Everything that TFX has a standard type for uses that instead.

On Kubeflow a type travels as its name and is imported by it again; components/__init__.py answers.
"""

from tfx.types.artifact import Artifact


class LabelReport(Artifact):
    """`labels.json`: what the label audit found."""

    TYPE_NAME = "components.LabelReport"


class DriftReport(Artifact):
    """`drift.json`: every distance between train and eval that was measured, with its verdict."""

    TYPE_NAME = "components.DriftReport"


class GateDecision(Artifact):
    """`decision.json`: every finding, the policy that judged it, and whether the run may go on."""

    TYPE_NAME = "components.GateDecision"


class ErrorReport(Artifact):
    """`errors.json`: the weakest slices."""

    TYPE_NAME = "components.ErrorReport"


class Predictions(Artifact):
    """`eval.parquet` and `train_labels.parquet`, see shared/serving/predictions.py: answers to the eval rows."""

    TYPE_NAME = "components.Predictions"
