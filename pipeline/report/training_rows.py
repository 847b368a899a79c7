"""Rows of the section Ensemble composition: members, training rows, durations and hyperparameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipeline.report.facts import ReportData
from pipeline.report.formatting import REPORT_METRIC_NAMES, fixed, seconds
from pipeline.report.sparklines import share_bar
from pipeline.settings.renamed_keys import with_present_names
from pipeline.settings.tuning_result_text import in_short

NAMES = {
    "trees": "boosted trees",
    "linear": "linear model",
    "trees on linear residuals": "boosted trees on linear residuals",
}


@dataclass(frozen=True)
class Member:
    """One member of the ensemble: blend weight, rounds or epochs, and training time, as text."""

    name: str
    weight: str
    bar: Markup | str
    learned: str
    took: str


@dataclass(frozen=True)
class ModelDescription:
    """A model: a one-line summary `gist`, its members, and further rows (name, text)."""

    gist: str
    members: tuple[Member, ...]
    rows: tuple[tuple[str, str], ...]

    @property
    def weighted(self) -> bool:
        """Whether the members have blend weights."""
        return any(member.weight for member in self.members)


def training(facts: ReportData) -> ModelDescription | None:
    """Arranges training.json; None if it is empty."""
    found = facts.training
    asked = _asked(facts)
    blend = _weights(found)
    members = tuple(_member(name, weight, found, asked) for name, weight in blend.items())
    rows = tuple((name, text) for name, text in (*_rows(found), ("Search", _search(facts))) if text)
    if not members and not rows:
        return None
    return ModelDescription(_gist(blend, found), members, rows)


def _weights(found: Mapping[str, Any]) -> Mapping[str, float | None]:
    """Blend weight of each candidate; runs of early versions recorded only the members of the ensemble."""
    members, blend = found.get("members"), found.get("blend")
    if isinstance(members, list) and members:
        return {one["name"]: one["weight"] for one in members}
    if isinstance(blend, dict) and blend:
        return blend
    return {"network": None} if "epochs" in found else {}


def _gist(blend: Mapping[str, float | None], found: Mapping[str, Any]) -> str:
    parts = [
        NAMES.get(name, name) if weight in (None, 1.0) else f"{weight:.2f} {NAMES.get(name, name)}"
        for name, weight in blend.items()
        if weight != 0
    ]
    again = ", refit on all rows" if found.get("refitted") else ""
    return f"{' + '.join(parts)}{again}" if parts else "custom trainer"


def _member(name: str, weight: float | None, found: Mapping[str, Any], asked: Mapping[str, Any]) -> Member:
    took = (found.get("member_seconds") or {}).get(name)
    reason = {one["name"]: one["reason"] for one in found.get("members") or ()}.get(name)
    about = _trees(found, asked) if name.startswith("trees") else _network(found, asked) if name == "network" else ""
    if weight == 0:
        about = "" if reason else "weight 0: no improvement on the validation split"
    return Member(
        NAMES.get(name, name),
        "" if weight is None else f"{weight:.2f}",
        "" if weight is None else share_bar(weight),
        "; ".join(filter(None, (reason, about))),
        "" if took is None else seconds(took),
    )


def _trees(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    most = (_present(asked).get("trees") or {}).get("n_estimators")
    rounds = found.get("rounds")
    return "" if rounds is None else f"{rounds:,} rounds" + (f" of at most {most:,}" if most else "")


def _present(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table [training] of a run, which may be one of an older version, by present names."""
    found: Mapping[str, Any] = with_present_names({"training": asked})[0]["training"]
    return found


def _network(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    epochs, best, speed = (found.get(name) for name in ("epochs", "best_epoch", "examples_per_second"))
    if epochs is None:
        return ""
    most = (found.get("small_data") or {}).get("epochs", asked.get("epochs"))
    text = f"{epochs:,} epoch{'s' * (epochs != 1)}" + (f" of at most {most:,}" if most else "")
    text += f", best epoch {best:,}" if best is not None else ""
    text += f"; {speed:,.0f} examples per second" if speed else ""
    return text + (f", bound by {found['bound_by']}" if speed and found.get("bound_by") else "")


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows, refitted = found.get("rows") or {}, found.get("refitted")
    trained, validated, folds = rows.get("train", 0), rows.get("validation", 0), found.get("validation_folds")
    if folds is None:  # early versions: one validation split, not counted among the training rows
        trained, folds = trained + validated, 1
    selected = "for the selection of members, rounds and the decision threshold"
    temperature, small = found.get("temperature"), found.get("small_data")
    return [
        (
            "Rows",
            f"{trained:,}; {validated:,} of them in {folds} validation fold{'s' * (folds != 1)}, {selected}"
            if rows
            else "",
        ),
        (
            "Final fit",
            ""
            if refitted is None
            else f"on all {trained:,} rows, with the best rounds and epochs"
            if refitted
            else "none: the model was not refit on the validation split",
        ),
        (
            "Temperature",
            ""
            if temperature in (None, 1.0)
            else f"{temperature:.3f}, by which the logits are divided; above 1 it moves probabilities towards 0.5",
        ),
        ("Validation metrics", _validation(found.get("validation") or {}, refitted)),
        ("Small-data settings", "" if small is None else _listed(small) or "none: enough rows"),
        ("Data steps", "" if found.get("data_steps") is None else _listed(found["data_steps"]) or "none"),
        ("Tuned hyperparameters", _listed(found.get("tuned") or {})),
        ("Time", ", ".join(f"{name} {seconds(value)}" for name, value in (found.get("seconds") or {}).items())),
    ]


def _search(facts: ReportData) -> str:
    """Result of the hyperparameter search."""
    found = facts.summary.get("tuned")
    if not found:
        return ""
    run = f" (from run {found['run_id']})" if found.get("run_id") else ""
    return f"{in_short(found)}{run}"


def _validation(metrics: Mapping[str, Any], refitted: bool | None) -> str:
    text = ", ".join(f"{REPORT_METRIC_NAMES.get(name, name)} {fixed(value)}" for name, value in metrics.items())
    return f"{text}{', before the final fit' if refitted else ''}" if text else ""


def _listed(values: Mapping[str, Any]) -> str:
    """{"batch_size": 64, "trees": {"rounds": 9}} -> "batch_size 64, trees rounds 9"."""
    parts = []
    for name, value in values.items():
        if isinstance(value, dict):
            parts.append(f"{name} {_listed(value)}".strip())
        elif isinstance(value, list | tuple):
            parts.append(f"{name} {' '.join(map(str, value))}")
        elif isinstance(value, float):
            parts.append(f"{name} {value:.4g}")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _asked(facts: ReportData) -> Mapping[str, Any]:
    """The table [training] of the run's settings."""
    given = facts.settings.get("Trainer", {}).get("custom_config")
    table = given.get("training") if isinstance(given, dict) else None
    return table if isinstance(table, dict) else {}
