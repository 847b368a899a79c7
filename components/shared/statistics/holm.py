"""Holm's procedure for several tests.

statsmodels' `multipletests` computes the same (a test compares them), but collects Python's garbage at each call: 0.1 s
in a process with TensorFlow, and the monitor makes dozens of calls for a window.
"""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Computes adjusted p-values that control the family-wise error rate under any dependence.

    Holm (1979), A simple sequentially rejective multiple test procedure. With p sorted ascending, the adjusted p_(i) is
    max over j <= i of min(1, (M - j + 1) p_(j)), j from 1.

    Args:
      p_values: p-values [M], in [0, 1].

    Returns:
      Adjusted p-values [M], in the order of `p_values`; a hypothesis is rejected at the level alpha if its value is at
      most alpha.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted
