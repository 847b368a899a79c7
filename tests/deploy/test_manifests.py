"""deploy/kubernetes is valid by the API's schemas (offline); references, rights and ports are consistent."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUBERNETES = "1.32"
"""The oldest version that KServe still supports; manifests valid here are valid in later ones."""

# What is not in the Kubernetes API, so that no schema of it is at hand.
CUSTOM = {"InferenceService", "ServingRuntime", "ServiceMonitor"}
KUSTOMIZE = {"kustomization.yaml", "references.yaml"}
FIELDS = {
    "ServingRuntime": {"supportedModelFormats", "protocolVersions", "containers", "volumes"},
    "ServiceMonitor": {"selector", "endpoints"},
}
"""Of a custom resource's `spec`, as its Go types name them: kserve pkg/apis/serving/v1alpha1/servingruntime_types.go,
prometheus-operator pkg/apis/monitoring/v1/servicemonitor_types.go."""
ENDPOINT = {"port", "path", "interval", "authorization"}
# Made by hand before anything is applied (docs/kubeflow.md), by Kubeflow Pipelines, or by kustomize.
PREREQUISITES = {
    ("Secret", "plumbline-storage"),
    ("Secret", "plumbline-serving-token"),
    ("ConfigMap", "kfp-launcher"),
    ("Secret", "mlpipeline-minio-artifact"),
}
GENERATED = {("ConfigMap", "plumbline-registry-mirror")}

Document = dict[str, Any]


def documents() -> list[tuple[str, Document]]:
    files = sorted(path for path in FOLDER.rglob("*.yaml") if path.name not in KUSTOMIZE)
    return [
        (f"{path.relative_to(FOLDER)}:{document['kind']}/{document['metadata']['name']}", document)
        for path in files
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


ALL = documents()
each = pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in ALL])


def pod_of(document: Document) -> Document | None:
    """Returns the PodSpec of a workload."""
    if document["kind"] == "InferenceService":
        own = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")
        return {key: value for key, value in document["spec"]["predictor"].items() if key not in own}
    if document["kind"] == "CronJob":
        document = document["spec"]["jobTemplate"]
    return document["spec"]["template"]["spec"] if "template" in document.get("spec", {}) else None


PODS = [pytest.param(document, id=name) for name, document in ALL if pod_of(document)]
each_pod = pytest.mark.parametrize("document", PODS)


def containers(document: Document) -> list[Document]:
    pod = pod_of(document)
    assert pod is not None
    return [*pod.get("initContainers", []), *pod["containers"]]


def check(document: Document) -> None:
    kind, spec = document["kind"], document.get("spec", {})
    if kind in FIELDS and (unknown := spec.keys() - FIELDS[kind]):
        error = jsonschema.ValidationError(f"{kind} has no field {sorted(unknown)}")
        raise kubernetes_validate.ValidationError(error, KUBERNETES)
    if kind == "ServiceMonitor":
        assert all(endpoint.keys() <= ENDPOINT for endpoint in spec["endpoints"])
        return
    if kind in CUSTOM:  # what is Kubernetes' in it: the pod
        parts = {key: spec[key] for key in ("containers", "volumes")} if kind == "ServingRuntime" else pod_of(document)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": parts}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
        return
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


# -- the schemas ------------------------------------------------------------------------------------------------------


@each
def test_every_document_is_valid(document: Document) -> None:
    check(document)


def test_there_is_something_to_validate() -> None:
    kinds = {document["kind"] for _, document in ALL}
    assert kinds >= {"Deployment", "Service", "Role", "NetworkPolicy", "PodDisruptionBudget", "InferenceService"}


@each
def test_an_unknown_field_is_found(document: Document) -> None:
    broken = copy.deepcopy(document)
    place = broken["spec"] if document["kind"] in FIELDS else broken
    place = broken["spec"]["predictor"] if document["kind"] == "InferenceService" else place
    place["sepc"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="sepc"):
        check(broken)


@pytest.mark.parametrize(
    ("found", "replaced"),
    [
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),  # a misspelling that applies and does nothing
        ("containerPort: 8501", "containerPort: '8501'"),
        ("tcpSocket:", "tcpsocket:"),
        ("limits:", "limit:"),
        ("type: RuntimeDefault", "typ: RuntimeDefault"),
        ("claimName: plumbline-beam", "claim: plumbline-beam"),
    ],
)
def test_a_misspelt_field_deep_in_a_manifest_is_found(found: str, replaced: str) -> None:
    hit = 0
    for path in FOLDER.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        if found not in text or path.name in KUSTOMIZE:
            continue
        for document in yaml.safe_load_all(text.replace(found, replaced)):
            if pod_of(document):
                hit += 1
                with pytest.raises(kubernetes_validate.ValidationError):
                    check(document)
    assert hit


# -- pods -------------------------------------------------------------------------------------------------------------


@each_pod
def test_pods_have_no_rights_that_they_do_not_need(document: Document) -> None:
    pod = pod_of(document)
    assert pod is not None
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in containers(document):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True, container["name"]
        assert context["allowPrivilegeEscalation"] is False, container["name"]
        assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
        assert not context.get("privileged") and "runAsUser" not in context, container["name"]
    assert all("hostPath" not in volume for volume in pod["volumes"])


@each_pod
def test_every_container_says_what_it_needs_and_may_take(document: Document) -> None:
    for container in containers(document):
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}, container["name"]
        assert _bytes(container["resources"]["requests"]["memory"]) <= _bytes(
            container["resources"]["limits"]["memory"]
        )


@each_pod
def test_every_mount_has_its_volume_and_every_volume_a_mount(document: Document) -> None:
    pod = pod_of(document)
    assert pod is not None
    mounted = {mount["name"] for container in containers(document) for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    for volume in pod["volumes"]:
        assert "emptyDir" not in volume or volume["emptyDir"].get("sizeLimit"), f"{volume['name']} may fill the node"


@each_pod
def test_probes_name_ports_that_the_container_opens(document: Document) -> None:
    for container in containers(document):
        ports = {port["name"] for port in container.get("ports", [])}
        numbers = {str(port["containerPort"]) for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            words = " ".join(container.get(probe, {}).get("exec", {}).get("command", []))
            assert set(re.findall(r"127\.0\.0\.1', (\d+)", words)) <= numbers, (container["name"], probe)
            for kind in ("httpGet", "tcpSocket"):
                if asked := container.get(probe, {}).get(kind):
                    assert asked["port"] in ports, (container["name"], probe)
        assert not ports or "startupProbe" in container


@each_pod
def test_servers_are_told_the_ports_that_are_declared(document: Document) -> None:
    for container in containers(document):
        said = {int(port) for port in re.findall(r"port=(\d+)", " ".join(container.get("args", [])))}
        declared = {port["containerPort"] for port in container.get("ports", [])}
        assert not said or said == declared, container["name"]


# -- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("kustomization.yaml")), ids=lambda path: path.parent.name)
def test_kustomizations_name_what_is_there(path: Path) -> None:
    kustomization = yaml.safe_load(path.read_text(encoding="utf-8"))
    for named in [*kustomization.get("resources", []), *kustomization.get("configurations", [])]:
        assert (path.parent / named).exists(), named
    for generator in kustomization.get("configMapGenerator", []):
        assert ("ConfigMap", generator["name"]) in GENERATED
        assert all((path.parent / file).is_file() for file in generator["files"])
    files = {file.name for file in path.parent.glob("*.yaml")} - KUSTOMIZE
    assert files == {name for name in kustomization.get("resources", []) if name.endswith(".yaml")}, "a file left out"


@each_pod
def test_images_are_pinned_in_the_kustomization_beside_them(document: Document) -> None:
    folder = next(name for name, other in ALL if other is document).split("/")[0]
    images = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
    pinned = {image["name"]: image["newTag"] for image in images}
    used = {container["image"] for container in containers(document)}
    assert used <= pinned.keys()
    assert all(re.search(r"\d+\.\d+", str(tag)) for tag in pinned.values()), pinned  # a version; never latest


def test_versions_of_the_job_server_and_of_beam_are_one() -> None:
    import apache_beam

    if sys.version_info < (3, 11):
        pytest.skip("the last Beam for Python 3.10 is older than that of the image")
    images = yaml.safe_load((FOLDER / "flink" / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
    tags = {image["name"]: image["newTag"] for image in images}
    (job_server,) = (name for name in tags if "job_server" in name)
    assert tags[job_server] == apache_beam.__version__
    flink = re.search(r"flink(\d+\.\d+)", job_server)
    assert flink and str(tags["flink"]).startswith(flink[1])
    pinned = re.search(r"^flink_version=(\S+)", (FOLDER.parent / "flink" / "versions.sh").read_text(), re.MULTILINE)
    assert pinned and str(tags["flink"]).split("-")[0] == pinned[1]  # what the tests ran on is what the cluster runs


# -- references -------------------------------------------------------------------------------------------------------


def references(node: Any) -> Iterator[tuple[str, str]]:
    """Returns every Secret, ConfigMap, claim and account that is named below `node`."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        kind = {"secret": "Secret", "configMap": "ConfigMap"}.get(re.sub(r"(Key)?Ref$", "", key))
        if kind and isinstance(value, dict):
            yield kind, value.get("name") or value["secretName"]
        elif key == "persistentVolumeClaim":
            yield "PersistentVolumeClaim", value["claimName"]
        elif key == "serviceAccountName":
            yield "ServiceAccount", value
        yield from references(value)


