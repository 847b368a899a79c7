"""Settings keys that have a new name. The former name works for one minor version, with a warning; then it is removed.

One table drives the warning, the reading of settings that older versions recorded, and `plumbline migrate-config`.
"""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import ConfigError, PlumblineWarning

Keys = tuple[str, ...]
"""Keys from the outermost table to a value or a table: ("training", "trees", "num_leaves")."""

REMOVED_IN = "0.3.0"
"""Version of Plumbline that no longer knows the former names."""


@dataclass(frozen=True)
class RenamedKey:
    """A key or a table within one table.

    Attributes:
      table: Keys of the table that holds it, by their present names; () is the whole file.
      former: Its former name.
      name: Its present name.
    """

    table: Keys
    former: str
    name: str

    def __str__(self) -> str:
        return f"{_shown((*self.table, self.former))} -> {_shown((*self.table, self.name))}"


def _renamed(table: str, **names: str) -> tuple[RenamedKey, ...]:
    keys = tuple(table.split(".")) if table else ()
    return tuple(RenamedKey(keys, former, name) for former, name in names.items())


_TREES = {"rounds": "n_estimators", "leaves": "num_leaves", "columns": "colsample_bytree"}

RENAMED_KEYS = (
    # Tables first: keys below are named by the present name of their table.
    *_renamed("", errors="error_analysis"),
    *_renamed("data", misfits="on_type_mismatch"),
    *_renamed("drift", effects="effect_sizes", slice_effect="slice_effect_size"),
    *_renamed("audit", learn_rows="max_train_rows", most_issues="max_issues"),
    *_renamed("text", learn_rows="max_fit_rows"),
    *_renamed("training.trees", **_TREES),
    *_renamed("tune", rows="max_rows"),
    *_renamed("tune.space.trees", **_TREES),
    *_renamed(
        "evaluation",
        decide_by="threshold_metric",
        max_gap="max_disparity",
        baseline="linear_baseline",
        prior="prior_baseline",
    ),
    *_renamed(
        "error_analysis",
        categories="max_categories",
        effect="effect_size",
        most="max_slices",
        most_pairs="max_pairs",
        rows="max_rows",
    ),
    *_renamed(
        "canary",
        minimum_requests="min_requests",
        minimum_labels="min_labels",
        maximum_requests="max_requests",
        maximum_hours="max_hours",
    ),
    *_renamed("retraining", minimum_rows="min_rows"),
    *_renamed(
        "alarms",
        longest_history="max_history",
        like="min_seasonal_windows",
        close="close_ratio",
        minor_weight="min_importance",
    ),
    *_renamed(
        "sinks",
        first_seconds="initial_backoff_seconds",
        longest_seconds="max_backoff_seconds",
        hours="max_retry_hours",
    ),
)
"""Every renamed key. The present names are those of TFDV, scikit-learn, LightGBM, cleanlab and Fairlearn; see the
glossary."""


class RenamedKeyWarning(PlumblineWarning):
    """A pipeline.toml uses a former name; the message names the file, both names and `plumbline migrate-config`."""


class BothNamesError(ValueError):
    """A key is given by its former and by its present name. The message names both."""


def with_present_names(tables: Mapping[str, Any]) -> tuple[dict[str, Any], list[RenamedKey]]:
    """Settings by their present names, and the former names that were found.

    Args:
      tables: A pipeline.toml, parsed; or settings that a run recorded, whole or in part. It is not changed.

    Raises:
      BothNamesError: A key is given by both names, so that it is unknown which value is meant.
    """
    found: list[RenamedKey] = []
    present = copy.deepcopy(dict(tables))
    for key in RENAMED_KEYS:
        table = _table(present, key.table)
        if table is None or key.former not in table:
            continue
        if key.name in table:
            raise BothNamesError(
                f"{_shown((*key.table, key.name))}: given twice, also by its former name {key.former}; keep {key.name}"
            )
        found.append(key)
        items = [(key.name if name == key.former else name, value) for name, value in table.items()]
        table.clear()
        table.update(items)
    return present, found


def read_present_names(path: Path, tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a pipeline.toml by their present names; a RenamedKeyWarning for each former name.

    Raises:
      ConfigError: A key is given by both names.
    """
    try:
        present, found = with_present_names(tables)
    except BothNamesError as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    for key in found:
        warnings.warn(
            f"{path}: {_shown((*key.table, key.former))} is now {_shown((*key.table, key.name))}; the former name "
            f"works until version {REMOVED_IN}; `plumbline migrate-config {path}` rewrites the file",
            RenamedKeyWarning,
            stacklevel=2,
        )
    return present


def _table(tables: Any, keys: Keys) -> dict[str, Any] | None:
    for key in keys:
        tables = tables.get(key) if isinstance(tables, dict) else None
    return tables if isinstance(tables, dict) else None


def _shown(keys: Keys) -> str:
    """`[evaluation] decide_by` of a key, `[errors]` of a table of the file."""
    return f"[{keys[0]}]" if len(keys) == 1 else f"[{'.'.join(keys[:-1])}] {keys[-1]}"
