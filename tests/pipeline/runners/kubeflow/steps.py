"""Steps of a compiled pipeline run in processes of their own, given what open-source KFP's driver and launcher give."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[4]
RUN_ID = "0b9d9e5c-run"


@dataclass(frozen=True)
class Ran:
    """A step that has ended. `output` is its ExecutorOutput; `said` the pod's termination message."""

    code: int
    stdout: str
    stderr: str
    said: str
    output: dict[str, Any]
    parameters: dict[str, str]


@dataclass(frozen=True)
class Cluster:
    """A pipeline spec, the root its artifacts go to, and the folder that stands for / in a container."""

    spec: dict[str, Any]
    root: str
    mount: Path

    def uri(self, component: str, key: str) -> str:
        return f"{self.root}/flights/{RUN_ID}/{component}/salt/{key}"

    def local(self, uri: str) -> Path:
        scheme, separator, rest = uri.partition("://")
        return self.mount / {"gs": "gcs"}.get(scheme, scheme) / rest if separator else Path(uri)

    def artifact(self, id_: int, uri: str, **metadata: Any) -> dict[str, Any]:
        """As KFP hands it to a step: known by its id in ML Metadata, and without a type."""
        own = {"display_name": "x", "store_session_info": "{}"}
        return {"artifacts": [{"name": str(id_), "uri": uri, "metadata": metadata | own}]}

    def run(self, component: str, inputs: dict[str, Any] | None = None, cwd: Path = PROJECT, **changed: Any) -> Ran:
        """Runs a component on these input artifacts; parameters are the compiled ones but for `changed`."""
        task = self.spec["root"]["dag"]["tasks"][component]
        declared = self.spec["components"][component].get("outputDefinitions", {})
        parameters = {
            name: source["runtimeValue"]["constant"]
            for name, source in task["inputs"].get("parameters", {}).items()
            if "runtimeValue" in source
        } | changed
        task_root = self.local(self.uri(component, "x")).parent
        files = {name: task_root / "parameters" / name for name in declared.get("parameters", {})}
        outputs = {
            name: {"artifacts": [{"name": name, "uri": self.uri(component, name), "type": one["artifactType"]}]}
            for name, one in declared.get("artifacts", {}).items()
        }
        log = {"uri": self.uri(component, "executor-logs"), "type": {"schemaTitle": "system.Artifact"}}
        executor_input = {
            "inputs": {"artifacts": inputs or {}, "parameterValues": parameters},
            "outputs": {
                "artifacts": outputs | {"executor-logs": {"artifacts": [log]}},
                "parameters": {name: {"outputFile": str(file)} for name, file in files.items()},
                "outputFile": str(task_root / "output_metadata.json"),
            },
        }
        container = self.spec["deploymentSpec"]["executors"][f"{component}_executor"]["container"]
        command = [*container["command"], *container.get("args", [])]
        filled = [part.replace("{{$}}", json.dumps(executor_input)) for part in command]
        assert filled[0] == "python"
        termination = self.mount / "termination-log"
        termination.write_bytes(b"")
        environment = os.environ | {
            "PLUMBLINE_MOUNT": str(self.mount),
            "PLUMBLINE_TERMINATION_LOG": str(termination),
            "PYTHONPATH": str(PROJECT),
        }
        done = subprocess.run(
            [sys.executable, *filled[1:]], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        written = task_root / "output_metadata.json"
        return Ran(
            done.returncode,
            done.stdout,
            done.stderr,
            termination.read_text(),
            json.loads(written.read_text()) if written.exists() else {},
            {name: file.read_text() for name, file in files.items() if file.exists()},
        )