@each
def test_what_is_named_is_there_or_a_prerequisite(document: Document) -> None:
    there = {(other["kind"], other["metadata"]["name"]) for _, other in ALL} | PREREQUISITES | GENERATED
    assert set(references(document)) <= there


def test_the_role_reads_no_secret_but_the_named_ones() -> None:
    (role,) = (document for _, document in ALL if document["kind"] == "Role")
    for rule in role["rules"]:
        assert "*" not in [*rule["resources"], *rule["verbs"], *rule["apiGroups"]]
        if "secrets" in rule["resources"]:
            assert {("Secret", name) for name in rule["resourceNames"]} <= PREREQUISITES
            assert rule["verbs"] == ["get"]


def test_bindings_bind_what_is_there() -> None:
    names = {(document["kind"], document["metadata"]["name"]) for _, document in ALL}
    for _, document in ALL:
        if document["kind"] == "RoleBinding":
            assert (document["roleRef"]["kind"], document["roleRef"]["name"]) in names
            assert all((subject["kind"], subject["name"]) in names for subject in document["subjects"])


def test_no_secret_is_committed() -> None:
    assert not [name for name, document in ALL if document["kind"] == "Secret"]
    for name, document in ALL:
        for key, value in _leaves(document):
            assert (
                not re.search(r"(?i)secret.?(access)?.?key$|access.?key.?id$|password|token$", key) or value is False
            ), name
            assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", str(value)), name


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_selectors_meet_pods(kind: str) -> None:
    deployments = [document for _, document in ALL if document["kind"] == "Deployment"]
    deployments += [document["spec"]["jobTemplate"] for _, document in ALL if document["kind"] == "CronJob"]
    for name, document in ALL:
        if document["kind"] != kind:
            continue
        spec = document["spec"]
        wanted = spec["selector"] if kind == "Service" else (spec.get("selector") or spec["podSelector"])["matchLabels"]
        met = [one for one in deployments if wanted.items() <= one["spec"]["template"]["metadata"]["labels"].items()]
        assert met, name
        if kind != "NetworkPolicy":
            assert len(met) == 1, name
        if kind == "Service":
            opened = {port["name"]: port["containerPort"] for c in containers(met[0]) for port in c.get("ports", [])}
            assert all(opened[port["targetPort"]] == port["port"] for port in spec["ports"]), name


