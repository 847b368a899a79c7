"""The search space of the Tuner: settings of [training] and their ranges. Pure Python."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TREES = "trees."
"""Prefix of the settings of boosted trees, which are in section [training.trees]."""


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter and its search range: an interval or an enumeration.

    Attributes:
      name: Dotted name in [training]: "dropout", "trees.num_leaves".
      low: Lower end of an interval.
      high: Upper end of an interval.
      whole: Whether an interval holds integers only.
      log: Whether an interval is sampled on a logarithmic scale.
      choices: Values of an enumeration; empty for an interval.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[Any, ...]:
        """All values of an enumeration, or the two ends of an interval."""
        if self.choices:
            return self.choices
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)

    def nearest(self, value: Any) -> Any:
        """Returns the nearest point of the space to a value; for a choice, which has to be legal, its index."""
        if self.choices:
            return self.choices.index(value)
        return min(max(value, self.low), self.high)

    def value(self, point: Any) -> Any:
        """Returns the setting at a point of the space, rounded to three digits for readability."""
        if self.choices:
            return self.choices[int(point)]
        if self.whole:
            return int(point)
        return min(max(float(f"{point:.3g}"), self.low), self.high)


DEFAULTS = {
    knob.name: knob
    for knob in (
        Hyperparameter("learning_rate", 3e-4, 1e-2, log=True),
        Hyperparameter("hidden_units", choices=((128,), (128, 64), (256, 128), (512, 256))),
        Hyperparameter("dropout", 0.0, 0.5),
        Hyperparameter("weight_decay", 1e-6, 1e-2, log=True),
        Hyperparameter("members", choices=(2, 4, 8, 16)),
        Hyperparameter("batch_size", choices=(256, 512, 1024, 2048)),
        Hyperparameter("trees.num_leaves", 8, 128, whole=True, log=True),
        Hyperparameter("trees.learning_rate", 0.02, 0.2, log=True),
        Hyperparameter("trees.l2", 0.1, 100.0, log=True),
        Hyperparameter("trees.colsample_bytree", 0.2, 1.0),
    )
}
"""The default space. Boosting rounds and epochs are not searched, because early stopping selects them."""

ONLY_IF_ASKED = {knob.name: knob for knob in (Hyperparameter("epochs", 2, 30, whole=True, log=True),)}
"""Searched only if [tune.space] names it, because the time of a trial grows with it."""

KEYS = ("min", "max", "log")


def space_of(overrides: Mapping[str, Any], model: str) -> tuple[Hyperparameter, ...]:
    """Returns the search space: the defaults, overridden by section [tune.space].

    Args:
      overrides: Setting -> `{min, max}`, or `{min, max, log}`, an array of values, or false to exclude the setting;
        those of boosted trees in a table `trees`.
      model: Setting `model` of [training]. Settings of a model that it excludes are not searched. With "auto", those of
        the network are searched only if they are named, because few time budgets suffice for a network.

    Raises:
      ValueError: A setting is unknown or its values are not legal, as a one-line message.
    """
    known = {**DEFAULTS, **ONLY_IF_ASKED}
    selected = {name: knob for name, knob in DEFAULTS.items() if model != "auto" or name.startswith(TREES)}
    for name, given in _flat(overrides):
        if name not in known:
            raise ValueError(f"{name}: unknown setting; legal: {', '.join(known)}")
        if not _has(model, name):
            raise ValueError(f"{name}: model = {model!r} does not have it; remove it")
        selected.pop(name, None)
        if given is not False:
            selected[name] = _knob(known[name], given)
    space = tuple(knob for name, knob in selected.items() if _has(model, name))
    if not space:
        raise ValueError("nothing is left to search; leave at least one setting in")
    return space


def around(space: Iterable[Hyperparameter], training: Mapping[str, Any]) -> tuple[Hyperparameter, ...]:
    """Returns the space with the current value added to each enumeration, so that the first trial is part of it."""
    found = []
    for knob in space:
        value = setting(training, knob.name)
        if knob.choices and value not in knob.choices:
            knob = replace(knob, choices=tuple(sorted((*knob.choices, value))))
        found.append(knob)
    return tuple(found)


def setting(training: Mapping[str, Any], name: str) -> Any:
    """Returns a setting's value in section [training]; an array as a tuple."""
    value = training["trees"][name.removeprefix(TREES)] if name.startswith(TREES) else training[name]
    return tuple(value) if isinstance(value, list) else value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts {"dropout": 0.1, "trees.num_leaves": 31} to a part of [training]: {"dropout": 0.1, "trees": {…}}."""
    found: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith(TREES)}
    trees = {name.removeprefix(TREES): value for name, value in values.items() if name.startswith(TREES)}
    return {**found, "trees": trees} if trees else found


def _has(model: str, name: str) -> bool:
    if model in ("auto", "blend"):
        return True
    return model == ("trees" if name.startswith(TREES) else "network")


def _flat(overrides: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, given in overrides.items():
        if name == "trees":
            if not isinstance(given, Mapping):
                raise ValueError(f"trees: must be a table of settings, not {given!r}")
            found += [(f"{TREES}{inner}", value) for inner, value in given.items()]
        else:
            found.append((name, given))
    return found


def _knob(default: Hyperparameter, given: Any) -> Hyperparameter:
    """A hyperparameter with the values of [tune.space]."""
    if isinstance(given, Mapping):
        return _range(default, given)
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise ValueError(f"{default.name}: no value is given; false excludes the setting from the search")
        values = tuple(tuple(value) if isinstance(value, list) else value for value in given)
        for value in values:
            if not _fits(default, value):
                raise ValueError(f"{default.name}: must be {_kind(default)}, not {_shown(value)}")
        return Hyperparameter(default.name, choices=tuple(sorted(set(values))))
    raise ValueError(f"{default.name}: must be {{ min, max }}, an array of values, or false, not {given!r}")


def _range(default: Hyperparameter, given: Mapping[str, Any]) -> Hyperparameter:
    name = default.name
    if unknown := [key for key in given if key not in KEYS]:
        raise ValueError(f"{name}: {unknown[0]}: unknown key; legal keys: {', '.join(KEYS)}")
    if _kind(default) == SIZES:
        raise ValueError(f"{name}: min and max do not apply; give an array of values, such as [[128], [256, 128]]")
    for key in ("min", "max"):
        if key not in given:
            raise ValueError(f"{name}: {key} is missing")
        if not _fits(default, given[key]):
            raise ValueError(f"{name}: {key} must be {_kind(default)}, not {_shown(given[key])}")
    low, high = given["min"], given["max"]
    if low > high:
        raise ValueError(f"{name}: min {low} is greater than max {high}")
    log = given.get("log", default.log or name in LOGARITHMIC)
    if not isinstance(log, bool):
        raise ValueError(f"{name}: log must be true or false, not {log!r}")
    if log and low <= 0:
        raise ValueError(f"{name}: min {low}: a logarithmic scale begins above 0; raise min, or set log = false")
    return Hyperparameter(name, float(low), float(high), whole=_kind(default) == WHOLE, log=log)


LOGARITHMIC = ("members", "batch_size")
WHOLE, NUMBER, SIZES = "a whole number", "a number", "an array of whole numbers"


def _kind(knob: Hyperparameter) -> str:
    if knob.choices:
        return SIZES if isinstance(knob.choices[0], tuple) else WHOLE
    return WHOLE if knob.whole else NUMBER


def _fits(knob: Hyperparameter, value: Any) -> bool:
    kind = _kind(knob)
    if kind == SIZES:
        return isinstance(value, tuple) and all(type(size) is int for size in value)
    return type(value) is int or (kind == NUMBER and type(value) is float)


def _shown(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
