"""A pipeline that kfp compiles, run by kfp's own local runner and by the dry run: the same results.

Both start real processes. Whole numbers within lists and objects are left out: KFP's backend, and so the dry run,
writes 3 where the local runner writes 3.0.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.runners.dry_run.runner import DryRunOptions, dry_run

pytestmark = pytest.mark.slow

PIPELINE = """
from kfp import compiler, dsl, local


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def make(n: int, text: dsl.OutputPath(str), out: dsl.Output[dsl.Dataset], scores: dsl.Output[dsl.Metrics]) -> float:
    with open(out.path, "w") as file:
        file.write("x" * n)
    out.metadata["share"] = n / 4
    scores.log_metric("auc", 0.5)
    with open(text, "w") as file:
        file.write(" as it is\\n")
    return n / 4


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def use(
    data: dsl.Input[dsl.Dataset], share: float, flag: bool, items: list, about: dict, text: str, word: str = "default"
) -> str:
    with open(data.path) as file:
        return repr((len(file.read()), share, flag, items, about, text, word, data.metadata["share"]))


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def several(said: str) -> list:
    return [said, 1, 2.5, {"deep": [None, True]}]


@dsl.pipeline(name="parity")
def parity(n: int = 3, flag: bool = True) -> list:
    made = make(n=n)
    used = use(
        data=made.outputs["out"], share=made.outputs["Output"], flag=flag, items=[0.25, "b"], about={"k": 2.5},
        text=made.outputs["text"],
    )
    return several(said=used.output).output


if __name__ == "__main__":
    import json, sys

    compiler.Compiler().compile(parity, "parity.yaml")
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])
    print(json.dumps(parity(n=7).output))
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Folder with parity.yaml, and what kfp's local runner returned for n = 7."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("parity")
    (folder / "parity.py").write_text(PIPELINE)
    done = subprocess.run(
        [sys.executable, "parity.py", str(folder / "local")], cwd=folder, capture_output=True, text=True, check=True
    )
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_results_are_those_of_kfps_local_runner(local: tuple[Path, Any]) -> None:
    folder, expected = local
    options = DryRunOptions(on_machine=True, root=str(folder / "dry"), parameters={"n": "7"})
    report, failure = dry_run(folder / "parity.yaml", options, None)
    assert failure is None, failure
    values = {(one["step"], one["name"]): one["value"] for one in report.parameters}
    assert values["several", "Output"] == expected
    assert expected[0] == "(7, 1.75, True, [0.25, 'b'], {'k': 2.5}, ' as it is\\n', 'default', 1.75)"
    assert values["make", "text"] == " as it is\n"

    outputs = {one["name"]: one for one in report.outputs}
    assert outputs["scores"]["metadata"] == {"auc": 0.5}
    (written,) = (folder / "local").glob("*/make/out")
    assert Path(outputs["out"]["uri"]).read_text() == written.read_text() == "x" * 7


def test_executor_inputs_are_those_of_kfps_local_runner(local: tuple[Path, Any]) -> None:
    """But for the places, and for the type and the extra metadata of an input artifact."""
    from google.protobuf import json_format
    from kfp.local.executor_input_utils import construct_executor_input
    from kfp.pipeline_spec import pipeline_spec_pb2

    from pipeline.runners.dry_run import executor_input
    from pipeline.runners.dry_run.artifact_paths import TaskPaths
    from pipeline.runners.dry_run.inputs import RunFacts, resolve
    from pipeline.runners.dry_run.spec import load

    folder, _ = local
    task = load(folder / "parity.yaml").task("make")
    run = RunFacts("parity", "run", "/root", "2026-01-01T00:00:00Z", {"n": 7, "flag": True})
    places = TaskPaths(Path("/local"), inside=False)
    ours = {"inputs": resolve(task, run, {}), "outputs": executor_input.outputs(task, run.folder, "one", places)}
    component = json_format.ParseDict(task.component, pipeline_spec_pb2.ComponentSpec())
    theirs = json_format.MessageToDict(construct_executor_input(component, {"n": 7}, "/root/parity/run/make/one", True))
    parsed = json_format.MessageToDict(
        json_format.Parse(executor_input.as_json(ours), pipeline_spec_pb2.ExecutorInput())
    )
    assert parsed["inputs"] == theirs["inputs"]
    assert set(parsed["outputs"]["parameters"]) == set(theirs["outputs"]["parameters"])
    for name, listed in theirs["outputs"]["artifacts"].items():
        (expected,) = listed["artifacts"]
        (artifact,) = parsed["outputs"]["artifacts"][name]["artifacts"]
        assert artifact == {key: value for key, value in expected.items() if key != "metadata"}
