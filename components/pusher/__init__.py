"""RegistryPusher: a blessed model goes into the registry, with a manifest that says where it came from."""
