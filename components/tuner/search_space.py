"""Which settings of [training] are searched, and between which values. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TREES = "trees."
"""Settings of the boosted trees begin with it, as they stand in the table [training.trees]."""


@dataclass(frozen=True)
class Knob:
    """One setting and its legal values: a range, or an enumeration.

    Attributes:
      name: As in [training]: "dropout", "trees.leaves".
      low: Least value of a range.
      high: Greatest value of a range.
      whole: Whether a range holds whole numbers only.
      log: Whether a range is searched by orders of magnitude.
      choices: The values of an enumeration; empty for a range.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[Any, ...]:
        """All values of an enumeration, or the two ends of a range."""
        if self.choices:
            return self.choices
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)

    def nearest(self, value: Any) -> Any:
        """The point of the space where a value is to stand: for a choice its index, which has to be there."""
        if self.choices:
            return self.choices.index(value)
        return min(max(value, self.low), self.high)

    def value(self, point: Any) -> Any:
        """The setting at a point of the space, with three digits: what is found is written down for people."""
        if self.choices:
            return self.choices[int(point)]
        if self.whole:
            return int(point)
        return min(max(float(f"{point:.3g}"), self.low), self.high)


DEFAULTS = {
    knob.name: knob
    for knob in (
        Knob("learning_rate", 3e-4, 1e-2, log=True),
        Knob("hidden_units", choices=((128,), (128, 64), (256, 128), (512, 256))),
        Knob("dropout", 0.0, 0.5),
        Knob("weight_decay", 1e-6, 1e-2, log=True),
        Knob("members", choices=(2, 4, 8, 16)),
        Knob("batch_size", choices=(256, 512, 1024, 2048)),
        Knob("trees.leaves", 8, 128, whole=True, log=True),
        Knob("trees.learning_rate", 0.02, 0.2, log=True),
        Knob("trees.l2", 0.1, 100.0, log=True),
        Knob("trees.columns", 0.2, 1.0),
    )
}
"""What is searched if nothing else is said. Rounds and epochs are not: both members stop by the validation rows."""

ONLY_IF_ASKED = {knob.name: knob for knob in (Knob("epochs", 2, 30, whole=True, log=True),)}
"""Searched only if [tune.space] names it: the time of a trial grows with it."""

KEYS = ("min", "max", "log")


def space_of(asked: Mapping[str, Any], model: str) -> tuple[Knob, ...]:
    """The space: the defaults, with what [tune.space] says instead.

    Args:
      asked: Setting -> `{min, max}`, or `{min, max, log}`, an array of values, or false for one that is left alone;
        those of the trees in a table `trees` of their own.
      model: As in [training]. Of a member that is not there nothing is searched; with "auto" the network, for which
        few time budgets have room, only where its settings are named.

    Raises:
      ValueError: An unknown setting, or values that are none, in one line.
    """
    known = {**DEFAULTS, **ONLY_IF_ASKED}
    wanted = {name: knob for name, knob in DEFAULTS.items() if model != "auto" or name.startswith(TREES)}
    for name, said in _flat(asked):
        if name not in known:
            raise ValueError(f"{name}: unknown setting; legal: {', '.join(known)}")
        if not _has(model, name):
            raise ValueError(f"{name}: model = {model!r} does not have it; take it out")
        wanted.pop(name, None)
        if said is not False:
            wanted[name] = _knob(known[name], said)
    space = tuple(knob for name, knob in wanted.items() if _has(model, name))
    if not space:
        raise ValueError("nothing is left to search; leave a setting in")
    return space


def around(space: Iterable[Knob], training: Mapping[str, Any]) -> tuple[Knob, ...]:
    """The space, its enumerations with the present value among them: the first trial is the settings as they are."""
    found = []
    for knob in space:
        value = setting(training, knob.name)
        if knob.choices and value not in knob.choices:
            knob = replace(knob, choices=tuple(sorted((*knob.choices, value))))
        found.append(knob)
    return tuple(found)


def setting(training: Mapping[str, Any], name: str) -> Any:
    """A setting's value in the table [training]; an array is a tuple."""
    value = training["trees"][name.removeprefix(TREES)] if name.startswith(TREES) else training[name]
    return tuple(value) if isinstance(value, list) else value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"dropout": 0.1, "trees.leaves": 31} as a part of the table [training]: {"dropout": 0.1, "trees": {…}}."""
    found: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith(TREES)}
    trees = {name.removeprefix(TREES): value for name, value in values.items() if name.startswith(TREES)}
    return {**found, "trees": trees} if trees else found


def _has(model: str, name: str) -> bool:
    if model in ("auto", "blend"):
        return True
    return model == ("trees" if name.startswith(TREES) else "network")


def _flat(asked: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, said in asked.items():
        if name == "trees":
            if not isinstance(said, Mapping):
                raise ValueError(f"trees: must be a table of settings, not {said!r}")
            found += [(f"{TREES}{inner}", value) for inner, value in said.items()]
        else:
            found.append((name, said))
    return found


def _knob(default: Knob, said: Any) -> Knob:
    """A setting's values as they were asked for."""
    if isinstance(said, Mapping):
        return _range(default, said)
    if isinstance(said, Sequence) and not isinstance(said, str):
        if not said:
            raise ValueError(f"{default.name}: no value is given; false leaves the setting alone")
        values = tuple(tuple(value) if isinstance(value, list) else value for value in said)
        for value in values:
            if not _fits(default, value):
                raise ValueError(f"{default.name}: must be {_kind(default)}, not {_shown(value)}")
        return Knob(default.name, choices=tuple(sorted(set(values))))
    raise ValueError(f"{default.name}: must be {{ min, max }}, an array of values, or false, not {said!r}")


def _range(default: Knob, said: Mapping[str, Any]) -> Knob:
    name = default.name
    if unknown := [key for key in said if key not in KEYS]:
        raise ValueError(f"{name}: {unknown[0]}: unknown key; legal keys: {', '.join(KEYS)}")
    if _kind(default) == SIZES:
        raise ValueError(f"{name}: has no least and greatest value; give an array of values, as [[128], [256, 128]]")
    for key in ("min", "max"):
        if key not in said:
            raise ValueError(f"{name}: {key} is missing")
        if not _fits(default, said[key]):
            raise ValueError(f"{name}: {key} must be {_kind(default)}, not {_shown(said[key])}")
    low, high = said["min"], said["max"]
    if low > high:
        raise ValueError(f"{name}: min {low} is greater than max {high}")
    log = said.get("log", default.log or name in LOGARITHMIC)
    if not isinstance(log, bool):
        raise ValueError(f"{name}: log must be true or false, not {log!r}")
    if log and low <= 0:
        raise ValueError(f"{name}: min {low}: orders of magnitude begin above 0; raise it, or say log = false")
    return Knob(name, float(low), float(high), whole=_kind(default) == WHOLE, log=log)


LOGARITHMIC = ("members", "batch_size")
WHOLE, NUMBER, SIZES = "a whole number", "a number", "an array of whole numbers"


def _kind(knob: Knob) -> str:
    if knob.choices:
        return SIZES if isinstance(knob.choices[0], tuple) else WHOLE
    return WHOLE if knob.whole else NUMBER


def _fits(knob: Knob, value: Any) -> bool:
    kind = _kind(knob)
    if kind == SIZES:
        return isinstance(value, tuple) and all(type(size) is int for size in value)
    return type(value) is int or (kind == NUMBER and type(value) is float)


def _shown(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
