"""Mirrors the registry's live and canary versions to the disk of TensorFlow Serving; runs in a sidecar container.

TensorFlow Serving reads neither labels.json nor, since release 2.7, s3:// URLs, and from a watched folder it serves the
newest version, so that a rollback would have no effect. The mirror reads labels.json, downloads the live and the canary
version, verifies every file by the SHA-256 in the manifest, and writes a model configuration that the server polls:

    <folder>/models.config          NAME serves the live version under the label live, NAME-canary the canary under the
                                    label canary; with --one-model NAME serves both
    <folder>/versions/<version>/    as in the registry; written atomically

The server refuses a configuration that moves a label to a version that is not loaded, and then does not load it either
(ServerCore::ReloadConfig assigns the labels before it loads versions). A label is therefore moved in two steps: the new
version is added, and when the server reports it as AVAILABLE, the label is moved and the old version left out. A new
label may be assigned at once, with --allow_version_labels_for_unavailable_models.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Model:
    """One model of the configuration.

    Attributes:
      labels: Label -> version that it is assigned to.
      versions: Versions that are loaded: the labelled ones, and those that a label will be moved to.
    """

    labels: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[int, ...] = ()


def mirror(store: Any, folder: Path, name: str, server: str = "", one_model: bool = False) -> dict[str, Model]:
    """Updates the folder once.

    Args:
      store: The registry.
      folder: Folder that the server mounts.
      name: Name of the model in the server's URLs.
      server: URL of the server's REST API, which knows the loaded versions; "" if it is not running yet.
      one_model: Whether the model NAME serves both versions. Requests without a label are then answered by the larger
        version number, which usually is the canary's.

    Returns:
      Model name -> what the configuration says of it; empty before the first push.

    Raises:
      ValueError: A version's files differ from its manifest; the model configuration is unchanged.
      OSError: The store or the disk failed (also obstore's errors); the model configuration is unchanged.
    """
    try:
        labels = json.loads(bytes(obstore.get(store, "labels.json").bytes()))
    except FileNotFoundError:
        return {}
    wanted = wanted_labels(labels, name, one_model)
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    for version in {version for labelled in wanted.values() for version in labelled.values()}:
        if not (versions / str(version)).is_dir():
            _fetch(store, version, versions)
    config = folder / "models.config"
    former = assigned_labels(config.read_text(encoding="utf-8")) if config.is_file() else {}
    models = {
        model: next_step(labelled, former.get(model, {}), available_versions(server, model))
        for model, labelled in wanted.items()
    }
    if models:
        _replace(config, model_config(models, versions))
    return models


def wanted_labels(labels: Mapping[str, Any], name: str, one_model: bool) -> dict[str, dict[str, int]]:
    """Returns model name -> label -> version, as labels.json asks for it."""
    found = {label: int(labels[label]) for label in ("live", "canary") if labels.get(label) is not None}
    if one_model:
        return {name: found} if found else {}
    return {name if label == "live" else f"{name}-{label}": {label: version} for label, version in found.items()}


def next_step(wanted: Mapping[str, int], former: Mapping[str, int], available: set[int]) -> Model:
    """Returns the next configuration of a model that the server accepts.

    Args:
      wanted: Label -> version.
      former: Label -> version in the configuration that the server has read.
      available: Versions that the server has loaded.
    """
    labels = {
        label: version if version in available else former.get(label, version) for label, version in wanted.items()
    }
    return Model(labels, tuple(sorted({*wanted.values(), *labels.values()})))


def available_versions(server: str, model: str) -> set[int]:
    """Returns the versions of a model that the server has loaded; none if it does not answer."""
    if not server:
        return set()
    try:
        with urllib.request.urlopen(f"{server}/v1/models/{model}", timeout=5) as answer:  # noqa: S310 - from the manifest
            states = json.load(answer)["model_version_status"]
    except (OSError, ValueError, KeyError):  # it is starting, or does not have this model yet (404)
        return set()
    return {int(state["version"]) for state in states if state.get("state") == "AVAILABLE"}


def model_config(models: Mapping[str, Model], versions: Path) -> str:
    """Makes TensorFlow Serving's ModelServerConfig as text (tensorflow_serving/config/model_server_config.proto).

    Args:
      models: Model name -> versions and labels.
      versions: Folder of the versions.
    """
    lines = ["model_config_list {"]
    for name, model in sorted(models.items()):
        specific = " ".join(f"versions: {version}" for version in model.versions)
        lines += [
            "  config {",
            f"    name: {json.dumps(name)}",
            f"    base_path: {json.dumps(str(versions))}",
            '    model_platform: "tensorflow"',
            f"    model_version_policy {{ specific {{ {specific} }} }}",
            *(f'    version_labels {{ key: "{label}" value: {version} }}' for label, version in model.labels.items()),
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def assigned_labels(config: str) -> dict[str, dict[str, int]]:
    """Returns model name -> label -> version of a text that `model_config` made."""
    found: dict[str, dict[str, int]] = {}
    for part in config.split("  config {")[1:]:
        name = re.search(r'name: ("(?:[^"\\]|\\.)*")', part)
        if name is not None:
            pairs = re.findall(r'version_labels \{ key: "(\w+)" value: (\d+) \}', part)
            found[json.loads(name[1])] = {label: int(version) for label, version in pairs}
    return found


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
    parser.add_argument(
        "--server", default="", metavar="URL", help="REST API of the server, such as http://127.0.0.1:8501"
    )
    parser.add_argument("--one-model", action="store_true", help="serve the canary as a label of NAME, too")
    parser.add_argument("--seconds", type=float, default=30, metavar="S", help="polling interval (default: 30)")
    parser.add_argument("--until-live", action="store_true", help="end when there is a live version")
    given = parser.parse_args()
    served: dict[str, Model] = {}
    while True:
        try:
            store = open_registry(given.registry)
            before, served = served, mirror(store, given.folder, given.name, given.server, given.one_model)
            if served != before:
                print("configured", served or "nothing yet", file=sys.stderr, flush=True)
            if given.until_live and given.name in served:
                return
            # The server may still load the versions of the last update: their files are deleted one update later.
            models = (*before.values(), *served.values())
            sweep(given.folder, {version for model in models for version in model.versions})
        except Exception as exc:  # a short outage of the store must not stop serving
            print(f"the registry cannot be mirrored; trying again: {exc}", file=sys.stderr, flush=True)
        time.sleep(given.seconds)


if __name__ == "__main__":
    main()
