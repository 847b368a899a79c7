"""Selects the backend for a registry's location."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from components.registry.backend import RegistryBackend
from components.registry.folder_backend import FolderBackend
from components.shared.errors import UsageError
from components.shared.texts.secrets import holds_secret, without_secrets

BUCKETS = ("s3", "gs", "az")
"""URL schemes of object stores."""


def open_backend(location: Path | str) -> RegistryBackend:
    """Returns the backend of a folder, a file:// URL or a bucket URL.

    Raises:
      UsageError: The URL has another scheme, no bucket, credentials or a query.
    """
    if isinstance(location, Path) or "://" not in location:
        return FolderBackend(Path(location))
    if holds_secret(location):
        raise UsageError(
            f"{without_secrets(location)}: holds credentials, which a run would record; take them out of the URL and "
            "set the store's environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    scheme, bucket, path, query, fragment = urlsplit(location)
    if scheme == "file" and not bucket and path:
        return FolderBackend(Path(unquote(path)))
    if scheme == "minio":
        raise UsageError(
            f"{location}: minio:// is known to Kubeflow's launcher alone; give s3://{bucket}{path} and set "
            "AWS_ENDPOINT_URL to the store's address"
        )
    if scheme not in BUCKETS or not re.fullmatch(r"[A-Za-z0-9._-]+", bucket):
        legal = ", ".join(f"{one}://BUCKET/PATH" for one in BUCKETS)
        raise UsageError(f"{location}: not a location of a registry; legal: a folder, file:///FOLDER, {legal}")
    if query or fragment:
        raise UsageError(f"{location}: a registry's URL has no query; settings of the store come from the environment")
    from components.registry.object_store import ObjectStore
    from components.registry.object_store_backend import ObjectStoreBackend

    return ObjectStoreBackend(ObjectStore(scheme, bucket, path.strip("/")))
