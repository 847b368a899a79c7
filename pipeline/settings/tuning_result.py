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
from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRIC_NAMES
from pipeline.settings.config import Config
from pipeline.settings.renamed_keys import with_present_names
from pipeline.settings.sections.tune import tune_error, with_values
from pipeline.settings.tuning_result_text import dotted, edited, in_short, shown

FILE = "tuned.json"
MISSHAPEN = (ValueError, KeyError, TypeError, AttributeError)
"""Exceptions for JSON with missing or wrongly typed fields."""


@dataclass(frozen=True)
class TuningResult:
    """The result of a search.

    Attributes:
      best: Content of best_settings.json, see components/tuner/tuning.py.
      run_id: Id of the run that did the search; "" if unknown.
      data: Fingerprint of the data of that run.
      basis: Fingerprint of the settings of that run, see `basis_of`; "" if unknown.
    """

    best: dict[str, Any]
    run_id: str = ""
    data: str = ""
    basis: str = ""

    def to_json(self) -> dict[str, Any]:
        """As stored, and as printed by `plumbline tuned --json`; the field `best` is called `found` there."""
        return {"found": self.best, "run_id": self.run_id, "data": self.data, "basis": self.basis}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "TuningResult":
        """Reverses `to_json`."""
        return cls(kept["found"], **{name: value for name, value in kept.items() if name != "found"})

    def to_text(self) -> str:
        """Returns a table of the trials, sorted by the metric, best first; failed trials last."""
        metric = self.best["metric"]
        trials = list(enumerate(self.best["trials"]))
        good = [(number, trial) for number, trial in trials if trial["score"] is not None]
        good.sort(key=lambda pair: pair[1]["score"] if metric in LOWER_IS_BETTER else -pair[1]["score"])
        lines = [in_short(self.best), ""]
        lines.append(f"{'trial':>5}  {METRIC_NAMES.get(metric, metric).lower():>17}  {'seconds':>7}  settings")
        for number, trial in good:
            settings = ", ".join(f"{name} {shown(value)}" for name, value in trial["settings"].items())
            line = f"{number:>5}  {trial['score']:>17.4f}  {trial['seconds']:>7.1f}  {settings or 'unchanged'}"
            lines.append(line)
        lines += [f"{number:>5}  failed: {trial['failed']}" for number, trial in trials if trial["score"] is None]
        return "\n".join(lines)


def basis_of(config: Config) -> str:
    """Returns the SHA-256 of the settings that a search depends on; its result is valid for equal settings only."""
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
        return _validated(TuningResult.from_json(json.loads((home / FILE).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise UsageError(f"{home}: no hyperparameter search yet; start one with `plumbline run --tune 12`") from None
    except (OSError, *MISSHAPEN) as exc:
        raise UsageError(f"{home / FILE}: cannot be read ({exc}); delete it and repeat the search") from exc


def from_file(path: Path) -> TuningResult:
    """Reads a best_settings.json; UsageError if it is not one."""
    try:
        return _validated(TuningResult(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, *MISSHAPEN) as exc:
        raise UsageError(f"{path}: not a best_settings.json ({type(exc).__name__}: {exc})") from exc


def _validated(kept: TuningResult) -> TuningResult:
    """Returns the result with the present names of settings; raises one of MISSHAPEN if a field is missing."""
    kept.to_text()
    dotted(kept.best["settings"])
    present, _ = with_present_names({"training": kept.best["settings"]})
    return replace(kept, best={**kept.best, "settings": present["training"]})


def in_force(config: Config, home: Path, data: str) -> tuple[Config, TuningResult | None]:
    """Returns the settings of a run, and the earlier search that `reuse` takes them from; None without one.

    A run on the same data as the search is not changed, since its search comes from the cache.
    """
    if not config.tune.reuse or not (home / FILE).is_file():
        return config, None
    kept = last(home)
    if kept.basis != basis_of(config) or (config.tune.trials and kept.data == data):
        return config, None
    tune = config.tune.model_copy(update={"trials": 0})
    return trained_with(config, kept.best).model_copy(update={"tune": tune}), kept


def trained_with(config: Config, found: Mapping[str, Any]) -> Config:
    """Returns the settings with the selected hyperparameters in [training]."""
    if not found.get("settings"):
        return config
    return config.model_copy(update={"training": with_values(config.training, dict(found["settings"]))})


def write(config: Config, kept: TuningResult) -> str:
    """Writes the selected hyperparameters to pipeline.toml and keeps comments and layout; returns a message.

    Raises:
      UsageError: The search was done for other settings, the values are illegal in [training], or the file cannot be
        edited or written.
    """
    path = config.path
    if kept.basis and kept.basis != basis_of(config):
        raise UsageError(f"{path}: was changed after the search; repeat it with `plumbline run --tune`")
    settings = kept.best["settings"]
    if not settings:
        return f"{path}: nothing to write; the search kept the present settings"
    if error := tune_error(config.training, settings):
        raise UsageError(f"{path}: the search result is not legal in [training]: {error}")
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
