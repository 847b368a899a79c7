"""Environment variables and warning filters that must be set before TensorFlow is imported."""

import os
import sys
import warnings


def settle() -> None:
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
