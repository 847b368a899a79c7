import numpy as np
import pandas as pd
import pytest

from components.label_audit.agreement import agreement
from components.label_audit.agreement_coefficients import krippendorff_alpha
from components.label_audit.agreement_interval import alpha_interval
from components.label_audit.annotations import AnnotationMatrix, annotation_matrix
from components.label_audit.audit_text import agreement_lines


def votes(rows: int, error: float, seed: int = 5) -> AnnotationMatrix:
    """Three annotators of a three-class label, each wrong with probability `error`, who label 80 % of the rows."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (rows, 1))
    wrong = rng.random((rows, 3)) < error
    codes = np.where(wrong, (truth + rng.integers(1, 3, (rows, 3))) % 3, truth)
    return AnnotationMatrix(("a", "b", "c"), ("0", "1", "2"), np.where(rng.random((rows, 3)) < 0.2, -1, codes))


def resampled(found: AnnotationMatrix, samples: int, seed: int) -> np.ndarray:
    """Alpha by the library on rows drawn with replacement, the bootstrap that the Poisson weights approximate."""
    rng = np.random.default_rng(seed)
    n = len(found.codes)
    return np.array([krippendorff_alpha(found.rows(rng.integers(0, n, n))) for _ in range(samples)])


def test_the_interval_is_that_of_rows_drawn_with_replacement():
    found = votes(400, 0.15)
    low, high = alpha_interval(found)
    expected = np.quantile(resampled(found, 400, 1), [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.015)
    assert low < krippendorff_alpha(found) < high


def test_the_interval_of_four_times_the_rows_is_half_as_wide():
    widths = [np.diff(alpha_interval(votes(rows, 0.15)))[0] for rows in (400, 1600)]
    assert widths[1] / widths[0] == pytest.approx(0.5, abs=0.08)


def test_the_interval_covers_alpha_of_many_rows_in_about_95_of_100_samples():
    true = krippendorff_alpha(votes(200_000, 0.2, seed=99))
    ends = [alpha_interval(votes(200, 0.2, seed), resamples=200) for seed in range(100)]
    assert 88 <= sum(low <= true <= high for low, high in ends) <= 100


@pytest.mark.parametrize(
    "found",
    [
        votes(20, 0.2),  # fewer than 30 rows
        AnnotationMatrix(("a", "b"), ("0", "1"), np.tile([[0, 0], [1, 1]], (50, 1))),  # no disagreement
        AnnotationMatrix(("a", "b"), ("0", "1"), np.tile([[0, -1], [-1, 1]], (50, 1))),  # no row with two labels
        # Alpha is undefined where the only row of the second class is not drawn, in 37 % of the samples.
        AnnotationMatrix(("a", "b"), ("0", "1"), np.array([[0, 0]] * 49 + [[0, 1]])),
    ],
)
def test_no_interval(found):
    assert alpha_interval(found) is None


def test_agreement_and_its_text_have_the_interval():
    codes = votes(400, 0.15)
    frame = pd.DataFrame(
        {name: [None if code < 0 else str(code) for code in codes.codes[:, at]] for at, name in enumerate("abc")}
    )
    found = agreement(frame, list(frame))
    assert found.alpha_interval == alpha_interval(annotation_matrix({name: frame[name] for name in frame}))
    low, high = found.alpha_interval
    assert f"alpha {found.alpha:.3f} (95 % interval {low:.3f} to {high:.3f})" in "\n".join(agreement_lines(found))
