"""Keeps a model server's disk at what the registry's labels say. Runs beside TensorFlow Serving, in our image.

TensorFlow Serving reads no s3:// since its release 2.7, and a watched folder knows only "the newest", so that a
rollback would not reach it. This mirror reads labels.json, fetches the live and the canary version, checks every file
against the manifest's SHA-256, and names them in a model configuration that the server reads again and again:

    <folder>/models.config          NAME serves the live version, NAME-canary the canary
    <folder>/versions/<version>/    as in the registry; a version appears whole or not at all
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
    """The store of s3://, gs:// or file:// `url`; keys and endpoint come from the environment, as in a run."""
    if url.startswith("s3://"):
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        return from_url(url, client_options={"allow_http": plain})
    return from_url(url)


def mirror(store: Any, folder: Path, name: str) -> dict[str, int]:
    """Brings the folder up to date.

    Args:
      store: The registry.
      folder: What the server mounts.
      name: Of the model, in the server's URLs.

    Returns:
      Versions served, by the model's name in URLs; empty before the first push.

    Raises:
      ValueError: a version's files are not what its manifest says; the folder stays as it was.
      OSError, obstore's errors: the store or the disk failed; the folder stays as it was.
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
    """TensorFlow Serving's ModelServerConfig, as text: each name with the one version it serves.

    Two names, not two version labels: a label can move only to a version that is loaded already, while a model's
    version policy lets go of the old version when the new one is loaded.
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
    for leftover in versions.glob(".incoming-*"):  # of a killed mirror; no other writes here
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
    """Writes the file at once, so that the server never reads half of it."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def main() -> None:
    """Mirrors until it is stopped; with --until-live, until there is a live version."""
    parser = argparse.ArgumentParser(description="Keep a folder at what the registry's labels say.")
    parser.add_argument("--registry", required=True, metavar="URL", help="folder of the registry")
    parser.add_argument("--folder", required=True, type=Path, metavar="DIR", help="what the model server mounts")
    parser.add_argument("--name", required=True, metavar="NAME", help="of the model, in the server's URLs")
    parser.add_argument("--seconds", type=float, default=30, metavar="S", help="between two looks (default: 30)")
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
            # The server may still be loading what was wanted last time: its files go one look later.
            sweep(given.folder, {*before.values(), *served.values()})
        except Exception as exc:  # a store that is away for a minute must not take down the model that is served
            print(f"the registry cannot be mirrored; trying again: {exc}", file=sys.stderr, flush=True)
        time.sleep(given.seconds)


if __name__ == "__main__":
    main()
