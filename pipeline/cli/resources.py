"""Resources that arguments name: settings, folder of runs, registry, metadata store. Slow modules load on use."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from components.shared.texts.file_names import checked

if TYPE_CHECKING:
    from components.registry.registry import Registry
    from pipeline.settings.config import Config


def settings_of(parsed: argparse.Namespace) -> "Config":
    """Settings of --dataset, with --beam, --tune and --window where given; UsageError for an impossible value."""
    from pipeline.settings.config import find_config, load_config
    from pipeline.settings.sections.tune import check_tune

    config = load_config(find_config(parsed.dataset))
    if profile := getattr(parsed, "beam", None):
        config = config.model_copy(update={"beam": config.beam.model_copy(update={"profile": profile})})
    if (trials := getattr(parsed, "tune", None)) is not None:
        if trials < 1:
            raise UsageError(f"--tune {trials}: must be at least 1")
        # Who says it here wants a search, whatever was found before.
        config = config.model_copy(update={"tune": config.tune.model_copy(update={"trials": trials, "reuse": False})})
        config.own_module()  # refuses a search beside a model of one's own; load_config knew of none
        try:
            check_tune(config.tune, config.training, config.dataset.task)
        except ValueError as exc:
            raise UsageError(f"--tune {trials}: {exc}") from exc
    window = getattr(parsed, "window", None)
    if window is None:
        return config
    if window < 1:
        raise UsageError(f"--window {window}: must be at least 1")
    return config.model_copy(update={"data": config.data.model_copy(update={"window": window})})


def home_of(parsed: argparse.Namespace) -> Path:
    """<root>/<dataset>, the folder of the dataset's runs; ConfigError for a dataset with neither settings nor runs."""
    from pipeline.settings.config import find_config

    home: Path = (parsed.root / checked(parsed.dataset, "--dataset")).resolve()
    if not home.is_dir():
        find_config(parsed.dataset)  # a misspelt name is no dataset without runs
    return home


def registry_of(parsed: argparse.Namespace) -> "Registry":
    """The registry that the settings of --dataset name."""
    from components.registry.registry import Registry
    from pipeline.settings.config import registry_folder

    return Registry(registry_folder(settings_of(parsed), parsed.root))


def store_of(parsed: argparse.Namespace, read_only: bool = True) -> Any:
    """A connection to the metadata store that [metadata] of the settings names."""
    from pipeline.metadata.connection import connect, connection_of

    return connect(connection_of(settings_of(parsed).metadata, home_of(parsed)), read_only=read_only)


def drift_history(config: "Config", root: Path) -> Any:
    """Drift of all runs of a dataset, as pipeline.drift.history.DriftHistory."""
    from pipeline.drift.history import load_history

    return load_history(root, config.dataset.name, label=config.dataset.label)