def test_deployments_select_their_own_pods_and_no_others() -> None:
    deployments = [document["spec"] for _, document in ALL if document["kind"] == "Deployment"]
    for one in deployments:
        wanted = one["selector"]["matchLabels"]
        met = [other for other in deployments if wanted.items() <= other["template"]["metadata"]["labels"].items()]
        assert met == [one]


def test_what_flink_is_told_is_what_the_manifests_open() -> None:
    by_name = {(document["kind"], document["metadata"]["name"]): document for _, document in ALL}
    settings = yaml.safe_load(by_name["ConfigMap", "plumbline-flink"]["data"]["config.yaml"])
    ports = {
        (container["name"], port["name"]): port["containerPort"]
        for name, document in by_name.items()
        if name[0] == "Deployment"
        for container in containers(document)
        for port in container.get("ports", [])
    }
    host = settings["jobmanager"]["rpc"]["address"]
    assert ("Service", host) in by_name and settings["rest"]["address"] == host
    assert ports["jobmanager", "rpc"] == settings["jobmanager"]["rpc"]["port"]
    assert ports["jobmanager", "blob"] == settings["blob"]["server"]["port"]
    assert ports["jobmanager", "http"] == settings["rest"]["port"]
    assert ports["taskmanager", "rpc"] == settings["taskmanager"]["rpc"]["port"]
    assert ports["taskmanager", "data"] == settings["taskmanager"]["data"]["port"]
    workers = by_name["Deployment", "plumbline-flink-taskmanager"]
    slots = settings["taskmanager"]["numberOfTaskSlots"]
    assert settings["parallelism"]["default"] == slots * workers["spec"]["replicas"]
    for name in ("jobmanager", "taskmanager"):
        (flink,) = (c for c in containers(by_name["Deployment", f"plumbline-flink-{name}"]) if c["name"] == name)
        process = _bytes(settings[name]["memory"]["process"]["size"].upper() + "i")  # Flink's m is Kubernetes' Mi
        assert process < _bytes(flink["resources"]["limits"]["memory"]), "would be killed by the kernel"
    master = " ".join(containers(by_name["Deployment", "plumbline-flink-jobserver"])[0]["args"])
    assert f"--flink-master={host}:{settings['rest']['port']}" in master


