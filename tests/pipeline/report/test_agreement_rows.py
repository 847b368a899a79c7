"""Inter-annotator agreement in the report and in the summary: the audit's own figures, nothing for runs without it."""

import numpy as np
import pandas as pd

from components.label_audit.agreement import agreement
from components.label_audit.agreement_json import agreement_json
from components.model_card.card import places
from pipeline.report.agreement_rows import MAX_ROWS, agreement_part
from pipeline.report.page import report_page
from tests.pipeline.report.a_run import EVIL, facts, summary
from tests.pipeline.report.read_page import Page

SPACE = "\N{NARROW NO-BREAK SPACE}"


def labels(rows: int = 300, names: tuple[str, ...] = ("no", "perhaps", "yes")) -> dict:
    """`labels` of a summary, with the agreement of three annotators; ann confuses the last two classes."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, rows)
    ann = np.where((truth == 2) & (rng.random(rows) < 0.3), 1, truth)
    frame = pd.DataFrame({"id": [f"r{row}" for row in range(rows)]})
    for name, codes in (("ann", ann), ("ben", truth), ("eve", truth)):
        frame[name] = np.array(names)[codes]
    found = agreement_json(agreement(frame, ["ann", "ben", "eve"], ["id"]))
    return {**summary()["labels"], "agreement": found}


def told(found: dict) -> str:
    page = Page(report_page(facts(summary=summary(labels=found))))
    return " ".join(" ".join(page.texts).split()).replace(SPACE, " ")


def test_the_report_has_coefficients_classes_confusions_and_rows():
    found = labels()
    raw, text = found["agreement"], told(found)
    low, high = raw["alpha_interval"]
    assert "300 of 300 training rows have labels of two or more of the annotators ann, ben and eve." in text
    shown = places(max(low, high), 3)
    assert f"Krippendorff's alpha {raw['alpha']:.3f} (95 % interval {low:.{shown}f} to {high:.{shown}f})" in text
    assert f"Fleiss' kappa {raw['fleiss']:.3f}" in text
    assert f"perhaps / yes {raw['disagreeing'] * 2} 100.0 %" in text  # ann differs from two annotators in each row
    assert f"ben and eve 300 100.0 % {1:.3f}" in text
    worst = raw["by_class"][0]
    assert f"{worst['label']} {worst['labels']} {worst['agreement']:.1%}".replace("%", " %") in text
    assert f"{raw['send_back'][0]['id']} ann: perhaps, ben: yes, eve: yes" in text
    assert f"and {raw['disagreeing'] - MAX_ROWS} more rows with different labels" in text
    assert raw["advice"][0] in text


def test_undefined_figures_are_dashes_and_short_lists_have_no_rest():
    found = labels(rows=2, names=("yes", "yes", "yes"))
    part = agreement_part(found)
    assert dict(part.figures)["Krippendorff's alpha"] == "–"  # noqa: RUF001
    assert (part.rows, part.more, part.confusions) == ((), 0, ())
    assert "Inter-annotator agreement" in told(found)


def test_a_run_without_annotators_has_no_such_part():
    assert agreement_part(summary()["labels"]) is None
    assert "Inter-annotator agreement" not in told(summary()["labels"])


def test_no_class_or_annotator_becomes_markup():
    found = labels(names=(EVIL, "b", EVIL + "c"))
    assert "<script>alert" not in report_page(facts(summary=summary(labels=found)))
