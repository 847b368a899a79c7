"""URLs and folders: of the artifacts, of the registry, and where Kubeflow's launcher keeps them in a container.

The launcher copies an artifact at s3://bucket/key to /s3/bucket/key before a step and back after it; gs:// has /gcs,
minio:// has /minio. On Vertex AI /gcs is the bucket itself, mounted.
"""

import os
from collections.abc import Sequence
from pathlib import PurePosixPath

from components.shared.errors import ConfigError

FOLDERS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
"""Scheme -> folder below the mount."""

MOUNT = "PLUMBLINE_MOUNT"
"""Environment variable: the folder that holds gcs, s3 and minio. / unless it is set, as in a test or a dry run."""

ARTIFACTS = "PLUMBLINE_ARTIFACTS"
"""Environment variable: "local" or "remote", for Beam-based components; unset, the runner decides."""

SHARED = "PLUMBLINE_SHARED"
"""Environment variable: a folder that a step and Beam's workers both mount; unset, there is none."""


def local_path(uri: str, mount: str | None = None) -> str:
    """Where a URI is in this container; a folder, with or without file://, is itself. ConfigError for other schemes.

    Args:
      uri: Of an artifact.
      mount: The folder that holds gcs, s3 and minio; None is what MOUNT says.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    if scheme == "file":
        return rest
    if scheme not in FOLDERS:
        raise ConfigError(f"{uri}: {scheme}:// cannot be reached from a step; legal: {_legal(FOLDERS)}")
    return str(PurePosixPath(os.environ.get(MOUNT, "/") if mount is None else mount, FOLDERS[scheme], rest))


def by_url(chosen: str, beam: Sequence[str]) -> bool:
    """Whether components that run on Beam are given URLs as they are, because its workers see the object store only.

    Args:
      chosen: What ARTIFACTS says; "" leaves it to the runner.
      beam: Beam's arguments.

    Raises:
      ConfigError: ARTIFACTS says something else.
    """
    if chosen not in ("", "local", "remote"):
        raise ConfigError(f"{ARTIFACTS}={chosen}: legal: local, remote")
    return chosen == "remote" if chosen else any("dataflow" in argument.lower() for argument in beam)


def below(root: str, *parts: str) -> str:
    """A place below a root; what follows a `?` (region, endpoint) stays at the end."""
    place, mark, query = root.partition("?")
    return "/".join([place.rstrip("/"), *parts]) + mark + query


def registry_below(root: str, name: str) -> str:
    """The registry that belongs to a root. minio:// is Kubeflow's name for an S3, and only its launcher's."""
    place = root.partition("?")[0].rstrip("/")
    if place.startswith("minio://"):
        place = f"s3://{place.removeprefix('minio://')}"
    return f"{place}/{name}/registry"


def check_root(root: str, target: str) -> None:
    """ConfigError if artifacts cannot be kept there."""
    scheme = root.partition("://")[0] if "://" in root else ""
    if target == "vertex" and scheme != "gs":
        raise ConfigError(f"root {root}: Vertex AI keeps artifacts on gs:// only; give such a URL with --root")
    if scheme not in {"", "file", *FOLDERS}:
        raise ConfigError(f"root {root}: {scheme}:// is no place for artifacts; legal: {_legal(FOLDERS)}")


def is_local(root: str) -> bool:
    """Whether a root is a folder: good for a dry run, out of a cluster's reach."""
    return "://" not in root or root.startswith("file://")


def check_parameter_url(name: str, url: str) -> None:
    """ConfigError if components cannot read a URL that is handed to them as a parameter."""
    if url.startswith("minio://"):
        raise ConfigError(
            f"{name} {url}: minio:// is known to Kubeflow's launcher alone; write s3:// and set AWS_ENDPOINT_URL to "
            "the address of the object store"
        )


def _legal(schemes: dict[str, str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted(schemes))
