"""Artifact types of Plumbline. Where TFX has a standard type, that one is used.

On Kubeflow a type is passed by name and imported; components/__init__.py resolves the name.
"""

from tfx.types.artifact import Artifact


class LabelReport(Artifact):
    """`labels.json`: the result of the label audit."""

    TYPE_NAME = "components.LabelReport"


class DriftReport(Artifact):
    """`drift.json`: all measured distances between train and eval, with the decision on each."""

    TYPE_NAME = "components.DriftReport"


class GateDecision(Artifact):
    """`decision.json`: all findings, the policy applied to each, and whether the run may continue."""

    TYPE_NAME = "components.GateDecision"


class ErrorReport(Artifact):
    """`errors.json`: the weak slices."""

    TYPE_NAME = "components.ErrorReport"


class Predictions(Artifact):
    """`eval.parquet` and `train_labels.parquet`: predictions for the eval split, see serving/predictions.py."""

    TYPE_NAME = "components.Predictions"
