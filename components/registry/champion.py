"""Selects the champion that a candidate is compared with."""

from collections.abc import Mapping

from components.registry.registry import Registry


def champion_for(registry: Registry, fingerprints: Mapping[str, str]) -> int | None:
    """Returns the version that a candidate is compared with: the live version, or None if there is none.

    A run on the same data and code as the live version reproduces the live version, and comparing a model with itself
    is meaningless. Such a run gets the champion that the live version was compared with, so that a repeated run reaches
    the same decision, from the cache.

    Args:
      registry: The registry.
      fingerprints: Fingerprints `data` and `code` of the run.
    """
    labels = registry.labels()
    if labels is None or labels.live is None:
        return None
    manifest = registry.manifest(labels.live)
    if manifest.get("fingerprints") != dict(fingerprints):  # also for a version that another tool pushed
        return labels.live
    champion = manifest.get("champion")
    return champion if champion in registry.versions() else None
