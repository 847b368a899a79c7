"""Explanations of predictions on request (`?explain=K`): the features that moved each of them most; imports TensorFlow.

The served signature is explained, so the method does not depend on the members of the model: serving/shapley.py. The
background rows are the requests that the Trainer recorded for the warm-up, rows of the train split.

    task         output of serving_default    explained                                          `scale`
    binary       probability                  ln(p / (1 - p)) of the positive class              logit
    multiclass   probabilities, classes       ln(p / (1 - p)) of the row's most probable class   logit
    regression   prediction                   the prediction, in the label's unit                prediction

Precision: the outputs are float32, so that a probability p near 1 is known to about 3e-8, and its logit to
3e-8 / (1 - p): 0.0007 at a logit of 10, 0.04 at 14. Probabilities below 2^-25 (3e-8) or above 1 - 2^-25 count as these,
so that logits are within +-17.33. For multiclass models 1 - p is the sum of the other probabilities, which has no such
error.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from components.shared.serving.serving_contract import CLASSES, OUTPUTS, SERVING_DEFAULT
from serving.errors import ServingError, Status, invalid
from serving.models.loaded_model import LoadedModel
from serving.models.signatures import PREDICT, Signature, TensorSpec
from serving.models.warmup import recorded_requests
from serving.shapley import Explanation, Predict, explain

MIN_PROBABILITY = 2.0**-25
"""Half the distance from 1 to the largest float32 below it."""
MAX_ROWS = 100
EVALUATIONS = 2048
MAX_BACKGROUND = 64
_MISSING_INTEGER = np.iinfo(np.int64).min

Outputs = Mapping[str, np.ndarray]


class _Target(NamedTuple):
    """What is explained of one row: a function of the outputs, [N], and how it is named in the explanation."""

    value: Callable[[Outputs], np.ndarray]
    described: dict[str, Any]


class Explainer:
    """Explains predictions of serving_default of one loaded model. Thread-safe; computes in the caller's thread.

    Attributes:
      features: Column -> inputs that encode it.
      background: Background rows, input -> [B, ...].
      permutations: Permutations for each background row.
    """

    def __init__(
        self,
        model: LoadedModel,
        evaluations: int = EVALUATIONS,
        most_rows: int = MAX_ROWS,
        most_background: int = MAX_BACKGROUND,
        seed: int = 0,
    ) -> None:
        """Reads the background rows; does not call the model.

        Args:
          model: The loaded model.
          evaluations: Rows that the model is called with to explain one row. The number of permutations is the largest
            that it allows, at least two for each background row.
          most_rows: Most rows that one call of `explain` takes.
          most_background: Most background rows; if more are recorded, rows spread evenly over them are used.
          seed: Seed of the permutations.

        Raises:
          ServingError: 400, FAILED_PRECONDITION: the model has no background rows, or not the signature.
        """
        self._model, self._most_rows, self._seed = model, most_rows, seed
        self._signature = _explained_signature(model)
        self.background = _background(model, self._signature, most_background)
        self.features: dict[str, list[str]] = {}
        for name in self._signature.inputs:
            self.features.setdefault(model.about.column(name), []).append(name)
        steps = max(1, len(self.features) - 1) * len(next(iter(self.background.values())))
        self.permutations = max(2, evaluations // steps // 2 * 2)

    def explain(
        self, inputs: Mapping[str, np.ndarray], top: int, deadline: float | None = None
    ) -> list[dict[str, Any]]:
        """Explains the prediction of each row.

        Args:
          inputs: N rows of serving_default's inputs, as `LoadedModel.run` takes them.
          top: How many features are named, those with the largest absolute contribution; at least 1.
          deadline: Time on the clock of time.monotonic(), in seconds, after which the model is not called any more.

        Returns:
          One object for each row, as JSON:
            base_value: Mean of the explained value over the background rows.
            output: The explained value of the row.
            scale: `logit` or `prediction`, see the module.
            class: Class that a logit belongs to; not for regressions.
            contributions: [{feature, value, contribution, standard_error}], the largest first. `feature` is the column;
              `value` is null where it is missing; `standard_error` is null with one background row.
            other_features: Sum of the contributions of the features that are not named.
          base_value + contributions + other_features = output.

        Raises:
          ServingError: 400: there are more rows than allowed, or the inputs do not fit the signature; or the model
            refuses a combination of values, or its output is not finite. 504: the deadline has passed.
        """
        rows = self._rows(inputs)
        targets = _targets(self._run(rows, deadline), self._model)
        found = []
        for number, target in enumerate(targets):
            row = {name: column[number : number + 1] for name, column in rows.items()}
            try:
                explanation = explain(
                    self._predict(target, deadline), row, self.background, self.permutations, self._seed, self.features
                )
            except FloatingPointError as exc:
                raise ServingError(Status.FAILED_PRECONDITION, f"row {number}: cannot be explained: {exc}") from exc
            found.append(self._described(explanation, target, row, top))
        return found

    def _rows(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The inputs in the shape of the background rows, those that are missing with their defaults."""
        if unknown := inputs.keys() - self._signature.inputs.keys():
            raise invalid(f"{min(unknown)}: is not an input of signature {SERVING_DEFAULT}")
        sizes = {len(column) if np.ndim(column) else None for column in inputs.values()}
        size = sizes.pop() if len(sizes) == 1 else None
        if size is None:
            raise invalid("explain: the inputs must have the same number of rows")
        if size > self._most_rows:
            raise invalid(f"explain: {size} rows; at most {self._most_rows} rows of one request can be explained")
        found = {}
        for name, spec in self._signature.inputs.items():
            column = _column(name, inputs, spec, size)
            wanted = self.background[name].shape[1:]
            if column.shape[1:] != wanted and column[:1].size != math.prod(wanted):
                raise invalid(f"{name}: has shape {column.shape[1:]} in a row, the background rows have {wanted}")
            found[name] = column.reshape(size, *wanted)
        return found

    def _run(self, rows: Mapping[str, np.ndarray], deadline: float | None) -> Outputs:
        if deadline is not None and time.monotonic() > deadline:
            raise ServingError(Status.DEADLINE_EXCEEDED, "explain: the time limit of the request has passed")
        return self._model.run(SERVING_DEFAULT, rows)

    def _predict(self, target: _Target, deadline: float | None) -> Predict:
        return lambda rows: target.value(self._run(rows, deadline))

    def _described(
        self, explanation: Explanation, target: _Target, row: Mapping[str, np.ndarray], top: int
    ) -> dict[str, Any]:
        ordered = sorted(explanation.contributions.items(), key=lambda item: -abs(item[1]))
        return {
            "base_value": explanation.base,
            "output": explanation.output,
            **target.described,
            "contributions": [
                {
                    "feature": feature,
                    "value": _sent({name: row[name][0] for name in self.features[feature]}),
                    "contribution": contribution,
                    "standard_error": _finite(explanation.standard_errors[feature]),
                }
                for feature, contribution in ordered[:top]
            ],
            "other_features": math.fsum(contribution for _, contribution in ordered[top:]),
        }


