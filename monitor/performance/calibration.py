"""Expected row values given scores and features, fitted on weighted reference rows, with the error of the fit.

Binary: logistic regression of the label on a linear spline of the score's logit and on a summary of the features (J.
Platt, 1999, with splines; weights as in PAPE, arXiv 2401.08348). Otherwise: linear regression of the row's loss on a
spline of the scores' own expectation and a summary of the features (direct loss estimation). The covariance of the
coefficients is the sandwich (P. Huber, 1967) with squared weights, so it grows as the effective number of rows shrinks.
"""

from dataclasses import dataclass

import numpy as np

KNOTS = (0.2, 0.5, 0.8)
RIDGE = 1.0
"""Penalty on the distance from "the scores are calibrated", in rows."""
NEWTON = 25


@dataclass(frozen=True, eq=False)
class Spline:
    """Linear spline of one summary.

    Attributes:
      center: Subtracted first.
      scale: Divided by afterwards.
      knots: Positions of the kinks, scaled.
    """

    center: float
    scale: float
    knots: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> "Spline":
        """Places knots at quantiles of the values."""
        center, scale = float(np.mean(values)), float(np.std(values)) or 1.0
        return cls(center, scale, np.unique(np.quantile((values - center) / scale, KNOTS)))

    def columns(self, values: np.ndarray) -> np.ndarray:
        """Returns 1, x and (x - knot)+ for each knot, [N, 2 + knots]."""
        x = (values - self.center) / self.scale
        return np.column_stack([np.ones(len(x)), x, *(np.maximum(x - knot, 0) for knot in self.knots)])


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected row values of some rows.

    Attributes:
      mean: [N].
      variance: Variance of one row's value around its mean, [N].
      jacobian: Derivative of the means with respect to the coefficients, [N, k].
      covariance: Of the coefficients, [k, k].
    """

    mean: np.ndarray
    variance: np.ndarray
    jacobian: np.ndarray
    covariance: np.ndarray

    def among(self, rows: np.ndarray) -> "Expectation":
        """Returns that of some of the rows."""
        return Expectation(self.mean[rows], self.variance[rows], self.jacobian[rows], self.covariance)

    def error(self, gradient: np.ndarray) -> float:
        """Returns the variance of sum_i gradient_i mean_i from the fit."""
        direction = gradient @ self.jacobian
        return float(max(direction @ self.covariance @ direction, 0.0))


@dataclass(frozen=True, eq=False)
class LogisticCalibration:
    """P(label = 1 | score, summary).

    Attributes:
      spline: Of the score's logit.
      coefficients: [k].
      covariance: [k, k].
    """

    spline: Spline
    coefficients: np.ndarray
    covariance: np.ndarray

    @classmethod
    def fit(
        cls, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, summary: np.ndarray | None = None
    ) -> "LogisticCalibration":
        """Fits by Newton's method.

        Args:
          scores: Probability of 1, [N].
          labels: 0 or 1, [N].
          weights: Importance of each row, mean 1, [N].
          summary: Further column, [N]; see `summaries`.
        """
        logit = _logit(scores)
        spline = Spline.fit(logit)
        x = _design(spline, logit, summary)
        start = np.zeros(x.shape[1])
        start[:2] = spline.center, spline.scale  # the identity
        theta = start.copy()
        penalty = RIDGE * np.eye(len(theta))
        penalty[0, 0] = 1e-6  # the share of 1 is free
        for _ in range(NEWTON):
            p = _sigmoid(x @ theta)
            slope = x.T @ (weights * (labels - p)) - penalty @ (theta - start)
            curvature = (x * (weights * p * (1 - p))[:, None]).T @ x + penalty
            step = np.linalg.solve(curvature, slope)
            step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
            theta = theta + step
            if np.abs(step).max() < 1e-8:
                break
        p = _sigmoid(x @ theta)
        inverse = np.linalg.inv((x * (weights * p * (1 - p))[:, None]).T @ x + penalty)
        scored = x * (weights * (labels - p))[:, None]
        return cls(spline, theta, inverse @ (scored.T @ scored) @ inverse)

    def expect(self, scores: np.ndarray, summary: np.ndarray | None = None) -> Expectation:
        """Returns the expected labels of rows."""
        x = _design(self.spline, _logit(scores), summary)
        p = _sigmoid(x @ self.coefficients)
        return Expectation(p, p * (1 - p), x * (p * (1 - p))[:, None], self.covariance)


@dataclass(frozen=True, eq=False)
class LossRegression:
    """Expected loss of a row, given what its scores say and a summary of its features.

    Attributes:
      spline: Of the scores' own expectation.
      coefficients: Of the mean, [k].
      spread: Of the variance, [k].
      covariance: Of `coefficients`, [k, k].
      least: Least expected loss.
      least_variance: Least variance of a row's loss.
    """

    spline: Spline
    coefficients: np.ndarray
    spread: np.ndarray
    covariance: np.ndarray
    least: float
    least_variance: float

    @classmethod
    def fit(
        cls,
        expected: np.ndarray,
        losses: np.ndarray,
        weights: np.ndarray,
        summary: np.ndarray | None = None,
        least: float = 0.0,
    ) -> "LossRegression":
        """Fits by weighted least squares; arguments as those of LogisticCalibration, `expected` is `uncalibrated`.

        `least` is the lower bound of the values: 0 for losses, -inf for other numbers.
        """
        spline = Spline.fit(expected)
        x = _design(spline, expected, summary)
        inverse = np.linalg.inv((x * weights[:, None]).T @ x + 1e-3 * np.eye(x.shape[1]))
        beta = inverse @ (x.T @ (weights * losses))
        residual = losses - x @ beta
        scored = x * (weights * residual)[:, None]
        spread = inverse @ (x.T @ (weights * residual**2))
        least_variance = 0.05 * float(np.average(residual**2, weights=weights))
        return cls(spline, beta, spread, inverse @ (scored.T @ scored) @ inverse, least, least_variance)

    def expect(self, expected: np.ndarray, summary: np.ndarray | None = None) -> Expectation:
        """Returns the expected losses of rows."""
        x = _design(self.spline, expected, summary)
        mean = np.maximum(x @ self.coefficients, self.least)
        return Expectation(mean, np.maximum(x @ self.spread, self.least_variance), x, self.covariance)


def _design(spline: Spline, values: np.ndarray, summary: np.ndarray | None) -> np.ndarray:
    columns = spline.columns(values)
    return columns if summary is None else np.column_stack([columns, summary])


def _logit(scores: np.ndarray) -> np.ndarray:
    p = np.clip(scores.astype(np.float64), 1e-5, 1 - 1e-5)
    logit: np.ndarray = np.log(p / (1 - p))
    return logit


def _sigmoid(x: np.ndarray) -> np.ndarray:
    share: np.ndarray = 1 / (1 + np.exp(-np.clip(x, -30, 30)))
    return share
