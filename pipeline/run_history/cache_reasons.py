"""Explains why a component was cached or executed.

TFX serves a node from the cache if an earlier execution had the same input artifacts (by id), the same parameters (the
code fingerprint is one of them) and the same upstream nodes, and its output files still exist.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.run_history.metadata_graph import Execution, artifacts_by_id, earlier_runs

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store


EMBEDDED_SOURCE = ".module.source"
"""Source text of a custom module; the digests beside it identify changed files, see components.shared.custom_module."""


@dataclass(frozen=True)
class InputChange:
    """A difference. `kind` is "input" or "parameter"; `before` and `after` are shortened for display."""

    kind: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Reason:
    """Why a node was cached or executed. `compared` is the earlier execution; 0 if there is none."""

    text: str
    compared: int = 0
    compared_run: str = ""
    changed: tuple[InputChange, ...] = ()


def reasons(
    store: "metadata_store.MetadataStore", done: list[Execution], made: dict[str, Execution]
) -> dict[str, Reason]:
    """Returns node -> reason for the executions of one run.

    Args:
      store: ML Metadata.
      done: The run's executions.
      made: Cached node -> the earlier execution that made its outputs.
    """
    found = {one.node: _cached(one, made[one.node]) for one in done if one.state == "cached" and one.node in made}
    left = {one.node: one for one in done if one.node not in found}
    new = {id_ for one in done if one.state == "executed" for ids in one.outputs.values() for id_ in ids}
    if left:
        for earlier in earlier_runs(store, done[0].run_id):
            for before in earlier:
                if before.succeeded and before.node in left:
                    found[before.node] = _not_cached(store, left.pop(before.node), before, new)
            if not left:
                break
    return {**found, **{node: Reason("no cached execution") for node in left}}


def changes(now: Execution, before: Execution, new: set[int] = frozenset()) -> tuple[InputChange, ...]:  # type: ignore[assignment]
    """Returns the differences between two executions of a node: inputs, then parameters, each by name.

    Args:
      now: The later execution.
      before: The earlier execution.
      new: Ids of artifacts that the later run made.
    """
    found = []
    for key in sorted(now.inputs.keys() | before.inputs.keys()):
        was, is_ = before.inputs.get(key, ()), now.inputs.get(key, ())
        if was != is_:
            note = ", made in this run" if set(is_) & new else ""
            found.append(InputChange("input", key, _artifacts(was), _artifacts(is_) + note))
    for name in sorted(now.parameters.keys() | before.parameters.keys()):
        found += _parameter(name, _parsed(before.parameters.get(name)), _parsed(now.parameters.get(name)))
    return tuple(found)


def _cached(now: Execution, made: Execution) -> Reason:
    text = f"same inputs, parameters and code as execution {made.id} in run {made.run_id}"
    return Reason(text, made.id, made.run_id, changes(now, made))


def _not_cached(store: "metadata_store.MetadataStore", now: Execution, before: Execution, new: set[int]) -> Reason:
    changed = changes(now, before, new)
    since = f"since execution {before.id} in run {before.run_id}"
    if changed:
        return Reason(f"{since}: {_listed(changed)}", before.id, before.run_id, changed)
    if not _all_there(store, before):
        return Reason(f"{since} nothing changed, but its output files were deleted", before.id, before.run_id)
    # Wiring and executor are part of the cache key, but not recorded elsewhere.
    return Reason(f"{since} no input or parameter changed, only which nodes are upstream", before.id, before.run_id)


def _listed(changed: tuple[InputChange, ...]) -> str:
    inputs = ", ".join(change.name for change in changed if change.kind == "input")
    parameters = [f"{change.name} {change.before} -> {change.after}" for change in changed if change.kind != "input"]
    return "; ".join(([f"changed inputs: {inputs}"] if inputs else []) + parameters)


def _all_there(store: "metadata_store.MetadataStore", execution: Execution) -> bool:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    outputs = artifacts_by_id(store, (id_ for ids in execution.outputs.values() for id_ in ids)).values()
    return all(one.state == mlmd.Artifact.LIVE and ("://" in one.uri or Path(one.uri).exists()) for one in outputs)


def _artifacts(ids: tuple[int, ...]) -> str:
    return "artifact " + ", ".join(map(str, ids)) if ids else "none"


def _parsed(value: Any) -> Any:
    """The value of a parameter; tables are stored as JSON."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _parameter(name: str, before: Any, now: Any) -> list[InputChange]:
    if before == now or name.endswith(EMBEDDED_SOURCE):
        return []
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [change for key in keys for change in _parameter(f"{name}.{key}", before.get(key), now.get(key))]
    return [InputChange("parameter", name, _short(before), _short(now))]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    if len(text) == 64 and all(letter in "0123456789abcdef" for letter in text):
        return text[:12]  # a SHA-256
    return text if len(text) <= 60 else f"{text[:57]}..."
