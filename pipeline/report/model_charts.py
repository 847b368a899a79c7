"""Charts of a binary model: ROC curve, precision-recall curve, reliability diagram."""

from markupsafe import Markup

from pipeline.report import charts
from pipeline.report.curves import precision_recall, roc, score_bins
from pipeline.report.draw import svg
from pipeline.report.facts import Matrix, ReportData
from pipeline.report.formatting import percent
from pipeline.report.metric_chart import metric_history
from pipeline.report.metric_rows import metric_rows, tiles


def model_charts(facts: ReportData) -> list[tuple[str, str, Markup]]:
    """Returns (heading, caption, chart) of each chart; empty for other tasks."""
    if not facts.curves.get("candidate"):
        return []
    at = {name: found for name in facts.curves if (found := facts.decision(name)) is not None}
    positive, total = positives(facts.curves["candidate"])
    base = positive / total if total else 0.0
    rates, precision = "False positive rate", "Precision"
    return [
        (
            "ROC",
            "Dashed: random guessing.",
            svg(
                charts.curve(
                    {name: roc(rows) for name, rows in facts.curves.items()},
                    {
                        n: (m.fp / (m.fp + m.tn), m.tp / (m.tp + m.fn))
                        for n, m in at.items()
                        if m.fp + m.tn and m.tp + m.fn
                    },
                    rates,
                    "Recall",
                    [(0, 0), (1, 1)],
                ),
                "ROC curve of candidate and champion; the metric table has the areas",
            ),
        ),
        (
            "Precision and recall",
            f"Dashed: random guessing, {percent(base)} positive.",
            svg(
                charts.curve(
                    {name: precision_recall(rows) for name, rows in facts.curves.items()},
                    {n: (m.tp / (m.tp + m.fn), m.tp / (m.tp + m.fp)) for n, m in at.items() if m.tp},
                    "Recall",
                    precision,
                    [(0, base), (1, base)],
                ),
                "Precision-recall curve of candidate and champion; the metric table has the areas",
            ),
        ),
        (
            "Calibration",
            "Dashed: perfect calibration.",
            svg(
                charts.calibration({name: score_bins(rows) for name, rows in facts.curves.items()}),
                "Reliability diagram: positive rate against score",
            ),
        ),
    ]


def positives(matrices: tuple[Matrix, ...]) -> tuple[float, float]:
    """Returns the number of positive rows and of all rows."""
    first = matrices[0]
    return first.tp + first.fn, first.tp + first.fn + first.fp + first.tn


def metric_histories(facts: ReportData) -> list[tuple[str, Markup]]:
    """Returns (metric, chart by span) of the main metrics."""
    found = []
    for row in tiles(metric_rows(facts)):
        spec = metric_history(facts.past, row.key, facts.summary["run_id"])
        if spec is not None:
            found.append((row.name, svg(spec, f"{row.name} of each run's candidate by eval span")))
    return found
