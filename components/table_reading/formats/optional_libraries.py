"""Imports libraries of the package's extras, with a clear error if an extra is not installed."""

import importlib
from types import ModuleType

from components.shared.errors import ConfigError


class MissingExtra(ConfigError):
    """A library is not installed; the message names the extra that installs it."""


def import_extra(module: str, extra: str, what: str) -> ModuleType:
    """Imports a module of an extra.

    Args:
      module: Name of the module.
      extra: Name of plumbline's extra that installs it.
      what: The file or URL that needs the module, for the message.

    Raises:
      MissingExtra: The module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise MissingExtra(f"{what}: needs the extra `{extra}`; pip install 'plumbline[{extra}]'") from exc
