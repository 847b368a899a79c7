"""Registers a pushed model in MLflow's model registry and sets the aliases champion and challenger.

The registry's SavedModel is uploaded unchanged, so that the checksums of its manifest stay valid, with an `MLmodel`
file for MLflow's TensorFlow flavour. `mlflow.tensorflow.log_model` would load the model (TensorFlow, 17 s) and save it
with other bytes. `mlflow.pyfunc.load_model("models:/flights@champion").predict({"carrier": array, …})` works.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry, model_fingerprint
from pipeline.export.tracking_data import LONGEST_VALUE, Pushed, TrackingData

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
RUN, VERSION, FINGERPRINT = "plumbline.run_id", "plumbline.version", "plumbline.model"
SAVED_MODEL = "saved_model"


def model_version(client: "MlflowClient", name: str, mlflow_run: Any, facts: TrackingData, pushed: Pushed) -> str:
    """Returns the number of the registered version of a pushed model; registers it if necessary.

    Args:
      client: MLflow client.
      name: Name of the registered model.
      mlflow_run: MLflow's run.
      facts: Data of the run.
      pushed: The pushed version.

    Raises:
      PlumblineError: The files differ from the manifest.
    """
    from mlflow.exceptions import MlflowException

    fingerprint = model_fingerprint(pushed.manifest["files"])
    for there in _versions(client, name):
        if there.tags.get(RUN) == facts.run_id and there.tags.get(FINGERPRINT) == fingerprint:
            return str(there.version)
    id_ = mlflow_run.info.run_id
    with _folder(pushed) as folder:
        client.log_artifacts(id_, str(folder), f"model/{SAVED_MODEL}")
    client.log_text(id_, mlmodel(id_), "model/MLmodel")
    if pushed.lineage is not None:
        client.log_text(id_, json.dumps(pushed.lineage.to_json(), indent=1), "lineage.json")
    try:
        client.create_registered_model(name, tags={"plumbline.dataset": facts.tags["plumbline.dataset"]})
    except MlflowException as exc:
        if exc.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # The identifying tag is created with the version, so that an export that is killed leaves no duplicate.
    tags = {RUN: facts.run_id, VERSION: str(pushed.version), FINGERPRINT: fingerprint}
    tags |= {key: value for key, value in facts.tags.items() if ".fingerprint." in key or ".spans." in key}
    source = f"{mlflow_run.info.artifact_uri.rstrip('/')}/model"
    spans = "; ".join(f"{key.rpartition('.')[2]} {value}" for key, value in tags.items() if ".spans." in key)
    made = client.create_model_version(
        name, source, id_, tags=tags, description=f"Version {pushed.version} of the registry; {spans}"[:LONGEST_VALUE]
    )
    return str(made.version)


@contextmanager
def _folder(pushed: Pushed) -> Iterator[Path]:
    """The version's files, after a check against its manifest."""
    if "://" not in pushed.registry.where:
        pushed.registry.verify(pushed.version)
        yield pushed.registry.path(pushed.version)
        return
    with TemporaryDirectory() as folder:
        pushed.registry.fetch(pushed.version, Path(folder))
        yield Path(folder)


def mlmodel(mlflow_run_id: str) -> str:
    """Returns the MLmodel file (JSON, which is valid YAML) of a SavedModel with the signature `serving_default`.

    The flavour names a SavedModel that is called by its signature, with columns by name, "tf1-estimator".
    """
    flavour = {
        "saved_model_dir": SAVED_MODEL,
        "meta_graph_tags": ["serve"],
        "signature_def_key": "serving_default",
        "model_type": "tf1-estimator",
    }
    loader = {"loader_module": "mlflow.tensorflow"}
    return json.dumps(
        {
            "artifact_path": "model",
            "run_id": mlflow_run_id,
            "flavors": {"tensorflow": flavour, "python_function": loader},
        },
        indent=1,
    )


def move_aliases(client: "MlflowClient", name: str, registry: Registry) -> tuple[dict[str, int], dict[str, int]]:
    """Sets the aliases on the right versions and removes them from the others.

    Args:
      client: MLflow client.
      name: Name of the registered model.
      registry: Plumbline's registry.

    Returns:
      Alias -> Plumbline's version, of exported versions, and of versions that were never exported.
    """
    there = {}
    for one in _versions(client, name):
        version = int(one.tags[VERSION]) if one.tags.get(VERSION, "").isdecimal() else 0
        if version in registry.versions() and registry.manifest(version).get("run_id") == one.tags.get(RUN):
            there[version] = str(one.version)
    wanted = aliases_of(registry)
    held = client.get_registered_model(name).aliases if there else {}
    for alias in (CHAMPION, CHALLENGER):
        number = there.get(wanted.get(alias, 0))
        if number is None and alias in held:
            client.delete_registered_model_alias(name, alias)
        elif number is not None and str(held.get(alias)) != number:
            client.set_registered_model_alias(name, alias, number)
    roles = {alias: version for alias, version in wanted.items() if version in there}
    return roles, {alias: version for alias, version in wanted.items() if version not in there}


def aliases_of(registry: Registry) -> dict[str, int]:
    """Returns alias -> version: champion is live; challenger is the canary, else the newest version after live."""
    labels, versions = registry.labels(), registry.versions()
    live = labels.live if labels else None
    challenger = labels.canary if labels else None
    if challenger is None and versions and live is not None and versions[-1] > live:
        challenger = versions[-1]
    found = {CHAMPION: live, CHALLENGER: challenger}
    return {alias: version for alias, version in found.items() if version is not None}


def _versions(client: "MlflowClient", name: str) -> list[Any]:
    """All registered versions of a model; empty if the model does not exist."""
    found: list[Any] = []
    token: str | None = None
    while token != "":
        page = client.search_model_versions(f"name='{name}'", page_token=token)
        found += page
        token = page.token or ""
    return found
