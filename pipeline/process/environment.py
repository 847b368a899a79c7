"""Environment variables and warning filters that must be set before TensorFlow is imported."""

import os
import sys
import warnings
from contextlib import suppress
from typing import Any

from components.shared.errors import PlumblineWarning


def configure_environment() -> None:
    """Sets defaults for this process and its children; variables that the user has set are kept."""
    # TFT's Keras layer switches to Keras 2 at import if the variable is not set. Plumbline builds Keras 3 models.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")
    # Keras writes its default settings to ~/.keras at import; Plumbline changes no files outside the project.
    os.environ.setdefault("KERAS_HOME", os.path.join(sys.prefix, ".keras"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GLOG_minloglevel", "3")  # ML Metadata's C++ code logs every step of a connection
    # Deprecation warnings of libraries are of no use to users.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    # Ours are for the user: one line each, and the same one once, however often settings are read.
    warnings.filterwarnings("default", category=PlumblineWarning)
    warnings.showwarning = _show


_show_others = warnings.showwarning


def _show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    """Python's own form of a warning shows the line of code that gave it, which tells a user nothing."""
    if issubclass(category, PlumblineWarning):
        with suppress(OSError, ValueError):
            print(f"plumbline: warning: {message}", file=sys.stderr, flush=True)
    else:
        _show_others(message, category, *rest, **more)
