"""Maps URLs of artifacts and registry to the folders in which KFP's launcher keeps them in a container.

The launcher copies an artifact from s3://bucket/key to /s3/bucket/key before a step and back after it; for gs:// the
folder is /gcs, for minio:// it is /minio. On Vertex AI /gcs is the mounted bucket.
"""

import os
from collections.abc import Sequence
from pathlib import PurePosixPath

from components.shared.errors import ConfigError

FOLDERS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
"""Scheme -> folder below the mount."""

MOUNT = "PLUMBLINE_MOUNT"
"""Environment variable: parent folder of gcs, s3 and minio; default /. Tests and dry runs set it."""

ARTIFACTS = "PLUMBLINE_ARTIFACTS"
"""Environment variable for Beam-based components: "local" or "remote"; if unset, the Beam runner decides."""

SHARED = "PLUMBLINE_SHARED"
"""Environment variable: a folder that a step and Beam's workers both mount; unset if there is none."""


def local_path(uri: str, mount: str | None = None) -> str:
    """Returns the path of a URI in this container; a folder, with or without file://, is returned unchanged.

    Args:
      uri: URI of an artifact.
      mount: Parent folder of gcs, s3 and minio; None is the value of MOUNT.

    Raises:
      ConfigError: The URI has another scheme.
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
    """Returns whether Beam-based components get URLs instead of local folders, for workers on other machines.

    Args:
      chosen: Value of ARTIFACTS; "" chooses by the Beam runner.
      beam: Beam's arguments.

    Raises:
      ConfigError: ARTIFACTS has an illegal value.
    """
    if chosen not in ("", "local", "remote"):
        raise ConfigError(f"{ARTIFACTS}={chosen}: legal: local, remote")
    return chosen == "remote" if chosen else any("dataflow" in argument.lower() for argument in beam)


def below(root: str, *parts: str) -> str:
    """Joins path parts to a root; a query (`?region=…`) stays at the end."""
    place, mark, query = root.partition("?")
    return "/".join([place.rstrip("/"), *parts]) + mark + query


def registry_below(root: str, name: str) -> str:
    """Returns the default registry of a root. minio:// becomes s3://, since only KFP's launcher supports minio://."""
    place = root.partition("?")[0].rstrip("/")
    if place.startswith("minio://"):
        place = f"s3://{place.removeprefix('minio://')}"
    return f"{place}/{name}/registry"


def check_root(root: str, target: str) -> None:
    """Checks a root for artifacts.

    Args:
      root: Folder or URL.
      target: "kubeflow" or "vertex".

    Raises:
      ConfigError: The target cannot store artifacts there.
    """
    scheme = root.partition("://")[0] if "://" in root else ""
    if target == "vertex" and scheme != "gs":
        raise ConfigError(f"root {root}: Vertex AI stores artifacts on gs:// only; give such a URL with --root")
    if scheme not in {"", "file", *FOLDERS}:
        raise ConfigError(f"root {root}: artifacts cannot be stored on {scheme}://; legal: {_legal(FOLDERS)}")


def is_local(root: str) -> bool:
    """Returns whether a root is a local folder, which a dry run can use and a cluster cannot."""
    return "://" not in root or root.startswith("file://")


def check_parameter_url(name: str, url: str) -> None:
    """Raises ConfigError if components cannot read a URL that they receive as a parameter."""
    if url.startswith("minio://"):
        raise ConfigError(
            f"{name} {url}: only KFP's launcher supports minio://; write s3:// and set AWS_ENDPOINT_URL to "
            "the address of the object store"
        )


def _legal(schemes: dict[str, str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted(schemes))
