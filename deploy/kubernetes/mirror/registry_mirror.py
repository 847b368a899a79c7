"""Mirrors the registry's live and canary versions to the disk of TensorFlow Serving; runs in a sidecar container.

TensorFlow Serving has not read s3:// since release 2.7, and from a watched folder it serves the newest version, so that
a rollback would have no effect. The mirror reads labels.json, downloads the live and the canary version, verifies every
file by the SHA-256 in the manifest, and writes a model configuration that the server polls:

    <folder>/models.config          NAME serves the live version, NAME-canary the canary
    <folder>/versions/<version>/    as in the registry; written atomically
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import obstore
from obstore.store import from_url


def open_registry(url: str) -> Any:
    """Opens the store of an s3://, gs:// or file:// URL; credentials and endpoint come from environment variables."""
    if url.startswith("s3://"):
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        return from_url(url, client_options={"allow_http": plain})
    return from_url(url)


def mirror(store: Any, folder: Path, name: str) -> dict[str, int]:
    """Updates the folder once.

    Args:
      store: The registry.
      folder: Folder that the server mounts.
      name: Name of the model in the server's URLs.

    Returns:
      Model name -> served version; empty before the first push.

    Raises:
      ValueError: A version's files differ from its manifest; the model configuration is unchanged.
      OSError: The store or the disk failed (also obstore's errors); the model configuration is unchanged.
    """
    try:
        labels = json.loads(bytes(obstore.get(store, "labels.json").bytes()))
    except FileNotFoundError:
        return {}
    named = {name: labels.get("live"), f"{name}-canary": labels.get("canary")}
    wanted = {model: int(version) for model, version in named.items() if version is not None}
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    for version in set(wanted.values()):
        if not (versions / str(version)).is_dir():
            _fetch(store, version, versions)
    if wanted:
        _replace(folder / "models.config", model_config(wanted, versions))
    return wanted


def model_config(wanted: Mapping[str, int], versions: Path) -> str:
    """Makes TensorFlow Serving's ModelServerConfig as text, with one version for each model name.

    The canary has its own model name instead of a version label: a label can be assigned only to a loaded version,
    while a version policy unloads the old version after the new one is loaded.

    Args:
      wanted: Model name -> version.
      versions: Folder of the versions.
    """
    return "model_config_list {\n" + "".join(
        f"  config {{\n    name: {json.dumps(model)}\n    base_path: {json.dumps(str(versions))}\n"
        f'    model_platform: "tensorflow"\n    model_version_policy {{ specific {{ versions: {version} }} }}\n  }}\n'
        for model, version in sorted(wanted.items())
    ) + "}\n"  # fmt: skip


def sweep(folder: Path, keep: set[int]) -> None:
    """Deletes the versions that are not in `keep`."""
    for path in (folder / "versions").glob("[0-9]*"):
        if int(path.name) not in keep:
            shutil.rmtree(path)


def _fetch(store: Any, version: int, versions: Path) -> None:
    for leftover in versions.glob(".incoming-*"):  # left by a killed mirror, the only process that writes here
        shutil.rmtree(leftover)
    incoming = versions / f".incoming-{version}"
    manifest = bytes(obstore.get(store, f"{version}/manifest.json").bytes())
    for name, digest in {**json.loads(manifest)["files"], "manifest.json": None}.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"version {version}: its manifest names {name!r}, which lies outside of it")
        target = incoming / name
        target.parent.mkdir(parents=True, exist_ok=True)
        found = hashlib.sha256()
        with target.open("wb") as file:
            for chunk in obstore.get(store, f"{version}/{name}").stream():
                found.update(chunk)
                file.write(chunk)
        if digest is not None and found.hexdigest() != digest:
            raise ValueError(f"version {version}: {name} is not the file that was pushed; roll back or push again")
    incoming.rename(versions / str(version))


def _replace(path: Path, text: str) -> None:
    """Writes a file atomically, so that the server never reads a partial one."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def main() -> None:
    """Updates the folder repeatedly; with --until-live, until there is a live version."""
    parser = argparse.ArgumentParser(description="Mirror the registry's live and canary versions to a folder.")
    parser.add_argument("--registry", required=True, metavar="URL", help="URL of the registry")
    parser.add_argument("--folder", required=True, type=Path, metavar="DIR", help="folder that the model server mounts")
    parser.add_argument("--name", required=True, metavar="NAME", help="name of the model in the server's URLs")
    parser.add_argument("--seconds", type=float, default=30, metavar="S", help="polling interval (default: 30)")
    parser.add_argument("--until-live", action="store_true", help="end when there is a live version")
    given = parser.parse_args()
    served: dict[str, int] = {}
    while True:
        try:
            before, served = served, mirror(open_registry(given.registry), given.folder, given.name)
            if served != before:
                print("serving", served or "nothing yet", file=sys.stderr, flush=True)
            if given.until_live and given.name in served:
                return
            # The server may still load the versions of the last update: their files are deleted one update later.
            sweep(given.folder, {*before.values(), *served.values()})
        except Exception as exc:  # a short outage of the store must not stop serving
            print(f"the registry cannot be mirrored; trying again: {exc}", file=sys.stderr, flush=True)
        time.sleep(given.seconds)


if __name__ == "__main__":
    main()
