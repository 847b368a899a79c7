"""Tells what moved between reference and current rows, in words: inputs, relation, share of the label, or the season.

concept     p(y given x): labels differ from their expectation given score and features, and no change of the share
            explains it
prior       p(y), with p(x given y) as before: the level differs by one factor of the odds everywhere, and the scores
            alone tell the same share
covariate   p(x) alone: a domain classifier finds the rows, and labels are as expected
season      any of them, found against the reference and not against like rows a season ago
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from monitor.changes.inputs import InputShift, input_shift
from monitor.changes.prior_shift import PriorEstimate, estimate_prior
from monitor.changes.relation_statistics import RelationTest, relation_tests
from monitor.performance.calibration import Expectation, LogisticCalibration, LossRegression
from monitor.performance.delays import ArrivalModel, arrival_probabilities
from monitor.performance.expected_metrics import row_values, uncalibrated
from monitor.performance.scored_rows import ScoredRows
from monitor.performance.summaries import residual_summary

Kind = Literal["covariate", "concept", "prior", "season", "none"]


@dataclass(frozen=True)
class ChangeSettings:
    """What counts as moved.

    Attributes:
      alpha: Level of the tests of one diagnosis, after correction.
      inputs: Effect 2 (AUC - 0.5) of the domain classifier from which inputs moved, in [0, 1].
      relation: Mean of observed minus expected from which the relation moved: in share of rows for classes, in standard
        deviations of the residuals for numbers.
      severe: Factor of `relation` and `inputs` from which a change is severe.
      min_labels: Fewest labels of the window for a test of the relation.
      min_rows: Fewest rows on each side.
      seed: Seed of folds and samples.
    """

    alpha: float = 0.01
    inputs: float = 0.2
    relation: float = 0.03
    severe: float = 3.0
    min_labels: int = 200
    min_rows: int = 200
    seed: int = 13


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What moved.

    Attributes:
      kind: What moved; "none" if nothing did, or if there are too few rows.
      text: The same in one or two sentences, with the evidence.
      inputs: Difference of the inputs; None with too few rows.
      tests: Tests of the relation, after correction; empty with too few labels.
      prior: Shares of the classes from the scores alone; None for regression and with too few rows.
      share: Share of class 1 among the labels that have come, corrected for delay; None if not binary or too few
        labels.
      labels: Number of labels used.
    """

    kind: Kind
    text: str
    inputs: InputShift | None = None
    tests: tuple[RelationTest, ...] = field(default=())
    prior: PriorEstimate | None = None
    share: float | None = None
    labels: int = 0

    @property
    def relation(self) -> RelationTest | None:
        """The test that shows the largest significant move of the relation; the first one if none does."""
        return min(self.tests, key=lambda one: (one.adjusted, -abs(one.effect))) if self.tests else None


def diagnose(
    reference: ScoredRows,
    current: ScoredRows,
    settings: ChangeSettings = ChangeSettings(),
    *,
    names: Sequence[str] = (),
    slices: Mapping[str, np.ndarray] | None = None,
    like: ScoredRows | None = None,
    arrival: ArrivalModel | None = None,
) -> Diagnosis:
    """Diagnoses the change from reference to current rows.

    Args:
      reference: Rows with labels.
      current: Rows of the window, labels as far as they have come.
      settings: Settings.
      names: Names of the features, [d].
      slices: Slice of the current rows -> rows, bool [N].
      like: Rows of the window one season ago, scored by the same model; None if there is none.
      arrival: Arrival of labels by age; None: missing labels are missing at random.
    """
    found = _diagnose(reference, current, settings, names, slices or {}, arrival)
    if found.kind == "none" or like is None or len(like) < settings.min_rows:
        return found
    before = _diagnose(like, current, settings, names, slices or {}, arrival)
    if before.kind != "none":
        return found
    text = f"A season: the window is like the one a season ago ({_inputs_text(before.inputs, names)}). {found.text}"
    return replace(found, kind="season", text=text)


