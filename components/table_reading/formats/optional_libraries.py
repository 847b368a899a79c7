"""Libraries that come with an extra of the package: imported where they are used, or asked for in one line."""

import importlib
from types import ModuleType

from components.shared.errors import ConfigError


class MissingExtra(ConfigError):
    """A library is not installed, with which extra it comes."""


def import_extra(module: str, extra: str, what: str) -> ModuleType:
    """A module of an extra.

    Args:
      module: Its name.
      extra: The extra of plumbline that brings it.
      what: What cannot be read without it.

    Raises:
      MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise MissingExtra(f"{what}: needs the extra `{extra}`; pip install 'plumbline[{extra}]'") from exc
