"""deploy/kubernetes/serving and kserve-canary: the manifests agree with the server's options, ports and paths."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from components.registry.registry import Aliases
from components.shared.errors import UsageError
from pipeline.cli.command_line import build_parser
from pipeline.settings.sections.serving import ServingSection
from serving.http.operations import OPEN
from serving.http.supervisor import ENDING_SECONDS

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "deploy" / "kubernetes"
KUBERNETES = "1.32"
SCRIPT = FOLDER / "kserve-canary" / "inference_service.py"
_spec = importlib.util.spec_from_file_location("inference_service", SCRIPT)
assert _spec and _spec.loader
inference_service = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(inference_service)


def document(name: str) -> Any:
    return yaml.safe_load((FOLDER / "serving" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def pod() -> Any:
    return document("deployment")["spec"]["template"]["spec"]


@pytest.fixture
def container(pod: Any) -> Any:
    (found,) = pod["containers"]
    return found


def test_pod_has_time_to_drain_and_to_write_the_request_log(pod: Any, container: Any) -> None:
    drain = ServingSection().drain_seconds
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= before + drain + ENDING_SECONDS + 10


def test_probes_ask_paths_that_need_no_token(container: Any) -> None:
    asked = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    assert asked == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert set(asked.values()) <= set(OPEN)


def test_rolling_update_removes_no_pod_before_its_successor_is_ready() -> None:
    assert document("deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in document("deployment")["spec"]  # it would undo the autoscaler's with every apply
    scaler = document("horizontalpodautoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == document("deployment")["metadata"]["name"]
    assert scaler["minReplicas"] >= 2 > document("poddisruptionbudget")["spec"]["maxUnavailable"]


def test_command_line_is_one_that_the_command_takes(container: Any) -> None:
    settings = document("settings")["data"]
    words = [re.sub(r"\$\((\w+)\)", lambda found: settings[found[1]], word) for word in container["args"]]
    assert container["command"] == ["plumbline", "serve"]
    parsed = build_parser().parse_args(["serve", *words])
    assert (parsed.dataset, parsed.registry, parsed.port) == (["flights"], settings["REGISTRY_URL"], 8501)
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in container["volumeMounts"]}
    home = Path(parsed.root) / settings["DATASET"]
    assert mounts["requests"] == home / "requests"
    assert mounts["cache"] == home / "serving-cache"
    assert Path(parsed.token_file).parent == mounts["token"]
    assert (PROJECT / "schemas" / settings["DATASET"] / "pipeline.toml").is_file()


def test_prometheus_scrapes_the_service_with_the_servers_token(pod: Any) -> None:
    monitor = yaml.safe_load((FOLDER / "monitoring" / "servicemonitor.yaml").read_text(encoding="utf-8"))["spec"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["path"] not in OPEN
    (secret,) = (volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume)
    assert endpoint["authorization"]["credentials"]["name"] == secret
    service = document("service")
    labels = {"app.kubernetes.io/name": "plumbline", **service["metadata"]["labels"]}
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


# -- KServe -----------------------------------------------------------------------------------------------------------

REGISTRY = "s3://bucket/runs/flights/registry"


def predictor(aliases: Aliases) -> Any:
    return inference_service.inference_service(aliases, REGISTRY, "flights")["spec"]["predictor"]


def test_kserve_serves_the_live_version_alone() -> None:
    found = predictor(Aliases("r", live=3, previous=2))
    assert found["model"]["storageUri"] == f"{REGISTRY}/3/"
    assert found["model"]["env"] == [{"name": "VERSION", "value": "3"}]
    assert "canaryTrafficPercent" not in found


@pytest.mark.parametrize(("share", "percent"), [(0.05, 5), (0.25, 25), (1.0, 100), (0.0, 0), (0.001, 1), (0.126, 13)])
def test_kserve_gives_the_canary_its_share(share: float, percent: int) -> None:
    found = predictor(Aliases("r", live=3, canary=4, share=share))
    assert found["model"]["storageUri"] == f"{REGISTRY}/4/"
    assert found["canaryTrafficPercent"] == percent


def test_kserve_needs_a_live_version() -> None:
    with pytest.raises(UsageError, match="has no live version"):
        predictor(Aliases("r"))


def test_kserve_pod_is_valid_and_has_no_rights_that_it_does_not_need() -> None:
    runtime = yaml.safe_load((FOLDER / "kserve-canary" / "servingruntime.yaml").read_text(encoding="utf-8"))
    found = predictor(Aliases("r", live=3))
    assert found["model"]["runtime"] == runtime["metadata"]["name"]
    assert found["model"]["modelFormat"]["name"] in {one["name"] for one in runtime["spec"]["supportedModelFormats"]}
    (container,) = runtime["spec"]["containers"]
    # KServe merges the predictor's pod and model into the runtime's container.
    own = ("model", "minReplicas", "maxReplicas", "canaryTrafficPercent")
    spec = {key: value for key, value in found.items() if key not in own}
    spec |= {"containers": [{**container, "env": found["model"]["env"]}], "volumes": runtime["spec"]["volumes"]}
    kubernetes_validate.validate(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}, KUBERNETES, strict=True
    )
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_kserve_model_folder_gets_the_versions_number(tmp_path: Path) -> None:
    runtime = yaml.safe_load((FOLDER / "kserve-canary" / "servingruntime.yaml").read_text(encoding="utf-8"))
    (container,) = runtime["spec"]["containers"]
    (script,) = container["args"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "saved_model.pb").touch()
    program = tmp_path / "tensorflow_model_server"
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    program.chmod(0o755)
    script = script.replace("/mnt/models", str(tmp_path / "models")).replace(
        "/tmp/versions", str(tmp_path / "versions")
    )
    ran = subprocess.run(
        [*container["command"], script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "VERSION": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"--model_base_path={tmp_path / 'versions'}" in ran.stdout.splitlines()
    assert (tmp_path / "versions" / "7" / "saved_model.pb").is_file()


def test_kserve_script_refuses_a_folder() -> None:
    ran = subprocess.run([sys.executable, SCRIPT, "runs/flights/registry", "flights"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "inference_service: runs/flights/registry: is no URL; KServe reads a bucket\n"


def test_kserve_script_prints_a_document(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(
        json.dumps({"id": "r", "live": 1, "canary": 2, "previous": None, "share": 0.125})
    )
    ran = subprocess.run([sys.executable, SCRIPT, tmp_path.as_uri(), "flights"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["spec"]["predictor"]["canaryTrafficPercent"] == 12
    assert "share 0.125 is rounded to 12 %" in ran.stderr
