"""Maps URIs of artifacts to paths on this machine and inside a task's container.

Reimplements the launcher's LocalPathForURI and the driver's provisionOutputs.
"""

from dataclasses import dataclass
from pathlib import Path

from components.shared.errors import ConfigError

SCHEMES = {"gs": "gcs", "s3": "s3", "minio": "minio"}
"""Scheme of an object store -> folder of its artifacts in the container."""


def is_remote(uri: str) -> bool:
    """Returns whether a URI belongs to an object store that the launcher supports."""
    return uri.partition("://")[0] in SCHEMES and "://" in uri


def local_part(uri: str) -> str:
    """Converts s3://bucket/key to s3/bucket/key.

    Raises:
      ConfigError: The key contains `..`.
    """
    scheme, _, rest = uri.partition("://")
    if ".." in rest.split("/"):
        raise ConfigError(f"{uri}: leads out of its bucket; remove the ..")
    return f"{SCHEMES[scheme]}/{rest}"


def folder_of(uri: str) -> Path:
    """Converts a folder or file:// URL to a path."""
    return Path(uri.removeprefix("file://"))


@dataclass(frozen=True)
class TaskPaths:
    """A task's folders, as paths of this machine and as paths of the task's process.

    Attributes:
      local: Parent folder on this machine; removed after the task.
      inside: Whether the process runs in a container, with paths such as /s3 and /tmp/kfp.
    """

    local: Path
    inside: bool

    @property
    def mount(self) -> Path:
        """Parent folder of gcs/, s3/ and minio/ on this machine."""
        return self.local / "mount"

    @property
    def seen_mount(self) -> str:
        """The same folder as a path of the process: the value of PLUMBLINE_MOUNT."""
        return "/" if self.inside else str(self.mount)

    def host(self, uri: str) -> Path:
        """Returns an artifact's path on this machine."""
        return self.mount / local_part(uri) if is_remote(uri) else folder_of(uri)

    def seen(self, uri: str) -> str:
        """Returns an artifact's path in the process."""
        if not is_remote(uri):
            return str(folder_of(uri))
        return f"{self.seen_mount.rstrip('/')}/{local_part(uri)}"

    def temporary(self, path: str) -> str:
        """Returns a path below the container's /tmp as a path of the process."""
        return path if self.inside else str(self.local) + path

    def on_host(self, path: str) -> Path:
        """Converts a path of the process, from `seen` or `temporary`, to a path of this machine."""
        if not self.inside:
            return Path(path)
        if path.startswith("/tmp/"):
            return self.local / path[1:]
        top = path.lstrip("/").partition("/")[0]
        return self.mount / path.lstrip("/") if top in SCHEMES.values() else Path(path)

    def volumes(self) -> dict[str, str]:
        """Returns the container's volumes: folder of this machine -> path in the container."""
        found = {str(self.mount / name): f"/{name}" for name in SCHEMES.values()}
        return found | {str(self.local / "tmp" / name): f"/tmp/{name}" for name in ("kfp", "kfp_outputs")}

    def make(self) -> None:
        """Creates the folders, writable by everyone, since an image may run as any user."""
        for folder in (self.local, self.local / "tmp", self.mount, *map(Path, self.volumes())):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
