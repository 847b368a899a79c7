import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from components.shared.statistics.holm import holm


def test_by_hand():
    # 3 * 0.01; 2 * 0.02; the third is not below the second.
    assert holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_equals_statsmodels(seed):
    random = np.random.default_rng(seed)
    p = random.random(random.integers(1, 50)) ** random.integers(1, 5)
    p = np.concatenate([p, p[:3], [0.0, 1.0]])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)
