import pytest
from scipy.stats import fisher_exact

from components.drift_validator.distances.missing_rate import missing_rate
from components.drift_validator.sketches.sketch import ColumnSketch


def of(rows: int, absent: int) -> ColumnSketch:
    return ColumnSketch("x", rows, absent, None)


def test_by_hand():
    found = missing_rate(of(1000, 1), of(200, 6))
    assert found.distance == pytest.approx(0.03 - 0.001)
    assert (found.baseline_share, found.current_share) == (0.001, 0.03)
    assert found.detail == "missing in 3.0%, was 0.1%"
    assert missing_rate(of(10, 0), of(10, 10)).distance == 1.0
    assert missing_rate(of(10, 3), of(100, 30)).distance == 0.0
    assert missing_rate(of(10, 3), of(100, 30)).detail == ""


@pytest.mark.parametrize(("one", "other", "rows"), [(2, 9, 40), (10, 30, 200), (0, 5, 50)])
def test_equals_fishers_exact_test_for_equal_sample_sizes(one, other, rows):
    expected = fisher_exact([[one, rows - one], [other, rows - other]]).pvalue
    assert missing_rate(of(rows, one), of(rows, other)).p_value == pytest.approx(expected)


def test_beyond_critical_is_significant():
    critical = missing_rate(of(1000, 20), of(500, 10)).critical(0.01)
    assert missing_rate(of(1000, 20), of(500, 10)).p_value == 1.0
    assert 0.01 < critical < 0.04
    for absent in range(10, 40):
        found = missing_rate(of(1000, 30 - min(absent, 30)), of(500, absent))
        assert (found.distance > found.critical(0.01)) == (found.p_value <= 0.01)


def test_p_value_is_1_without_rows():
    for one, other in ((of(0, 0), of(5, 5)), (of(5, 5), of(0, 0)), (of(0, 0), of(0, 0))):
        assert missing_rate(one, other).p_value == 1.0
        assert missing_rate(one, other).critical(0.05) == 1.0
