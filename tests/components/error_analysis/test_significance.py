import numpy as np
import pytest
from scipy import stats

from components.error_analysis.significance import Moments, fdr_by, group_moments, moments_of, welch


def test_welch_is_scipys():
    draw = np.random.default_rng(0)
    one, other = draw.normal(0.3, 1, 40), draw.exponential(2, 300)
    for margin in (0.0, 0.2):
        difference, t, p = welch(moments_of(one), moments_of(other), margin)
        expected = stats.ttest_ind(one - margin, other, equal_var=False, alternative="greater")
        assert (t[0], p[0]) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
        assert difference[0] == pytest.approx(one.mean() - other.mean())


def test_many_groups_at_once():
    values, codes = np.array([1.0, 2.0, 4.0, 5.0, 9.0]), np.array([0, 1, 0, 1, 1])
    each = group_moments(values, codes, 3)
    assert (each.rows.tolist(), each.total.tolist(), each.squares.tolist()) == ([2, 3, 0], [5, 16, 0], [17, 110, 0])
    first = moments_of(values).less(Moments(*(value[:1] for value in each)))
    assert (first.rows[0], first.total[0], first.squares[0]) == (3, 16, 110)


@pytest.mark.parametrize("one", [[], [5.0], [5.0, 5.0]])
def test_no_evidence(one):
    _, t, p = welch(moments_of(np.array(one)), moments_of(np.array([1.0, 1.0])))
    assert (t[0], p[0]) == (0, 1)


def test_benjamini_yekutieli():
    # 1 + 1/2 + 1/3 = 11/6; the first two are 3 x 0.01 and 3/2 x 0.02, the same.
    assert fdr_by(np.array([0.5, 0.01, 0.02])) == pytest.approx([0.5 * 11 / 6, 0.055, 0.055])
    assert len(fdr_by(np.array([]))) == 0
