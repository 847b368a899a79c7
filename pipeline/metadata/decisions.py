"""Decisions about a registry's versions (promotions, rollbacks, canaries) as executions in ML Metadata.

Each decision is an execution of type KIND with the decision in its custom properties. Its inputs are the pushed
versions that it is about, so it is part of their lineage; a context of type REGISTRY, named by the registry's id, holds
all of a registry's decisions.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

KIND = "plumbline.Decision"
REGISTRY = "plumbline.registry"

DecisionKind = Literal["promote", "rollback", "canary", "share", "shadow", "stop"]
_DONE = {
    "promote": "promoted version {version}",
    "rollback": "rolled back version {version}",
    "canary": "version {version} became the canary with {share:.3g} % of the requests",
    "share": "canary version {version} got {share:.3g} % of the requests",
    "shadow": "version {version} became the shadow",
    "stop": "stopped version {version}",
}


@dataclass(frozen=True)
class VersionDecision:
    """One decision.

    Attributes:
      action: What was done: "promote", "rollback", "canary" (started), "share" (changed), "shadow" (started) or "stop".
      version: The version that it is about.
      live: The live version afterwards.
      share: Share of the requests that the canary has afterwards, 0 to 1.
      by: "person", or "automatic" for the automatic mode.
      reason: Why, in one sentence; "" if a person gave none.
      registry: Id of the registry.
      when: Time, UTC, ISO 8601.
      analysis: What the canary analysis found, see serving.canary.decision.Decision.to_json; {} without it.
    """

    action: DecisionKind
    version: int
    live: int | None
    share: float
    by: Literal["person", "automatic"]
    reason: str
    registry: str
    when: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    analysis: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)

    def to_text(self) -> str:
        """Returns the decision in one line."""
        done = _DONE[self.action].format(version=self.version, share=100 * self.share)
        live = f" (live: {self.live})" if self.action in ("promote", "rollback") else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.when}  {done}{live}, {self.by}{why}"


def record_decision(
    store: "metadata_store.MetadataStore", decision: VersionDecision, destinations: Sequence[str] = ()
) -> int:
    """Adds a decision to a metadata store.

    Args:
      store: ML Metadata, open for writing.
      decision: The decision.
      destinations: Where the versions were pushed to (Registry.location), to find their artifacts; unknown ones are
        left out.

    Returns:
      Id of the execution.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    execution = mlmd.Execution(
        type_id=store.put_execution_type(mlmd.ExecutionType(name=KIND)),
        name=f"{decision.when} {decision.action} {decision.version} {uuid.uuid4().hex}",
        last_known_state=mlmd.Execution.COMPLETE,
    )
    for name, value in decision.to_json().items():
        if isinstance(value, float):
            execution.custom_properties[name].double_value = value
        elif isinstance(value, int):
            execution.custom_properties[name].int_value = value
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
            execution.custom_properties[name].string_value = text
    context = mlmd.Context(
        type_id=store.put_context_type(mlmd.ContextType(name=REGISTRY)), name=decision.registry or "unnamed"
    )
    events: list[Any] = []
    for destination in destinations:
        if (artifact := _pushed(store, destination)) is not None:
            event = mlmd.Event(type=mlmd.Event.INPUT)
            event.path.steps.add().key = "pushed_model"
            event.path.steps.add().index = len(events)
            events.append((artifact, event))
    execution_id, _, _ = store.put_execution(execution, events, [context], reuse_context_if_already_exist=True)
    return int(execution_id)


def read_decisions(store: "metadata_store.MetadataStore", registry: str = "") -> list[VersionDecision]:
    """Returns the decisions, newest first; of one registry (id), or of all with ""."""
    found = sorted(store.get_executions_by_type(KIND), key=lambda one: one.id, reverse=True)
    decisions = [_read(one.custom_properties) for one in found]
    return [one for one in decisions if registry in ("", one.registry)]


def decision_lines(decisions: Sequence[VersionDecision]) -> list[str]:
    """Returns the decisions in lines below a heading; [] if there are none."""
    return ["decisions", *(f"  {one.to_text()}" for one in decisions)] if decisions else []


def _pushed(store: "metadata_store.MetadataStore", destination: str) -> Any:
    """The newest artifact that was pushed to a folder or URL; None if the store has none."""
    found = [
        artifact
        for artifact in store.get_artifacts_by_type("PushedModel")
        # Reading a missing key would add an empty property to the message, and writing that message aborts.
        if "pushed_destination" in artifact.custom_properties
        and artifact.custom_properties["pushed_destination"].string_value == destination
    ]
    return max(found, key=lambda one: one.id, default=None)


def _read(properties: Any) -> VersionDecision:
    def text(name: str) -> Any:
        return properties[name].string_value if name in properties else ""

    return VersionDecision(
        action=text("action"),
        version=int(properties["version"].int_value),
        live=int(properties["live"].int_value) if "live" in properties else None,
        share=float(properties["share"].double_value),
        by=text("by"),
        reason=text("reason"),
        registry=text("registry"),
        when=text("when"),
        analysis=json.loads(text("analysis") or "{}"),
    )
