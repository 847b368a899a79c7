import json
import math
from argparse import ArgumentTypeError
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.charts import figure, save
from benchmarks.clean_vs_collect import Source, study, summed, tables, with_noise, worst
from benchmarks.clean_vs_collect_chart import draw
from benchmarks.clean_vs_collect_gains import mean_of, ratio_of
from components.label_audit.encoding import EncodedFeatures


def test_mean_and_interval_by_hand():
    # Mean 2, standard deviation 1, of 3: t(0.975, 2) = 4.3027, half-width 4.3027 / sqrt(3).
    found = mean_of([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    half = 4.3027 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2.0 - half, 2.0 + half), abs=1e-3)
    assert (mean_of([4.0]).mean, mean_of([4.0]).low) == (4.0, None)


def test_ratio_of_proportional_gains_is_exact():
    found = ratio_of([2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0])
    assert (found.ratio, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_ends_of_the_ratio_are_where_the_paired_t_test_turns():
    rng = np.random.default_rng(0)
    collect = rng.normal(3, 1, 30)
    clean = 0.8 * collect + rng.normal(0, 1, 30)
    found = ratio_of(clean, collect)
    for end in (found.low, found.high):
        assert stats.ttest_1samp(clean - end * collect, 0).pvalue == pytest.approx(0.05, abs=1e-6)
    assert found.low < found.ratio < found.high


def test_a_denominator_that_may_be_zero_has_no_bounded_interval():
    found = ratio_of([1.0, 2.0, 3.0], [-1.0, 0.5, 1.0])
    assert found.ratio == pytest.approx(12.0)
    assert (found.low, found.high, found.why) == (None, None, "the denominator may be 0")
    assert ratio_of([1.0, 2.0], [-1.0, 1.0]).ratio is None


@pytest.mark.parametrize("kind", ["uniform", "class"])
def test_exactly_twelve_in_a_hundred_of_every_block_are_wrong(kind):
    truth = np.random.default_rng(1).integers(0, 3, 1000)
    given = with_noise(truth, 3, kind, np.random.default_rng(2))
    wrong = given != truth
    assert [int(wrong[start : start + 125].sum()) for start in range(0, 1000, 125)] == [15] * 8
    if kind == "class":
        assert ((given - truth)[wrong] % 3 == 1).all()


def test_class_noise_hits_the_last_class_most():
    truth = np.arange(125 * 80) % 2
    wrong = with_noise(truth, 2, "class", np.random.default_rng(3)) != truth
    # Weights 0.5 and 1.5: three times as often, a little less without replacement.
    assert 2.2 < wrong[truth == 1].mean() / wrong[truth == 0].mean() < 3.4


def test_the_worst_of_all_and_of_each_label():
    quality = np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.4])
    assert worst(quality).tolist() == [0, 1, 2, 5, 4, 3]
    # Label 1 is rows 0 to 3, label 0 rows 4 and 5: places 1/8 3/8 5/8 7/8 and 3/4 1/4.
    assert worst(quality, np.array([1, 1, 1, 1, 0, 0])).tolist() == [0, 5, 1, 2, 4, 3]


def test_gains_are_over_the_noisy_five_hundred():
    scores = {("d", "boosting", what, 500): [80.0, 81.0] for what in ("uniform", "class")}
    scores |= {("d", "boosting", what, 1000): [82.0, 83.5] for what in ("uniform", "class")}
    scores[("d", "boosting", "clean", 500)] = [83.0, 84.0]
    for kind in ("uniform", "class"):
        for way in ("audit", "by-class", "random"):
            scores |= {("d", "boosting", f"{way} {kind}", k): [81.0, 83.0] for k in (60, 120)}
    found = summed(scores)
    gains = {(row["noise"], row["arm"]): row for row in found["gains"]}
    assert gains["uniform", "clean"]["mean"] == 3.0
    assert gains["class", "collect"]["mean"] == 2.25
    assert gains["class", "audit-60"]["per_100"] == pytest.approx(100 * 1.5 / 60)
    assert gains["class", "collect"]["per_100"] == pytest.approx(2.25 / 5)
    assert found["ratios"][0]["ratio"] == pytest.approx(3.0 / 2.25)


@pytest.mark.slow
def test_a_small_study_from_data_to_tables(tmp_path):
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 1500)
    matrix = np.column_stack([truth + rng.normal(0, 0.3, 1500), rng.normal(size=1500)])
    source = Source(EncodedFeatures(matrix, 0, {}), truth, np.arange(1000, 1500))
    found = study({"blobs": source}, 2, tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == found
    assert (found["seeds"], found["metric"]) == (2, {"blobs": "AUC"})
    hits = {(row["noise"], row["checked"]): row for row in found["found"]}
    assert hits["uniform", 60]["audit"] > 40 > 20 > hits["uniform", 60]["random"]
    assert "| blobs, logistic, class |" in tables(found)
    save(draw(found), tmp_path / "found.svg")
    drawn = (tmp_path / "found.svg").read_text()
    assert "blobs, boosting" in drawn and "means over 2 seeds" in drawn


def test_a_figure_that_cannot_be_drawn_is_refused_before_measuring():
    assert figure("found.svg") == Path("found.svg")
    with pytest.raises(ArgumentTypeError, match=r"found\.pdf: a figure is written as \.svg or \.png"):
        figure("found.pdf")
