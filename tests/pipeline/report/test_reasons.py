"""Texts that the evaluator writes are understood: most here come from the evaluator itself."""

import numpy as np
import pytest

from components.evaluator.assessing import CANDIDATE, CHAMPION, LINEAR, PRIOR, assess
from components.evaluator.verdict import Bar, Shortfall
from pipeline.report.reasons import about_the_line, said

ROWS = 400


def found(bar: Bar, candidate: float, line: float, champion: float | None = None) -> list[str]:
    """What the evaluator says where models know the label with so much noise; shortfalls first."""
    draw = np.random.default_rng(7)
    labels = (draw.random(ROWS) < 0.3).astype(float)

    def answer(noise: float) -> np.ndarray:
        return np.clip(0.25 + 0.5 * labels + noise * draw.normal(size=ROWS), 0.01, 0.99)

    answers = {CANDIDATE: answer(candidate), PRIOR: np.full(ROWS, 0.3), LINEAR: answer(line)}
    if champion is not None:
        answers[CHAMPION] = answer(champion)
    groups = {"origin": {"EWR": np.arange(200), "LGA": np.arange(200, 400)}} if bar.sensitive else {}
    answers[CANDIDATE][200:] += 0.4 * bool(bar.sensitive)
    told = assess("binary", labels, answers, dict.fromkeys(answers, 0.5), {}, groups, bar)
    return [*told.shortfalls, *told.warnings]


def test_a_line_that_does_better():
    (surely,) = found(Bar(), candidate=0.6, line=0.1)
    assert about_the_line(surely)
    assert said(surely).startswith(
        "Logistic regression does better: it reaches average precision 1.0000, the candidate 0.4"
    )
    assert said(surely).endswith("chance does not explain the difference")
    (by_chance,) = found(Bar(), candidate=0.32, line=0.3)
    assert about_the_line(by_chance)
    assert said(by_chance).startswith("Logistic regression does as well: it reaches average precision 0.")
    assert said(by_chance).endswith("the difference could be chance")
    (blocked,) = found(Bar(baseline="block"), candidate=0.6, line=0.1)
    assert said(blocked) == said(surely)
    assert said("rmse 2.0 >= 1.5: does not beat the linear baseline").startswith(
        "Linear regression does better: it reaches RMSE 1.5, the candidate 2.0"
    )


def test_a_line_that_does_just_as_well():
    assert said("accuracy 0.9535 = 0.9535: does not beat the linear baseline, within chance") == (
        "Logistic regression does as well: it reaches the same accuracy, 0.9535"
    )


def test_a_model_that_has_learned_nothing():
    labels = np.arange(ROWS) % 4 == 0
    flat = np.full(ROWS, 0.25)
    told = assess("binary", labels.astype(float), {CANDIDATE: flat, PRIOR: flat}, {}, {}, {}, Bar())
    assert said(told.shortfalls[0]) == (
        "It has learned nothing: AUC 0.5000 against 0.5000 and average precision 0.2500 against 0.2500 of the prior, "
        "which says the same of every row"
    )


def test_gaps_between_groups():
    texts = found(Bar(sensitive=("origin",), max_gap={"positive_rate": 0.1}), candidate=0.2, line=9.0)
    (gap,) = [said(text) for text in texts if "(fairness)" in text]
    assert gap.startswith("Positive rate of LGA is 0.")
    assert gap.endswith("above that of EWR (origin); at most 0.1000 was asked")
    (small,) = [said(t) for t in found(Bar(min_slice_rows=300, sensitive=("origin",), max_gap={"bias": 1}), 0.1, 9.0)]
    assert small == "Fairness of origin is not judged: fewer than two groups have 300 rows"


def test_too_few_rows_to_see_a_loss():
    (few,) = found(Bar(tolerance={"average_precision": 0.001}), candidate=0.2, line=9.0, champion=0.2)
    assert said(few).startswith("Average precision: so few eval rows do not show a loss of twice the tolerance (0.002)")


@pytest.mark.parametrize(("p", "words"), [("0.12", "p = 0.12"), ("cannot be told", "p cannot be told")])
def test_what_chance_explains(p, words):
    short = Shortfall("origin=LGA, carrier=US", "log_loss", 0.7, 0.6, "champion")
    assert said(f"{short}: within chance (p = {p}), so it does not count") == (
        "Log loss on origin=LGA, carrier=US is 0.7000, above the 0.6000 that the champion asks for; "
        f"chance explains it ({words}), so it does not count"
    )


def test_shortfalls():
    slow = Shortfall("origin=LGA, carrier=US", "log_loss", 0.7, 0.6, "threshold")
    assert said(str(slow)) == "Log loss on origin=LGA, carrier=US is 0.7000, above the 0.6000 of the threshold"
    assert said("something else") == "Something else"
    assert said("") == ""