def log_odds(probability: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Returns ln(p / (1 - p)), float64 [N], finite also for 0 and 1.

    Args:
      probability: p, [N].
      others: 1 - p, [N], if it is known better than by subtraction.
    """
    p = np.asarray(probability, np.float64)
    rest = 1 - p if others is None else np.asarray(others, np.float64)
    odds: np.ndarray = np.log(_clipped(p)) - np.log(_clipped(rest))
    return odds


def _clipped(probability: np.ndarray) -> np.ndarray:
    return np.clip(probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY)  # NaN stays NaN


def _explained_signature(model: LoadedModel) -> Signature:
    signature = model.signatures.get(SERVING_DEFAULT)
    if signature is None or signature.method != PREDICT or not signature.inputs:
        raise ServingError(
            Status.FAILED_PRECONDITION, f"explain: the model has no signature {SERVING_DEFAULT} for predict requests"
        )
    if not any(output in signature.outputs for output in OUTPUTS.values()):
        raise ServingError(
            Status.FAILED_PRECONDITION,
            f"explain: signature {SERVING_DEFAULT} has none of the outputs {', '.join(OUTPUTS.values())}",
        )
    return signature


def _background(model: LoadedModel, signature: Signature, most: int) -> dict[str, np.ndarray]:
    """The recorded rows of serving_default, [B, ...]."""
    try:
        recorded = [inputs for name, inputs in recorded_requests(model.folder) if name == SERVING_DEFAULT]
    except (OSError, ValueError) as exc:
        told = str(exc).replace(f"{model.folder}/", "")  # a client need not know the folders of the server
        raise ServingError(Status.FAILED_PRECONDITION, f"explain: no background rows: {told}") from exc
    if not recorded:
        raise ServingError(Status.FAILED_PRECONDITION, "explain: no background rows recorded; train again")
    sizes = [max((len(column) for column in inputs.values() if np.ndim(column)), default=1) for inputs in recorded]
    found = {}
    for name, spec in signature.inputs.items():
        columns = [_column(name, inputs, spec, size) for inputs, size in zip(recorded, sizes, strict=True)]
        if len({column.shape[1:] for column in columns}) > 1:
            raise ServingError(
                Status.FAILED_PRECONDITION,
                f"explain: no background rows: input {name} of the recorded rows has several shapes",
            )
        found[name] = np.concatenate(columns)
    total = sum(sizes)
    taken = np.arange(min(total, most)) * total // min(total, most)
    return {name: column[taken] for name, column in found.items()}


def _column(name: str, inputs: Mapping[str, np.ndarray], spec: TensorSpec, size: int) -> np.ndarray:
    """An input with N rows, or its default for each of them."""
    if name in inputs:
        try:
            return np.asarray(inputs[name], spec.numpy_dtype)
        except (ValueError, TypeError) as exc:
            raise invalid(f"{name}: is not of type {spec.dtype} ({exc})") from exc
    if not spec.optional:
        raise invalid(f"{name}: is missing; signature {SERVING_DEFAULT} requires it")
    default = np.asarray(spec.default, spec.numpy_dtype)
    return np.repeat(default if default.ndim and len(default) == 1 else default[None], size, axis=0)


def _targets(outputs: Outputs, model: LoadedModel) -> list[_Target]:
    """What is explained of each row, by the outputs of all rows."""
    binary, multiclass, regression = (OUTPUTS[task] for task in ("binary", "multiclass", "regression"))
    if binary in outputs:
        positive = model.about.positive or "1"
        target = _Target(lambda found: log_odds(found[binary].reshape(-1)), {"scale": "logit", "class": positive})
        return [target] * len(outputs[binary])
    if multiclass in outputs:
        return [
            _of_class(multiclass, int(place), _class_name(outputs, number, int(place)))
            for number, place in enumerate(outputs[multiclass].argmax(axis=1))
        ]
    target = _Target(lambda found: found[regression].reshape(-1), {"scale": "prediction"})
    return [target] * len(outputs[regression])


def _of_class(output: str, place: int, name: Any) -> _Target:
    def value(found: Outputs) -> np.ndarray:
        probabilities = found[output].astype(np.float64)
        return log_odds(probabilities[:, place], np.delete(probabilities, place, axis=1).sum(axis=1))

    return _Target(value, {"scale": "logit", "class": name})


def _class_name(outputs: Outputs, row: int, place: int) -> Any:
    return _json(outputs[CLASSES][row][place]) if CLASSES in outputs else place


def _sent(cells: Mapping[str, Any]) -> Any:
    """The value of a column as JSON; of several inputs an object."""
    values = {name: _json(cell) for name, cell in cells.items()}
    return next(iter(values.values())) if len(values) == 1 else values


def _json(cell: Any) -> Any:
    if isinstance(cell, np.ndarray):
        return [_json(one) for one in cell]
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, np.floating):
        return _finite(float(str(cell)))  # the shortest decimal that is this float32
    value = cell.item() if isinstance(cell, np.generic) else cell
    return None if value == _MISSING_INTEGER else value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
