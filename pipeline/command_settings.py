"""A dataset's settings as a command's arguments change them."""

import argparse

from components.errors import UsageError
from pipeline.config import Config, find_config, load_config
from pipeline.tables.tune import check_tune


def settings_of(parsed: argparse.Namespace) -> Config:
    """Settings of --dataset, with --beam, --tune and --window where given; UsageError for an impossible value."""
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
