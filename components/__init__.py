"""Plumbline's own TFX components, a folder each: a pure core and a thin TFX shell (component.py)."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Artifact types by the names that Kubeflow records, such as DriftReport; only then is TFX imported."""
    if name[:1].isupper():
        from components.shared.artifacts import artifact_types

        return getattr(artifact_types, name)
    raise AttributeError(f"module 'components' has no attribute {name!r}")
