"""Where things lie while a task runs: the store's URIs, and the same as paths inside the task's container.

Stands in for the launcher's LocalPathForURI and the driver's provisionOutputs.
"""

from dataclasses import dataclass
from pathlib import Path

from components.shared.errors import ConfigError

SCHEMES = {"gs": "gcs", "s3": "s3", "minio": "minio"}
"""Scheme of a store -> the folder of the container under which its artifacts appear."""


def is_remote(uri: str) -> bool:
    """Whether a URI lies in a store that the launcher knows."""
    return uri.partition("://")[0] in SCHEMES and "://" in uri


def local_part(uri: str) -> str:
    """s3://bucket/key -> s3/bucket/key; ConfigError for one that leads out of its bucket."""
    scheme, _, rest = uri.partition("://")
    if ".." in rest.split("/"):
        raise ConfigError(f"{uri}: leads out of its bucket; take the .. out of it")
    return f"{SCHEMES[scheme]}/{rest}"


def folder_of(uri: str) -> Path:
    """A plain folder or file:// URL as a path."""
    return Path(uri.removeprefix("file://"))


@dataclass(frozen=True)
class TaskPaths:
    """A task's folders, as this machine and as the task's process sees them.

    Attributes:
      local: Folder of this machine that holds all of them; thrown away after the task.
      inside: Whether the process sees the container's own paths (/s3, /tmp/kfp) instead of `local`'s.
    """

    local: Path
    inside: bool

    @property
    def mount(self) -> Path:
        """Below it lie gcs/, s3/ and minio/, on this machine."""
        return self.local / "mount"

    @property
    def seen_mount(self) -> str:
        """PLUMBLINE_MOUNT: the same as the process sees it."""
        return "/" if self.inside else str(self.mount)

    def host(self, uri: str) -> Path:
        """An artifact's path on this machine."""
        return self.mount / local_part(uri) if is_remote(uri) else folder_of(uri)

    def seen(self, uri: str) -> str:
        """An artifact's path as the process sees it."""
        if not is_remote(uri):
            return str(folder_of(uri))
        return f"{self.seen_mount.rstrip('/')}/{local_part(uri)}"

    def temporary(self, path: str) -> str:
        """A path below the container's /tmp as the process sees it."""
        return path if self.inside else str(self.local) + path

    def on_host(self, path: str) -> Path:
        """What the process sees as `path`, on this machine; `path` as `seen` or `temporary` gave it."""
        if not self.inside:
            return Path(path)
        if path.startswith("/tmp/"):
            return self.local / path[1:]
        top = path.lstrip("/").partition("/")[0]
        return self.mount / path.lstrip("/") if top in SCHEMES.values() else Path(path)

    def volumes(self) -> dict[str, str]:
        """Folders of this machine -> where the container sees them."""
        found = {str(self.mount / name): f"/{name}" for name in SCHEMES.values()}
        return found | {str(self.local / "tmp" / name): f"/tmp/{name}" for name in ("kfp", "kfp_outputs")}

    def make(self) -> None:
        """Makes the folders; an image may run as any user, so all may write."""
        for folder in (self.local, self.local / "tmp", self.mount, *map(Path, self.volumes())):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
