"""Logs a failure that the command survives: one line on the terminal, with its traceback in run.log or with --debug."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from components.shared.texts.secrets import message_line, without_secrets

_with_tracebacks = False


@contextmanager
def tracebacks(wanted: bool = True) -> Iterator[None]:
    """Has failures logged with their tracebacks in the block, if wanted; an outer block that wants them counts, too."""
    global _with_tracebacks
    before, _with_tracebacks = _with_tracebacks, _with_tracebacks or wanted
    try:
        yield
    finally:
        _with_tracebacks = before


def log_failure(logger: logging.Logger, what: str) -> None:
    """Logs the exception that is being handled.

    Args:
      logger: Where to.
      what: What failed, without a full stop.
    """
    exc = sys.exc_info()[1]
    text = message_line(f"plumbline: {what} ({exc})")
    if _with_tracebacks:
        text += "\n" + without_secrets(traceback.format_exc().rstrip())
    logger.warning("%s", text)