def _diagnose(
    reference: ScoredRows,
    current: ScoredRows,
    settings: ChangeSettings,
    names: Sequence[str],
    slices: Mapping[str, np.ndarray],
    arrival: ArrivalModel | None,
) -> Diagnosis:
    reference = reference.with_labels()
    if min(len(reference), len(current)) < settings.min_rows:
        counts = f"{len(reference):,} labelled reference rows and {len(current):,} of the window"
        return Diagnosis("none", f"No diagnosis: {counts}; it takes {settings.min_rows} on each side.")
    inputs = input_shift(reference.features, current.features, seed=settings.seed)
    moved_inputs = inputs.effect >= settings.inputs and inputs.p_value < settings.alpha
    prior = None if reference.task == "regression" else _prior(reference, current)
    old, probability = arrival_probabilities(current.targets, current.known, current.age, arrival)
    used = current.known & old
    labels = int(used.sum())
    if labels < settings.min_labels:
        return _without_labels(reference, current, inputs, moved_inputs, prior, labels, settings, names)
    rows, inverse = current.among(used), 1 / probability[used]
    values, expectation, unit = _expected(reference, rows, settings.seed)
    inside = {name: mask[used] for name, mask in slices.items()}
    tests = relation_tests(values, expectation, inverse, inside)
    moved = [one for one in tests if one.adjusted < settings.alpha and abs(one.effect) >= settings.relation * unit]
    share = float(inverse @ values / inverse.sum()) if reference.task == "binary" else None
    found = Diagnosis("none", "", inputs, tuple(tests), prior, share, labels)
    if moved and share is not None and prior is not None:  # noqa: SIM102 - reads as a sentence
        if _only_prior(share, values, expectation, inverse, inside, prior, settings):
            text = (
                f"Only the share of class 1 moved, from {prior.reference[1]:.3f} to {share:.3f} ({labels:,} labels; "
                f"from the scores alone {prior.shares[1]:.3f}); inputs within each class are as before."
            )
            return replace(found, kind="prior", text=text)
    if moved:
        text = f"The relation between inputs and label moved: {_relation_text(moved, labels, reference.task)}."
        if moved_inputs:
            text += f" Inputs moved, too: {_inputs_text(inputs, names)}."
        return replace(found, kind="concept", text=text)
    as_before = f"{labels:,} labels are as score and features say ({_test_text(tests[0], reference.task)})"
    if moved_inputs:
        return replace(found, kind="covariate", text=f"Inputs moved: {_inputs_text(inputs, names)}; {as_before}.")
    return replace(found, text=f"No change found: {_inputs_text(inputs, names)}; {as_before}.")


def _without_labels(
    reference: ScoredRows,
    current: ScoredRows,
    inputs: InputShift,
    moved: bool,
    prior: PriorEstimate | None,
    labels: int,
    settings: ChangeSettings,
    names: Sequence[str],
) -> Diagnosis:
    untested = f"whether the relation moved is not known: {labels:,} labels, it takes {settings.min_labels}"
    found = Diagnosis("none", "", inputs, (), prior, None, labels)
    if prior is not None and _share_moved(prior) and prior.fit >= settings.alpha:
        at = int(np.argmax(np.abs(prior.shares - prior.reference)))
        again = input_shift(_resampled(reference, prior, settings.seed).features, current.features, seed=settings.seed)
        if again.effect < settings.inputs / 2:
            text = (
                f"The share of class {at} seems to have moved from {prior.reference[at]:.3f} to {prior.shares[at]:.3f} "
                f"(+- {1.96 * prior.errors[at]:.3f}), which explains the change of scores and inputs; {untested}."
            )
            return replace(found, kind="prior", text=text)
    if moved:
        return replace(found, kind="covariate", text=f"Inputs moved: {_inputs_text(inputs, names)}; {untested}.")
    return replace(found, text=f"No change found: {_inputs_text(inputs, names)}; {untested}.")


def _prior(reference: ScoredRows, current: ScoredRows) -> PriorEstimate | None:
    assert reference.targets is not None
    if len(np.unique(reference.targets)) < 2:
        return None
    if reference.task == "multiclass":
        return estimate_prior(reference.scores, reference.targets, current.scores)
    labels, ones = reference.targets.astype(np.float64), np.ones(len(reference))
    fitted = LogisticCalibration.fit(reference.scores, labels, ones)
    p = fitted.expect(current.scores).mean
    two = [np.column_stack([1 - score, score]) for score in (reference.scores, current.scores)]
    return estimate_prior(two[0], labels, two[1], np.column_stack([1 - p, p]))


