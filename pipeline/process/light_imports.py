"""Imports without what a local run never uses: cloud clients and components that are not in our DAG.

TFX and Beam import all of these if they are installed, and go on without if they are not: every one stands in a `try`
with `except ImportError` of theirs. So the modules are reported as missing while TFX and Beam are imported, and can be
imported as usual afterwards. It saves 3 of 9.5 s of CPU. A cluster's steps do without it: there Beam needs its clients.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

UNUSED = (
    # Beam's sources and file systems of clouds: Google's clients alone are 1 s. Local artifacts are plain files.
    "apache_beam.io.gcp.bigquery",
    "apache_beam.io.gcp.gcsfilesystem",
    "apache_beam.io.aws.s3filesystem",
    "apache_beam.io.azure.blobstoragefilesystem",
    "apache_beam.io.hadoopfilesystem",
    "pymongo",
    # tfx.components imports every component: the InfraValidator brings the clients of Kubernetes and Docker.
    "tfx.components.bulk_inferrer.component",
    "tfx.components.distribution_validator.component",
    "tfx.components.evaluator.component",
    "tfx.components.example_diff.component",
    "tfx.components.infra_validator.component",
    "tfx.components.model_validator.component",
    "tfx.components.tuner.component",
    # Keras draws with it. (Not IPython and ipywidgets: without them half of TFMA is missing.)
    "matplotlib",
)


@contextmanager
def without(names: Sequence[str] = UNUSED) -> Iterator[None]:
    """Within it, the modules that are not imported yet cannot be; what is imported already stays."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say so: ModuleNotFoundError
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


def complete_components() -> None:
    """Has tfx.components hold what `without` left out: a compiler for clusters asks about all of TFX's components."""
    components = sys.modules.get("tfx.components")
    if components is not None and not isinstance(getattr(components, "InfraValidator", None), type):
        importlib.reload(components)
