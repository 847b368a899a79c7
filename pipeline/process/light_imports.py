"""Speeds up importing TFX and Beam by hiding modules that a local run never uses.

These are cloud clients and components that are not in the DAG. TFX and Beam import each of them in a `try` with
`except ImportError`, and work without it. So the modules are reported as missing while TFX and Beam are imported, and
can be imported as usual afterwards. This saves 3 of 9.5 s of CPU time. It is not used on clusters, where Beam needs the
clients.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

UNUSED = (
    # Beam's connectors and file systems for clouds; Google's clients alone take 1 s. Local artifacts are plain files.
    "apache_beam.io.gcp.bigquery",
    "apache_beam.io.gcp.gcsfilesystem",
    "apache_beam.io.aws.s3filesystem",
    "apache_beam.io.azure.blobstoragefilesystem",
    "apache_beam.io.hadoopfilesystem",
    "pymongo",
    # tfx.components imports every component; the InfraValidator imports the clients of Kubernetes and Docker.
    "tfx.components.bulk_inferrer.component",
    "tfx.components.distribution_validator.component",
    "tfx.components.evaluator.component",
    "tfx.components.example_diff.component",
    "tfx.components.infra_validator.component",
    "tfx.components.model_validator.component",
    "tfx.components.tuner.component",
    # Used by Keras for plots. IPython and ipywidgets are not hidden: TFMA's views need them.
    "matplotlib",
)


@contextmanager
def without(names: Sequence[str] = UNUSED) -> Iterator[None]:
    """Hides modules from imports within the block; modules that are already imported stay available.

    Args:
      names: Dotted names.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented by Python: ModuleNotFoundError on import
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


def complete_components() -> None:
    """Reloads tfx.components with the components that `without` hid: the Kubeflow compiler refers to all of them."""
    components = sys.modules.get("tfx.components")
    if components is not None and not isinstance(getattr(components, "InfraValidator", None), type):
        importlib.reload(components)
