"""Result of a hyperparameter search, kept for later runs in <root>/<dataset>/tuned.json.

A run without a search uses the result in two cases only: `plumbline tuned --write` wrote it into [training], or `reuse`
in [tune] replaces [training] by it, as long as that table and the other settings of the search are unchanged.
"""

import hashlib
import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.shared.errors import UsageError
from components.shared.files import write_bytes, write_json
from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRICS
from pipeline.settings.config import Config
from pipeline.settings.renamed_keys import with_present_names
from pipeline.settings.sections.tune import tune_error, with_values
from pipeline.settings.tuning_result_text import dotted, edited, in_short, shown

FILE = "tuned.json"
MISSHAPEN = (ValueError, KeyError, TypeError, AttributeError)
"""What JSON of another shape raises."""


@dataclass(frozen=True)
class TuningResult:
    """The result of a search.

    Attributes:
      best: best_settings.json, see components/tuner/tuning.py.
      run_id: Of the run that searched; "" if it is not known.
      data: Fingerprint of the data that it searched on.
      basis: Fingerprint of the settings that it was found for; "" if it is not known.
    """

    best: dict[str, Any]
    run_id: str = ""
    data: str = ""
    basis: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is kept, and printed by `plumbline tuned --json`; `best` is `found` there."""
        return {"found": self.best, "run_id": self.run_id, "data": self.data, "basis": self.basis}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "TuningResult":
        """Reverses `to_json`."""
        return cls(kept["found"], **{name: value for name, value in kept.items() if name != "found"})

    def to_text(self) -> str:
        """The trials, the best first, and what came of them."""
        metric = self.best["metric"]
        trials = list(enumerate(self.best["trials"]))
        good = [(number, trial) for number, trial in trials if trial["score"] is not None]
        good.sort(key=lambda pair: pair[1]["score"] if metric in LOWER_IS_BETTER else -pair[1]["score"])
        lines = [in_short(self.best), ""]
        lines.append(f"{'trial':>5}  {METRICS.get(metric, metric).lower():>17}  {'seconds':>7}  settings")
        for number, trial in good:
            settings = ", ".join(f"{name} {shown(value)}" for name, value in trial["settings"].items())
            line = f"{number:>5}  {trial['score']:>17.4f}  {trial['seconds']:>7.1f}  {settings or 'as they were'}"
            lines.append(line)
        lines += [f"{number:>5}  failed: {trial['failed']}" for number, trial in trials if trial["score"] is None]
        return "\n".join(lines)


def basis_of(config: Config) -> str:
    """Fingerprint of the settings that a search is done for: with others, what it found says nothing."""
    tables = {"dataset", "features", "balance", "augmentation", "training"}
    told = config.model_dump(mode="json", include=tables)
    told["tune"] = config.tune.model_dump(mode="json", include={"metric", "space"})
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def keep(home: Path, config: Config, found: dict[str, Any], run_id: str, data: str) -> None:
    """Stores the result of a search, replacing the previous one."""
    write_json(home / FILE, TuningResult(found, run_id, data, basis_of(config)).to_json())


def last(home: Path) -> TuningResult:
    """Returns the result of the last search; UsageError if there is none, or the file cannot be read."""
    try:
        return _tellable(TuningResult.from_json(json.loads((home / FILE).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise UsageError(f"{home}: no settings were searched yet; plumbline run --tune 12 does") from None
    except (OSError, *MISSHAPEN) as exc:
        raise UsageError(f"{home / FILE}: cannot be read ({exc}); delete it and search again") from exc


def from_file(path: Path) -> TuningResult:
    """Reads a best_settings.json; UsageError if it is not one."""
    try:
        return _tellable(TuningResult(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, *MISSHAPEN) as exc:
        raise UsageError(f"{path}: is no best_settings.json ({type(exc).__name__}: {exc})") from exc


def _tellable(kept: TuningResult) -> TuningResult:
    """The same by present names; one of MISSHAPEN if it lacks what is told of it, so is something else."""
    kept.to_text()
    dotted(kept.best["settings"])
    present, _ = with_present_names({"training": kept.best["settings"]})
    return replace(kept, best={**kept.best, "settings": present["training"]})


def in_force(config: Config, home: Path, data: str) -> tuple[Config, TuningResult | None]:
    """The settings that a run takes, and the earlier search that they come from, if `reuse` says so.

    A run on the very data that was searched keeps its search: it is in the cache.
    """
    if not config.tune.reuse or not (home / FILE).is_file():
        return config, None
    kept = last(home)
    if kept.basis != basis_of(config) or (config.tune.trials and kept.data == data):
        return config, None
    tune = config.tune.model_copy(update={"trials": 0})
    return trained_with(config, kept.best).model_copy(update={"tune": tune}), kept


def trained_with(config: Config, found: Mapping[str, Any]) -> Config:
    """Returns the settings with the found values in [training]."""
    if not found.get("settings"):
        return config
    return config.model_copy(update={"training": with_values(config.training, dict(found["settings"]))})


def write(config: Config, kept: TuningResult) -> str:
    """Writes what was found into pipeline.toml, comments and all else untouched; says what was changed.

    Raises:
      UsageError: It was found for other settings, [training] does not take it, or the file cannot be written, or not by
        this simple means.
    """
    path = config.path
    if kept.basis and kept.basis != basis_of(config):
        raise UsageError(f"{path}: was changed since; these settings were found for others; plumbline run --tune again")
    settings = kept.best["settings"]
    if not settings:
        return f"{path}: nothing to write, the settings stay"
    if said := tune_error(config.training, settings):
        raise UsageError(f"{path}: [training] does not take what was found: {said}")
    try:
        # As bytes, and without the BOM that load_config allows: line ends and all else stay as they are.
        before = path.read_bytes()
        bom = BOM_UTF8 if before.startswith(BOM_UTF8) else b""
        write_bytes(path, bom + edited(before.decode("utf-8-sig"), settings).encode())
    except ValueError as exc:
        raise UsageError(f"{path}: {exc}") from exc
    except OSError as exc:
        raise UsageError(f"{path}: cannot be written ({exc.strerror})") from exc
    return f"{path}: [training] {', '.join(f'{n} {shown(v)}' for n, v in dotted(settings).items())}"
