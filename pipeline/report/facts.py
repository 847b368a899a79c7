"""The data model of a report: facts of one run, read from its artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.evaluator.findings import Finding, finding_from


@dataclass(frozen=True)
class NumberBar:
    """One bin [low, high] of a histogram and its share of the values, in [0, 1]."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class CategoryBar:
    """One value and its share of the values, in [0, 1]."""

    value: str
    share: float


@dataclass(frozen=True)
class SplitFeature:
    """Statistics of one feature in one split.

    Attributes:
      rows: Number of rows of the split.
      missing: Share of rows without a value, in [0, 1].
      statistics: Name of a statistic ("mean", "median", "distinct" ...) -> its value.
      bars: The distribution: TFDV's ten bins of equal width, or its most frequent values, most frequent first.
    """

    rows: int
    missing: float
    statistics: Mapping[str, float | str]
    bars: tuple[NumberBar, ...] | tuple[CategoryBar, ...]


@dataclass(frozen=True)
class Feature:
    """A feature: its `kind` (number or category) and its statistics by split ("train" and "eval")."""

    name: str
    kind: str
    splits: Mapping[str, SplitFeature]


@dataclass(frozen=True)
class ReportStep:
    """One execution. `inputs` are the ids of the steps that produced its inputs."""

    id: str
    state: str
    seconds: float
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """Confusion matrix at a threshold; rows with a score of at least the threshold are predicted positive."""

    threshold: float
    tp: float
    fp: float
    tn: float
    fn: float


@dataclass(frozen=True)
class ReportFile:
    """One input file of the run."""

    split: str
    span: int
    name: str
    sha256: str
    rows: int
    unlabelled: int = 0


@dataclass(frozen=True)
class Past:
    """A run as one point of the charts over spans. `drift` holds its drift rows without slices."""

    run_id: str
    span: int
    drift: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float | None]
    blessed: bool
    pushed: int | None
    stopped: str | None


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows. Results of steps that did not run are empty.

    Attributes:
      summary: The run's summary.json.
      features: Features with their statistics.
      steps: In the order of execution; skipped steps last.
      files: Input files.
      settings: Component -> parameter -> value, as recorded in ML Metadata.
      evaluation: Content of verdict.json.
      errors: Content of errors.json of the error analysis; only `slices` in runs of early versions.
      training: Content of training.json; empty if a custom trainer module writes none.
      curves: "candidate" and "champion" -> confusion matrices over all rows by ascending threshold.
      past: This run and earlier ones of the dataset: the newest run of each eval span, by span.
      gone: Names of artifacts of the run that were deleted.
      thumbnails: Suspected label errors with their images, lowest quality first, see label_audit/thumbnails.py.
    """

    summary: Mapping[str, Any]
    features: tuple[Feature, ...] = ()
    steps: tuple[ReportStep, ...] = ()
    files: tuple[ReportFile, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, tuple[Matrix, ...]] = field(default_factory=dict)
    past: tuple[Past, ...] = ()
    gone: tuple[str, ...] = ()
    thumbnails: tuple[Mapping[str, Any], ...] = ()

    @property
    def slices(self) -> Mapping[str, Mapping[str, float | None]]:
        """Metrics of the slices: slice name -> metric -> value."""
        return self.evaluation.get("slices") or {}

    @property
    def baselines(self) -> Mapping[str, Mapping[str, float | None]]:
        """Metrics of the baseline models: `prior` and `linear` -> metric -> value; empty if none were evaluated."""
        return self.evaluation.get("baselines") or {}

    @property
    def violations(self) -> tuple[Finding | str, ...]:
        """Findings that prevented the blessing; texts in runs of versions without typed findings."""
        # The former names of `violation_texts`, which runs of every version have.
        return _findings(self.summary, self.evaluation, "violations", "reasons", "shortfalls")

    @property
    def notices(self) -> tuple[Finding | str, ...]:
        """Findings that do not prevent the blessing; texts as for `violations`."""
        return _findings(self.summary, self.evaluation, "notices", "warnings", "warnings")

    def decision(self, model: str) -> Matrix | None:
        """Returns the confusion matrix of "candidate" or "champion" at its decision threshold.

        The source is the counts in verdict.json. Runs of earlier versions have none; there the matrix is computed from
        precision, recall and the numbers P of positive and N of negative rows (TP = recall P, FP = TP / precision -
        TP), or, without these metrics, taken from TFMA's plot at the nearest threshold. None for tasks without a
        threshold.
        """
        known = (self.evaluation.get("decisions") or {}).get(model)
        if known:
            counts = (
                known[f"{name}s"] for name in ("true_positive", "false_positive", "true_negative", "false_negative")
            )
            return Matrix(known["threshold"], *map(float, counts))
        champion = (self.summary["champion"] or {}).get("metrics") or {}
        metrics = self.summary["metrics"] if model == "candidate" else champion
        precision, recall, threshold = (metrics.get(name) for name in ("precision", "recall", "threshold"))
        curve = self.curves.get(model)
        if threshold is None or not curve:
            return None
        if precision is None or recall is None:
            return min(curve, key=lambda row: abs(row.threshold - threshold))
        positives, negatives = curve[0].tp + curve[0].fn, curve[0].fp + curve[0].tn
        tp = round(recall * positives)
        fp = round(tp / precision - tp) if precision else 0
        return Matrix(threshold, tp, fp, negatives - fp, positives - tp)

    @property
    def task(self) -> str:
        """The task, inferred from the metrics: binary, multiclass or regression."""
        metrics = self.summary["metrics"]
        return "binary" if "auc" in metrics else "regression" if "rmse" in metrics else "multiclass"

    @property
    def label(self) -> str | None:
        """Name of the label column; None if the run ended before ingest."""
        label = self.settings.get("ArrowExampleGen", {}).get("source", {}).get("label")
        return None if label is None else str(label)

    @property
    def policy(self) -> Mapping[str, Any]:
        """Evaluation policy: the table [evaluation] of pipeline.toml; runs of version 0.1 recorded it as `bar`."""
        recorded = self.settings.get("ChampionEvaluator", {})
        policy = recorded.get("policy", recorded.get("bar", {}))
        return policy if isinstance(policy, dict) else {}


def _findings(
    summary: Mapping[str, Any], evaluation: Mapping[str, Any], key: str, text: str, text_of_verdict: str
) -> tuple[Finding | str, ...]:
    """Typed findings, or their texts in runs without them.

    Texts and findings have the same order. A finding of an unknown kind, written by a newer version, is shown as its
    text. The summary may have further texts at the end.
    """
    texts = list(summary.get(text) or evaluation.get(text_of_verdict) or ())
    typed = [finding_from(one) for one in summary.get(key) or evaluation.get(key) or ()]
    shown = [texts[at] if one is None and at < len(texts) else one for at, one in enumerate(typed)]
    return (*(one for one in shown if one is not None), *texts[len(typed) :])
