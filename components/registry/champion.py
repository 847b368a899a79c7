"""Which version a candidate is compared with."""

from collections.abc import Mapping

from components.registry.registry import Registry


def champion_for(registry: Registry, fingerprints: Mapping[str, str]) -> int | None:
    """The live version, or None if there is none yet.

    A run on the same data and code as the live version makes the live version again. Comparing a model with itself
    says nothing, so such a run is given the champion that the live version had: a repeated run comes to the same
    verdict, from the cache, as the first.

    Args:
      registry: Where the versions are.
      fingerprints: `data` and `code` of the run that asks.
    """
    labels = registry.labels()
    if labels is None or labels.live is None:
        return None
    manifest = registry.manifest(labels.live)
    if manifest.get("fingerprints") != dict(fingerprints):  # also of a version that another tool has pushed
        return labels.live
    champion = manifest.get("champion")
    return champion if champion in registry.versions() else None
