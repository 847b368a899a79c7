"""What a report is about: plain facts of one run, read from its artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.evaluator.findings import Finding, finding_from


@dataclass(frozen=True)
class NumberBar:
    """One bin of a histogram over numbers: [low, high], and its share of the values, in [0, 1]."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class CategoryBar:
    """One value and its share of the values, in [0, 1]."""

    value: str
    share: float


@dataclass(frozen=True)
class Side:
    """One feature in one split.

    Attributes:
      rows: Rows of the split.
      missing: Share of them without a value, in [0, 1].
      figures: Name of a figure ("mean", "median", "distinct" ...) -> its value.
      bars: The distribution: TFDV's ten bins of equal width, or its most frequent values, the most frequent first.
    """

    rows: int
    missing: float
    figures: Mapping[str, float | str]
    bars: tuple[NumberBar, ...] | tuple[CategoryBar, ...]


@dataclass(frozen=True)
class Feature:
    """One feature. `kind` is number or category; `sides` by split, "train" and "eval"."""

    name: str
    kind: str
    sides: Mapping[str, Side]


@dataclass(frozen=True)
class Step:
    """One execution. `inputs` are ids of the steps of this run that its inputs came from."""

    id: str
    state: str
    seconds: float
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: counts of rows whose score reaches a decision threshold, or does not."""

    threshold: float
    tp: float
    fp: float
    tn: float
    fn: float


@dataclass(frozen=True)
class SpanFile:
    """One file that the run read."""

    split: str
    span: int
    name: str
    sha256: str
    rows: int
    unlabelled: int = 0


@dataclass(frozen=True)
class Past:
    """One run as far as courses over time need it. `drift` are its overall drift rows."""

    run_id: str
    span: int
    drift: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float | None]
    blessed: bool
    pushed: int | None
    stopped: str | None


@dataclass(frozen=True)
class Facts:
    """Everything that a report shows. What a stopped run did not come to is empty.

    Attributes:
      summary: The run's summary.json.
      features: With their statistics; empty where there are none.
      steps: In the order in which they ran; those that were skipped at the end.
      files: What ingest read.
      settings: Component -> parameter -> value, as ML Metadata keeps them: what was really used.
      evaluation: verdict.json.
      errors: errors.json of the error analysis; of runs that did not keep it so, `slices` alone.
      training: training.json of the trainer; empty if a module of one's own writes none.
      curves: "candidate" and "champion" -> confusion matrices by ascending threshold, overall.
      past: This run and earlier ones of the same dataset, the newest run of each eval span, by span.
      gone: Names of artifacts that the run made and that are no longer there.
    """

    summary: Mapping[str, Any]
    features: tuple[Feature, ...] = ()
    steps: tuple[Step, ...] = ()
    files: tuple[SpanFile, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, tuple[Matrix, ...]] = field(default_factory=dict)
    past: tuple[Past, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def slices(self) -> Mapping[str, Mapping[str, float | None]]:
        """Slice name -> metric -> value."""
        return self.evaluation.get("slices") or {}

    @property
    def baselines(self) -> Mapping[str, Mapping[str, float | None]]:
        """`prior` and `linear` -> metric -> value; empty in runs that had none."""
        return self.evaluation.get("baselines") or {}

    @property
    def violations(self) -> tuple[Finding | str, ...]:
        """What prevented the blessing; text where the run's version wrote no findings."""
        return _findings(self.summary, self.evaluation, "violations", "reasons", "shortfalls")

    @property
    def notices(self) -> tuple[Finding | str, ...]:
        """What does not prevent the blessing but should be known; text as for `violations`."""
        return _findings(self.summary, self.evaluation, "notices", "warnings", "warnings")

    def decision(self, model: str) -> Matrix | None:
        """The confusion matrix of "candidate" or "champion" at its decision threshold, from the rows' exact counts.

        verdict.json has it. Of runs of earlier versions it follows from precision and recall there, and the counts of
        positive and negative rows: TP = recall P, FP = TP / precision - TP; without these, from the nearest threshold
        of TFMA's plot. None for tasks without a threshold.
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
        """binary, multiclass or regression, as the metrics tell."""
        metrics = self.summary["metrics"]
        return "binary" if "auc" in metrics else "regression" if "rmse" in metrics else "multiclass"

    @property
    def label(self) -> str | None:
        """Name of the label column, if the run came far enough to say."""
        label = self.settings.get("ArrowExampleGen", {}).get("source", {}).get("label")
        return None if label is None else str(label)

    @property
    def bar(self) -> Mapping[str, Any]:
        """What was asked of the candidate: the table [evaluation] of pipeline.toml."""
        bar = self.settings.get("ChampionEvaluator", {}).get("bar", {})
        return bar if isinstance(bar, dict) else {}


def _findings(
    summary: Mapping[str, Any], evaluation: Mapping[str, Any], key: str, text: str, text_of_verdict: str
) -> tuple[Finding | str, ...]:
    """Typed findings where the run has them, else their texts, which are in the same order.

    A kind of a newer version is shown as its text. The summary may have more texts, at the end.
    """
    texts = list(summary.get(text) or evaluation.get(text_of_verdict) or ())
    typed = [finding_from(one) for one in summary.get(key) or evaluation.get(key) or ()]
    shown = [texts[at] if one is None and at < len(texts) else one for at, one in enumerate(typed)]
    return (*(one for one in shown if one is not None), *texts[len(typed) :])