@pytest.mark.parametrize("folder", ["tensorflow-serving", "kserve"])
def test_readiness_asks_for_the_model_that_is_served(folder: str) -> None:
    settings = yaml.safe_load((FOLDER / folder / "settings.yaml").read_text(encoding="utf-8"))["data"]
    text = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / folder).glob("*.yaml"))
    (path,) = re.findall(r"path: /v1/models/(\S+)", text)
    assert path == settings["MODEL_NAME"]


# -- kustomize --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize(
    "folder",
    [".", "runs", "serving", "tensorflow-serving", "flink", "kserve", "kserve-canary", "monitoring", "monitor"],
)
def test_what_kustomize_builds_is_valid(folder: str) -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER / folder], capture_output=True, text=True, check=True)
    found = [document for document in yaml.safe_load_all(built.stdout) if document]
    assert found
    maps = {document["metadata"]["name"] for document in found if document["kind"] == "ConfigMap"}
    for document in found:
        check(document)
        assert document["metadata"]["labels"].keys() >= {
            "app.kubernetes.io/name",
            "app.kubernetes.io/component",
            "app.kubernetes.io/part-of",
        }
        if not (pod := pod_of(document)):
            continue
        for container in containers(document):
            assert re.search(r":[^:/]*\d+\.\d+[^:/]*$", container["image"]), container["image"]
        for volume in pod["volumes"]:  # also where a custom resource names a map with a hash
            assert "configMap" not in volume or volume["configMap"]["name"] in maps


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, key)
    else:
        yield key, node


def _bytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([MG]i)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit]
