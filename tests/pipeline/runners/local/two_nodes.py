"""Metadata of a pipeline of two nodes, as TFX's launcher leaves it: Make -> data, Use: data -> result."""

from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.connection import connection_config


def event(kind: int, key: str) -> mlmd.Event:
    made = mlmd.Event(type=kind)
    made.path.steps.add(key=key)
    made.path.steps.add(index=0)
    return made


class Toy:
    """The store below `home`, and the ids of what `complete` has put into it."""

    def __init__(self, home: Path, pipeline: str = "toy") -> None:
        self.home = home
        self.pipeline = pipeline
        home.mkdir(parents=True, exist_ok=True)
        self.store = metadata_store.MetadataStore(connection_config(None, home / "metadata.sqlite"))
        self.verifier = Verifier(home)
        self.artifacts: dict[str, int] = {}
        self.executions: dict[str, int] = {}

    def complete(self, run_id: str, *, node: str = "", state: int = mlmd.Execution.COMPLETE) -> None:
        """A run that executes both nodes, or only the one named."""
        wiring: dict[str, tuple[list[str], str]] = {"Make": ([], "data"), "Use": (["data"], "result")}
        for name, (inputs, output) in wiring.items():
            if node in ("", name):
                self.execute(run_id, name, inputs, output, state)

    def execute(self, run_id: str, node: str, inputs: list[str], output: str, state: int) -> None:
        uri = self.home / "artifacts" / node / output / run_id
        uri.mkdir(parents=True)
        kind = self.store.put_artifact_type(mlmd.ArtifactType(name=output.capitalize()))
        made = mlmd.Artifact(type_id=kind, uri=str(uri), state=mlmd.Artifact.LIVE)
        made.custom_properties["tfx_version"].string_value = "1.21.0"
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=f"toy.{node}", properties={"level": mlmd.INT}))
        execution = mlmd.Execution(type_id=type_id, last_known_state=state)
        execution.properties["level"].int_value = 3
        execution.custom_properties["code"].string_value = f"code of {node}"
        execution.custom_properties["__execution_result__"].string_value = "it took a while"
        pairs = [(self.artifact(key), event(mlmd.Event.INPUT, key)) for key in inputs]
        pairs.append((made, event(mlmd.Event.OUTPUT, output)))
        contexts = [
            self.context("pipeline", self.pipeline),
            self.context("pipeline_run", run_id),
            self.context("node", f"{self.pipeline}.{node}"),
            self.context("execution_cache", f"key of {node}"),
        ]
        self.executions[node], ids, _ = self.store.put_execution(execution, pairs, contexts, True)
        self.artifacts[output] = ids[-1]

    def artifact(self, name: str) -> mlmd.Artifact:
        (found,) = self.store.get_artifacts_by_id([self.artifacts[name]])
        return found

    def execution(self, node: str) -> mlmd.Execution:
        (found,) = self.store.get_executions_by_id([self.executions[node]])
        return found

    def context(self, kind: str, name: str) -> mlmd.Context:
        return mlmd.Context(type_id=self.store.put_context_type(mlmd.ContextType(name=kind)), name=name)
