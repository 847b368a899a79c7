"""Choices that have to be made before TensorFlow is imported."""

import os
import sys
import warnings


def settle() -> None:
    """Decides once, for this process and those it starts; what the user has set stays."""
    # TFT's Keras layer switches to Keras 2 at import if nobody has decided. We build Keras 3 models.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")
    # Keras writes its default settings to ~/.keras at import; nothing outside the project is ours to change.
    os.environ.setdefault("KERAS_HOME", os.path.join(sys.prefix, ".keras"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GLOG_minloglevel", "3")  # ML Metadata tells every step of a connection from C++
    # Libraries' deprecation notes are for their authors.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
