# ruff: noqa: E501 - a table reads best with one case a line
"""What a cluster refuses is refused before anything runs, with the name of the task."""

from collections.abc import Callable
from typing import Any

import pytest

from components.shared.errors import ConfigError
from tests.pipeline.runners.dry_run.pipelines import MAKE, USE, N, Shell, document, task, write

Spec = dict[str, Any]


def _executor(spec: Spec, name: str) -> Spec:
    executor: Spec = spec["deploymentSpec"]["executors"][f"run-{name}"]
    return executor


def _task(spec: Spec, name: str) -> Spec:
    found: Spec = spec["root"]["dag"]["tasks"][name]
    return found


def _replace(spec: Spec, name: str, **executor: Any) -> None:
    spec["deploymentSpec"]["executors"][f"run-{name}"] = executor


BREAKS: list[tuple[Callable[[Spec], Any], str]] = [
    (lambda s: _replace(s, "use", resolver={"outputArtifactQueries": {"lines": {"filter": "x"}}}), "task use: a resolver executor; open-source KFP runs"),
    (lambda s: _executor(s, "make")["container"].update(lifecycle={"preCacheCheck": {"command": ["driver"]}}), "task make: relies on a lifecycle hook"),
    (lambda s: _executor(s, "make")["container"].pop("image"), "task make: no container image"),
    (lambda s: _replace(s, "make", container={"image": "any"}), "task make: no command"),
    (lambda s: s["components"]["use"].update(executorLabel="gone"), "task use: no executor is labelled 'gone'"),
    (lambda s: s["components"].pop("use"), "task use: its component 'use' is not in the spec"),
    (lambda s: _replace(s, "make", importer={"artifactUri": {}}), "task make: an importer without artifactUri"),
    (lambda s: _replace(s, "make", importer={"artifactUri": {"constant": "/data"}}), "task make: an importer of /data; legal: gs://"),
    (lambda s: _task(s, "use").pop("inputs"), "task use: input artifact words: no task produces it"),
    (lambda s: _task(s, "use")["inputs"]["artifacts"].update(words={"taskOutputArtifact": {"producerTask": "gone", "outputArtifactKey": "words"}}), "task use: input artifact words: comes from task 'gone'"),
    (lambda s: _task(s, "use")["inputs"]["artifacts"].update(words={"taskOutputArtifact": {"producerTask": "make", "outputArtifactKey": "wards"}}), "task use: input artifact words: task make has no output artifact 'wards'"),
    (lambda s: _task(s, "use")["inputs"]["artifacts"].update(words={"componentInputArtifact": "words"}), "task use: input artifact words: an input of the pipeline itself"),
    (lambda s: _task(s, "make").update(dependentTasks=["use"]), "tasks wait for each other: make -> use -> make"),
    (lambda s: _task(s, "use").update(dependentTasks=["gone"]), "task use: waits for task 'gone'"),
    (lambda s: _task(s, "make").update(inputs={"parameters": {"n": {"runtimeValue": {"constantValue": {"intValue": "3"}}}}}), "task make: input parameter n: a runtimeValue without `constant`"),
    (lambda s: _task(s, "make").update(inputs={"parameters": {"n": {"runtimeValue": {"constant": "3"}}}}), "task make: input parameter n: expected NUMBER_INTEGER, got '3'"),
    (lambda s: s["components"]["make"]["inputDefinitions"]["parameters"].update(n={"type": "INT"}) or _task(s, "make").update(inputs={"parameters": {"n": {"runtimeValue": {"constant": 3}}}}), "task make: input parameter n: parameterType is missing"),
    (lambda s: _task(s, "make").pop("inputs"), "task make: input parameter n: neither a value nor a default"),
    (lambda s: _task(s, "make").update(inputs={"parameters": {"n": {"componentInputParameter": "m"}}}), "task make: input parameter n: the pipeline has no parameter m"),
    (lambda s: _executor(s, "make")["container"].update(args=["{{$.json_escape[1]}}"]), r"task make: placeholder {{$.json_escape[1]}}, which open-source KFP's launcher does not replace"),
    (lambda s: _executor(s, "make")["container"].update(args=["{{$.inputs.parameters['m']}}"]), "names no parameter that the component declares"),
    (lambda s: _task(s, "use").update(triggerPolicy={"condition": "1 == 1"}), "task use: runs on a condition"),
    (lambda s: _task(s, "use").update(triggerPolicy={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}), "task use: an exit handler"),
    (lambda s: _task(s, "use").update(parameterIterator={"itemInput": "n", "items": {"raw": "[1]"}}), "task use: a loop (parameterIterator)"),
    (lambda s: s.update(schemaVersion="2.0.0"), "schemaVersion is 2.0.0; open-source KFP takes 2.1.0 only"),
    (lambda s: s.update(pipelineInfo={"name": "Shell Pipeline"}), "pipeline name 'Shell Pipeline'; legal: lower case"),
    (lambda s: s["root"]["dag"]["tasks"].clear(), "the root holds no tasks"),
    (lambda s: _task(s, "use").update(dependantTasks=[]), "not a pipeline spec of KFP"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "says"), BREAKS, ids=[says[:60] for _, says in BREAKS])
def test_refused_before_anything_runs(shell: Shell, damage: Callable[[Spec], Any], says: str) -> None:
    spec = document({"make": MAKE, "use": USE}, N)
    damage(spec)
    write(shell.path, spec)
    with pytest.raises(ConfigError) as caught:
        shell.run()
    assert says in str(caught.value)
    assert "pipeline.yaml" in str(caught.value)
    assert not shell.storage.exists()


def test_a_volume_must_be_given(shell: Shell) -> None:
    claim = {"pvcMount": [{"mountPath": "/no/such/folder", "constant": "claim"}]}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"run-make": claim}}}}}
    write(shell.path, document({"make": task("true")}), platform)
    with pytest.raises(ConfigError, match="task make: mounts a volume claim at /no/such/folder"):
        shell.run()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no YAML"),
        ("a: 1", "no pipeline spec in it"),
        ("pipelineInfo: {}\n---\npipelineInfo: {}", "two pipeline specs"),
    ],
)
def test_files_that_are_no_pipelines(shell: Shell, text: str, says: str) -> None:
    shell.path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        shell.run()


def test_a_file_that_is_not_there(shell: Shell) -> None:
    with pytest.raises(ConfigError, match=r"pipeline.yaml: cannot be read \(No such file or directory\)"):
        shell.run()
