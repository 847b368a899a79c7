"""A page as a test reads it, and a run of each kind."""

from html.parser import HTMLParser

from components.evaluator.findings import ThresholdViolation
from tests.pipeline.report.a_run import facts, stopped, summary


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def named(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


VIOLATION = ThresholdViolation("", "auc", 0.7, 0.75, "champion")

KINDS = {
    "pushed": facts(),
    "not pushed": facts(
        summary=summary(
            blessed=False, pushed=None, reasons=["auc 0.7000 < 0.7500 (champion)"], violations=[VIOLATION.to_json()]
        )
    ),
    "first": facts(summary=summary(champion=None), curves={"candidate": facts().curves["candidate"]}),
    "blessed, not pushed": facts(summary=summary(pushed=None)),
    "blocked": stopped(),
    "blocked at once": stopped(rows={}, drift=[], unlabelled={}),
    "failed": stopped(
        stopped="Trainer failed: ValueError: x",
        components=[{"id": "Trainer", "state": "failed", "seconds": 1.0}],
    ),
    "no model": facts(summary=summary(metrics={}, champion=None, blessed=False, pushed=None)),
    "regression": facts(
        summary=summary(metrics={"rows": 9.0, "rmse": 1.5, "mae": 1.0}, champion=None),
        curves={},
        evaluation={},
        errors={},
    ),
    "no artifacts": facts(
        features=(), curves={}, evaluation={}, errors={}, training={}, settings={}, files=(), past=(), gone=("a.b",)
    ),
    "no spans": facts(summary=summary(spans={"train": [1], "eval": [1]})),
}
