"""RegistryPusher: pushes a blessed model to the registry, with a manifest that records its origin."""
