"""Writes a synthetic run history: metadata, artifact folders, summaries and registry, as real runs write them.

The executions have the nodes, keys, properties and states of the flights' runs. Used by the benchmark of the
run-history commands, and by tests that need many runs.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.registry.registry import Registry
from pipeline.metadata.connection import connection_config
from pipeline.run_history.metadata_graph import text_property

SCHEMA = 'feature { name: "late" type: INT }\nfeature { name: "distance" type: INT }\n'

NODES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    # node: inputs (key -> node.output it comes from), outputs (key -> type)
    "ArrowExampleGen": ({}, {"examples": "Examples"}),
    "ImportSchemaGen": ({}, {"schema": "Schema"}),
    "StatisticsGen": (
        {"examples": "ArrowExampleGen.examples", "schema": "ImportSchemaGen.schema"},
        {"statistics": "ExampleStatistics"},
    ),
    "DriftValidator": (
        {"statistics": "StatisticsGen.statistics", "schema": "ImportSchemaGen.schema"},
        {"drift": "components.DriftReport"},
    ),
    "Transform": (
        {"examples": "ArrowExampleGen.examples", "schema": "ImportSchemaGen.schema"},
        {"transform_graph": "TransformGraph"},
    ),
    "Trainer": (
        {
            "examples": "ArrowExampleGen.examples",
            "schema": "ImportSchemaGen.schema",
            "transform_graph": "Transform.transform_graph",
        },
        {"model": "Model", "model_run": "ModelRun"},
    ),
    "ChampionResolver": (
        {"candidate": "Trainer.model", "examples": "ArrowExampleGen.examples"},
        {"champion": "Model"},
    ),
    "ChampionEvaluator": (
        {"champion": "ChampionResolver.champion", "examples": "ArrowExampleGen.examples", "model": "Trainer.model"},
        {"blessing": "ModelBlessing", "evaluation": "ModelEvaluation"},
    ),
    "RegistryPusher": (
        {
            "champion": "ChampionResolver.champion",
            "evaluation": "ChampionEvaluator.evaluation",
            "examples": "ArrowExampleGen.examples",
            "model": "Trainer.model",
        },
        {"pushed_model": "PushedModel"},
    ),
}


@dataclass
class History:
    """A synthetic history, to which `add` appends runs.

    Attributes:
      home: <root>/<dataset>.
      write: Writes the files of an artifact; called with its folder and its type.
    """

    home: Path
    write: Callable[[Path, str], None] = lambda folder, type_: _write(folder / "content", type_)
    connection: Any = None
    run_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        config = self.connection or connection_config(None, self.home / "metadata.sqlite")
        self.store = metadata_store.MetadataStore(config)
        self.registry = Registry(self.home / "registry")
        self._types: dict[str, int] = {}
        self._cached: dict[str, list[mlmd.Artifact]] = {}
        self._executions = 0
        schema = self.home / "cache" / f"schema-{hashlib.sha256(SCHEMA.encode()).hexdigest()[:16]}" / "schema.pbtxt"
        _write(schema, SCHEMA)
        self._schema = str(schema)

    def add(
        self,
        *,
        train: Iterable[int],
        evaluation: int,
        push: bool = True,
        learning_rate: float = 0.001,
        edits: dict[int, str] | None = None,
        until: str = "",
    ) -> str:
        """One more run; what it would find in the cache is cached.

        Args:
          train: Spans.
          evaluation: The eval span.
          push: Whether the candidate is blessed.
          learning_rate: A setting of the trainer.
          edits: Span -> what its file holds instead of its usual content.
          until: Node at which the run is killed; "" is never.

        Returns:
          Its id.
        """
        began = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(hours=len(self.run_ids))
        run_id = f"{began:%Y%m%dT%H%M%SZ}-{len(self.run_ids) % 65536:04x}"
        self.run_ids.append(run_id)
        files = [_file("train", span, edits) for span in train] + [_file("eval", evaluation, edits)]
        fingerprints = {
            "data": _digest(json.dumps([[one["split"], one["sha256"]] for one in files])),
            "code": _digest(f"code {learning_rate}"),
        }
        labels = self.registry.create()
        champion = labels.live or 0
        parameters = _parameters(files, fingerprints, champion, learning_rate, self._schema)
        made: dict[str, mlmd.Artifact] = {}
        states = []
        _write(self.home / "reports" / run_id / "run.log", f"log of {run_id}\n")
        for node, (inputs, outputs) in NODES.items():
            taken = {key: made[source] for key, source in inputs.items()}
            if node == until:
                self._put(run_id, node, parameters[node], taken, [], mlmd.Execution.RUNNING)
                return run_id
            given = {**parameters[node], **{key: artifact.id for key, artifact in taken.items()}}
            cache_key = json.dumps([node, given], sort_keys=True)
            if cache_key in self._cached:
                produced, state = self._cached[cache_key], mlmd.Execution.CACHED
            else:
                produced, state = self._make(node, outputs), mlmd.Execution.COMPLETE
                self._describe(node, produced, files, fingerprints, champion, push, run_id)
            self._put(run_id, node, parameters[node], taken, produced, state)
            self._cached[cache_key] = produced
            made.update({f"{node}.{key}": one for key, one in zip(outputs, produced, strict=True)})
            states.append(
                {"id": node, "state": "cached" if state == mlmd.Execution.CACHED else "executed", "seconds": 1}
            )
        pushed = text_property(made["RegistryPusher.pushed_model"], "pushed_version")
        summary = _summary(run_id, files, states, pushed, fingerprints) | {"registry": self.registry.where}
        _write(self.home / "reports" / run_id / "summary.json", json.dumps(summary))
        return run_id

    def _make(self, node: str, outputs: dict[str, str]) -> list[mlmd.Artifact]:
        made = []
        for key, type_ in outputs.items():
            uri = self.home / "artifacts" / node / key / str(self._executions + 1)
            self.write(uri, type_)
            artifact = mlmd.Artifact(
                type_id=self._type(mlmd.ArtifactType, type_), uri=str(uri), state=mlmd.Artifact.LIVE
            )
            artifact.custom_properties["tfx_version"].string_value = "1.21.0"
            made.append(artifact)
        return made

    def _describe(
        self,
        node: str,
        made: list[mlmd.Artifact],
        files: list[dict[str, Any]],
        fingerprints: dict[str, str],
        champion: int,
        push: bool,
        run_id: str,
    ) -> None:
        """What components write into their artifacts."""
        if node == "ArrowExampleGen":
            made[0].custom_properties["files"].string_value = json.dumps(files)
            made[0].custom_properties["data_fingerprint"].string_value = fingerprints["data"]
        elif node == "ChampionResolver":
            made[0].custom_properties["version"].int_value = champion
            made[0].custom_properties["registry"].string_value = str(self.registry.folder)
        elif node == "ChampionEvaluator":
            verdict = {"metrics": {"auc": 0.7, "rows": 1000}, "slices": {"origin=EWR": {"auc": 0.6, "rows": 300}}}
            _write(Path(made[1].uri) / "verdict.json", json.dumps({**verdict, "blessed": push, "champion": None}))
        elif node == "RegistryPusher" and push:
            model = self.home / "model"
            _write(model / "saved_model.pb", run_id)
            manifest = {"run_id": run_id, "fingerprints": fingerprints, "champion": champion or None}
            version = self.registry.push(model, manifest)
            made[0].custom_properties["pushed_version"].string_value = str(version)
            made[0].custom_properties["pushed_destination"].string_value = self.registry.location(version)

    def _put(
        self,
        run_id: str,
        node: str,
        parameters: dict[str, Any],
        inputs: dict[str, mlmd.Artifact],
        outputs: list[mlmd.Artifact],
        state: int,
    ) -> None:
        execution = mlmd.Execution(type_id=self._type(mlmd.ExecutionType, f"components.{node}"), last_known_state=state)
        for name, value in parameters.items():
            if isinstance(value, int):
                execution.custom_properties[name].int_value = value
            else:
                execution.custom_properties[name].string_value = value
        events = [(one, _event(mlmd.Event.INPUT, key)) for key, one in inputs.items()]
        events += [(one, _event(mlmd.Event.OUTPUT, key)) for key, one in zip(NODES[node][1], outputs, strict=False)]
        dataset = self.home.name
        contexts = [("pipeline", dataset), ("pipeline_run", run_id), ("node", f"{dataset}.{node}")]
        described = [mlmd.Context(type_id=self._type(mlmd.ContextType, kind), name=name) for kind, name in contexts]
        self._executions, ids, _ = self.store.put_execution(execution, events, described, True)
        for artifact, id_ in zip([one for one, _ in events], ids, strict=True):
            artifact.id = id_

    def _type(self, kind: Any, name: str) -> int:
        if name not in self._types:
            put = {
                mlmd.ArtifactType: self.store.put_artifact_type,
                mlmd.ExecutionType: self.store.put_execution_type,
                mlmd.ContextType: self.store.put_context_type,
            }[kind]
            self._types[name] = put(kind(name=name))
        return self._types[name]


def _parameters(
    files: list[dict[str, Any]], fingerprints: dict[str, str], champion: int, learning_rate: float, schema: str
) -> dict[str, dict[str, Any]]:
    code = {node: _digest(node) for node in NODES}
    source = {"ids": ["row_id"], "columns": {f"column_{number}": "int64" for number in range(28)}}
    return {
        **{node: {"code": code[node]} for node in NODES},
        "ArrowExampleGen": {
            "source": json.dumps(source),
            "span": files[-1]["span"],
            "fingerprint": fingerprints["data"],
            "code": code["ArrowExampleGen"],
        },
        "ImportSchemaGen": {"schema_file": schema},
        "Trainer": {
            "custom_config": json.dumps({"training": {"learning_rate": learning_rate}, "code": code["Trainer"]})
        },
        "ChampionResolver": {"registry": "registry", "version": champion},
        "RegistryPusher": {"code_fingerprint": fingerprints["code"], "code": code["RegistryPusher"]},
    }


def _summary(
    run_id: str, files: list[dict[str, Any]], states: list[dict[str, Any]], pushed: str, fingerprints: dict[str, str]
) -> dict[str, Any]:
    drift = {"measure": "chebyshev", "distance": 0.01, "threshold": 0.02, "drifted": False, "detail": "'a' was 10.0%"}
    return {
        "run_id": run_id,
        "dataset": "flights",
        "spans": {split: [one["span"] for one in files if one["split"] == split] for split in ("train", "eval")},
        "rows": {split: sum(one["rows"] for one in files if one["split"] == split) for split in ("train", "eval")},
        "components": states,
        "anomalies": [],
        "drift": [{"feature": f"feature_{number}", **drift} for number in range(25)],
        "metrics": {"auc": 0.7, "average_precision": 0.5, "f1": 0.5, "threshold": 0.3},
        "champion": None,
        "blessed": bool(pushed),
        "pushed": int(pushed) if pushed else None,
        "fingerprints": fingerprints,
        "report": f"reports/{run_id}/report.md",
        "seconds": 100.0,
        "stopped": None,
    }


def _file(split: str, span: int, edits: dict[int, str] | None) -> dict[str, Any]:
    content = (edits or {}).get(span, f"span {span}")
    return {
        "split": split,
        "span": span,
        "name": f"data/flights/span-{span:02d}.csv",
        "sha256": _digest(content),
        "bytes": len(content),
        "rows": 1000,
        "unlabelled": 0,
    }


def _write(path: Path, text: str) -> None:
    """Without waiting for the disk, which the real runs do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _event(kind: int, key: str) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add(key=key)
    event.path.steps.add(index=0)
    return event


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