def _expected(reference: ScoredRows, rows: ScoredRows, seed: int) -> tuple[np.ndarray, Expectation, float]:
    """Values of the labelled rows, their expectation from the reference, and the unit of effects."""
    if reference.task == "regression":
        assert reference.targets is not None and rows.targets is not None
        values, observed = reference.targets.astype(np.float64), rows.targets.astype(np.float64)
        summary, of_rows = reference.scores, rows.scores
    else:
        values, observed = row_values("accuracy", reference), row_values("accuracy", rows)
        summary, of_rows = uncalibrated("accuracy", reference), uncalibrated("accuracy", rows)
    fit: Callable[..., LogisticCalibration | LossRegression] = LogisticCalibration.fit
    if reference.task == "multiclass":
        fit = LossRegression.fit
    elif reference.task == "regression":
        fit = partial(LossRegression.fit, least=float("-inf"))
    ones = np.ones(len(reference))
    residuals = values - fit(summary, values, ones).expect(summary).mean
    more, of_more = residual_summary(reference.features, residuals, rows.features, seed)
    expectation = fit(summary, values, ones, more).expect(of_rows, of_more)
    return observed, expectation, float(residuals.std()) if reference.task == "regression" else 1.0


def _only_prior(
    share: float,
    values: np.ndarray,
    expectation: Expectation,
    inverse: np.ndarray,
    slices: Mapping[str, np.ndarray],
    prior: PriorEstimate,
    settings: ChangeSettings,
) -> bool:
    """Whether one factor of the odds explains the labels, and the scores alone tell the same share."""
    shares = np.clip([share, float(prior.reference[1])], 1e-4, 1 - 1e-4)
    odds = shares / (1 - shares)
    factor = odds[0] / odds[1]
    p = expectation.mean * factor / (expectation.mean * factor + 1 - expectation.mean)
    slope = p * (1 - p) / np.maximum(expectation.mean * (1 - expectation.mean), 1e-9)
    error = float(np.sqrt(share * (1 - share) * np.sum(inverse**2) / np.sum(inverse) ** 2))
    shifted = Expectation(p, p * (1 - p), expectation.jacobian * slope[:, None], expectation.covariance)
    left = relation_tests(values, shifted, inverse, slices)
    # The factor itself is uncertain, so the level gets the share's error; slices and slope have little of it.
    still = [one for one in left if one.adjusted < settings.alpha and abs(one.effect) >= settings.relation + 2 * error]
    apart = abs(share - float(prior.shares[1])) / float(np.hypot(error, prior.errors[1]))
    moved = abs(share - float(prior.reference[1]))
    agrees = apart < 2.6 or abs(share - float(prior.shares[1])) < 0.25 * moved
    return not still and agrees


def _share_moved(prior: PriorEstimate) -> bool:
    apart = np.abs(prior.shares - prior.reference)
    return bool(np.any((apart > 3.3 * prior.errors) & (apart >= 0.02)))


def _resampled(reference: ScoredRows, prior: PriorEstimate, seed: int) -> ScoredRows:
    """Reference rows with the estimated shares of the classes."""
    assert reference.targets is not None
    ratio = (prior.shares / prior.reference)[reference.targets.astype(np.int64)]
    kept = np.random.default_rng(seed).random(len(reference)) < ratio / ratio.max()
    return reference.among(kept)


def _inputs_text(inputs: InputShift | None, names: Sequence[str]) -> str:
    if inputs is None:
        return "inputs not compared"
    text = f"a classifier tells window and reference apart with AUC {inputs.auc:.3f}"
    named = [names[at] for at in inputs.columns if at < len(names)]
    return text + (f", most by {', '.join(named)}" if named and inputs.auc > 0.55 else "")


def _relation_text(moved: Sequence[RelationTest], labels: int, task: str) -> str:
    overall = [one for one in moved if not one.slice]
    first = min(overall or moved, key=lambda one: one.adjusted)
    text = f"{labels:,} labels, {_test_text(first, task)}"
    inside = [one for one in moved if one.slice]
    if inside:
        largest = max(inside, key=lambda one: abs(one.effect))
        if largest is not first:
            text += f"; most in {_test_text(largest, task)}"
    return text


def _test_text(test: RelationTest, task: str) -> str:
    scale, unit = (1.0, "") if task == "regression" else (100.0, " points")
    where = f"{test.slice}: " if test.slice else ""
    shown = f"p = {test.adjusted:.2g}" if test.adjusted >= 1e-4 else "p < 0.0001"
    if test.shape == "slope":
        differs = f"observed minus expected differs by {scale * test.effect:+.3g}{unit}"
        return f"{where}{differs} from low to high scores, {shown}"
    return f"{where}observed minus expected {scale * test.effect:+.3g}{unit}, {shown}"
