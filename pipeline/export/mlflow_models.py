"""A pushed model in MLflow's registry, and which version there is champion and which challenger.

The model goes as it was pushed: the very bytes of the registry's SavedModel, whose checksums its manifest holds, with
an `MLmodel` file beside them that MLflow's own TensorFlow flavour understands. `mlflow.tensorflow.log_model` would load
the model (TensorFlow, 17 s) and save it anew: other bytes, and the checksums would be of no use. So no TensorFlow is
needed here, and yet `mlflow.pyfunc.load_model("models:/flights@champion").predict({"carrier": array, …})` works.
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
    """Number of the registered version of a pushed model, which is made unless it is there.

    Raises:
      PlumblineError: The model is not the one that was pushed, by its manifest.
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
    # The tag that makes it ours comes with the version, not after it: an export that is killed leaves no duplicate.
    tags = {RUN: facts.run_id, VERSION: str(pushed.version), FINGERPRINT: fingerprint}
    tags |= {key: value for key, value in facts.tags.items() if ".fingerprint." in key or ".spans." in key}
    source = f"{mlflow_run.info.artifact_uri.rstrip('/')}/model"
    told = "; ".join(f"{key.rpartition('.')[2]} {value}" for key, value in tags.items() if ".spans." in key)
    made = client.create_model_version(
        name, source, id_, tags=tags, description=f"Version {pushed.version} of the registry; {told}"[:LONGEST_VALUE]
    )
    return str(made.version)


@contextmanager
def _folder(pushed: Pushed) -> Iterator[Path]:
    """The version's files, checked against its manifest: what is not what was pushed goes nowhere."""
    if "://" not in pushed.registry.where:
        pushed.registry.verify(pushed.version)
        yield pushed.registry.path(pushed.version)
        return
    with TemporaryDirectory() as folder:
        pushed.registry.fetch(pushed.version, Path(folder))
        yield Path(folder)


def mlmodel(mlflow_run_id: str) -> str:
    """The MLmodel file (YAML, of which JSON is a part) over a SavedModel with a signature `serving_default`.

    "tf1-estimator" is what the flavour calls any SavedModel that is called by its signature, columns by name.
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
    """Gives the aliases to the versions that should have them, and takes them from the others.

    Returns:
      Alias -> our version, for those that are there; the same for those that were never exported.
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
    """Champion is the live version; challenger the canary, or else the newest version if it is newer than live."""
    labels, versions = registry.labels(), registry.versions()
    live = labels.live if labels else None
    challenger = labels.canary if labels else None
    if challenger is None and versions and live is not None and versions[-1] > live:
        challenger = versions[-1]
    found = {CHAMPION: live, CHALLENGER: challenger}
    return {alias: version for alias, version in found.items() if version is not None}


def _versions(client: "MlflowClient", name: str) -> list[Any]:
    """All registered versions of a model; none if there is no such model."""
    found: list[Any] = []
    token: str | None = None
    while token != "":
        page = client.search_model_versions(f"name='{name}'", page_token=token)
        found += page
        token = page.token or ""
    return found
