import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import UsageError
from pipeline.drift.history import ComparedRun, DriftHistory, Row
from pipeline.drift.threshold_suggestions import _round_up, suggest


def history(trends: dict[tuple[str, str], list[float]], *, threshold: float | None = 0.1, effect=None) -> DriftHistory:
    """(feature, measure) -> distances in spans 1, 2, 3, ..."""
    count = max(map(len, trends.values()))
    compared = []
    for number in range(count):
        rows = {
            (feature, measure, ""): Row(
                feature, measure, "", "feature", distances[number], threshold, effect, False, ""
            )
            for (feature, measure), distances in trends.items()
            if number < len(distances)
        }
        compared.append(ComparedRun(f"r{number}", number + 1, (number,), str(number + 1), rows))
    return DriftHistory("shop", tuple(compared))


NINE = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.0912]
FIVE = NINE[:5]


def test_nine_spans_at_a_tenth_give_the_largest():
    (row,) = suggest(history({("city", "chebyshev"): NINE})).rows
    assert (row.suggested, row.spans, row.now) == (0.092, 9, 0.1)  # ceil(10 * 0.9) = 9th; 0.0912 rounded up


def test_nineteen_spans_at_a_tenth_give_the_second_largest():
    past = [number / 100 for number in range(1, 20)]
    random.Random(0).shuffle(past)
    (row,) = suggest(history({("city", "chebyshev"): past})).rows
    assert row.suggested == 0.18  # ceil(20 * 0.9) = 18th, exactly: 0.1 is not taken for the binary number next to it


def test_eight_spans_are_too_few_for_a_rate_of_a_tenth():
    found = suggest(history({("city", "chebyshev"): NINE[:8]}))
    assert found.rows[0].suggested is None
    assert found.threshold_changes() == {}
    assert found.to_text() == "No suggestion, since a rate of 10% needs 9 spans: city (8)"


@pytest.mark.parametrize(("rate", "needed"), [(0.5, 1), (0.2, 4), (0.1, 9), (0.05, 19), (0.01, 99), (0.3, 3)])
def test_suggestions_start_at_the_number_of_spans_that_the_rate_needs(rate, needed):
    past = [0.01 * (number + 1) for number in range(needed)]
    assert suggest(history({("x", "chebyshev"): past}), rate).rows[0].suggested is not None
    assert suggest(history({("x", "chebyshev"): past[1:] or [0.1]}), rate).needed == needed
    if needed > 1:
        assert suggest(history({("x", "chebyshev"): past[1:]}), rate).rows[0].suggested is None


def test_excluded_spans_are_not_used():
    past = {("city", "chebyshev"): [*NINE, 0.9]}
    assert suggest(history(past)).rows[0].suggested == 0.9
    found = suggest(history(past), leave_out=[10])
    assert (found.rows[0].suggested, found.rows[0].spans) == (0.092, 9)
    assert "Excluded: spans 10." in found.to_text()
    with pytest.raises(UsageError, match="span 11: cannot be excluded"):
        suggest(history(past), leave_out=[10, 11])


def test_only_measures_with_a_comparator_get_suggestions():
    trends = {
        ("city", "chebyshev"): FIVE,
        ("price", "kolmogorov_smirnov"): FIVE,
        ("old", "jensen_shannon"): FIVE,
        ("price", "missing"): FIVE,
        ("(columns)", "joint"): FIVE,
    }
    assert suggest(history(trends), 0.2).threshold_changes() == {
        "city": ("drift", "infinity_norm", 0.05),
        "price": ("drift", "infinity_norm", 0.05),
        "old": ("drift", "jensen_shannon_divergence", 0.05),
    }


def test_ids_get_no_suggestion():
    one = ComparedRun(
        "r", 1, (0,), "1", {("id", "chebyshev", ""): Row("id", "chebyshev", "", "id", 0.5, 0.1, None, True, "")}
    )
    assert suggest(DriftHistory("shop", (one,)), 0.5).rows == ()


def test_current_threshold_is_the_effect_size_not_the_critical_value():
    assert suggest(history({("x", "chebyshev"): NINE}, threshold=0.07, effect=0.02)).rows[0].now == 0.02


GOLDEN = """\
feature  measure             threshold now  suggested  spans used
city     chebyshev                     0.1      0.092           9
price    kolmogorov_smirnov            0.1      0.001           9

Rule: of n past distances the ceil((n + 1) x 0.9)-th smallest, rounded up to two digits (split conformal prediction).
A span that is exchangeable with the past ones exceeds it with probability at most 10%,
which is about 0.2 false alarms a span for these 2 features.
Past drift counts as normal here. Seasons and trends violate exchangeability.

Apply: plumbline schema update --dataset shop --thresholds-from-history

No suggestion, since a rate of 10% needs 9 spans: new (2)"""


def test_text_output():
    trends = {
        ("city", "chebyshev"): NINE,
        ("price", "kolmogorov_smirnov"): [0.0] * 9,
        ("new", "chebyshev"): [0.0, 0.0],
    }
    found = suggest(history(trends))
    assert found.to_text() == GOLDEN
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["rows"][0] == {
        "feature": "city",
        "measure": "chebyshev",
        "now": 0.1,
        "suggested": 0.092,
        "spans": 9,
    }


def test_no_suggestions_without_history():
    assert "no run has measured" in suggest(DriftHistory("shop", ())).to_text()


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_an_impossible_rate(rate):
    with pytest.raises(UsageError, match="must be between 0 and 1"):
        suggest(DriftHistory("shop", ()), rate)


@pytest.mark.parametrize(
    ("distance", "rounded"),
    [
        (0.05131, 0.052),
        (0.05, 0.05),
        (0.051, 0.051),
        (0.996, 1.0),
        (1.0, 1.0),
        (0.0999, 0.1),
        (0.0, 0.001),
        (1e-9, 0.001),
    ],
)
def test_rounding(distance, rounded):
    assert _round_up(distance) == rounded


@given(st.floats(0, 1))
def test_rounding_goes_up_by_a_tenth_at_most_and_never_beyond_one(distance):
    rounded = _round_up(distance)
    assert distance <= rounded <= max(0.001, min(1.0, distance * 1.1))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.2, 0.25, 0.5]), st.integers(10, 30))
def test_at_most_that_share_of_exchangeable_spans_exceeds_the_rest(seed, rate, count):
    """Under exchangeability each of the n + 1 distances is equally likely to be the new one, so all are tried."""
    draw = random.Random(seed)
    distances = [draw.choice([draw.random(), round(draw.random(), 1)]) for _ in range(count)]
    exceeding = 0
    for new in range(count):
        past = distances[:new] + distances[new + 1 :]
        suggested = suggest(history({("x", "chebyshev"): past}), rate).rows[0].suggested
        exceeding += suggested is not None and distances[new] > suggested
    assert exceeding <= rate * count
