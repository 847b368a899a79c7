"""Events: what is sent about an incident."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from monitor.incident import Incident


@dataclass(frozen=True)
class Event:
    """One message about an incident.

    Attributes:
      key: Idempotency key: the same for the same content of the same incident.
      dataset: Name of the dataset.
      incident: The incident's JSON object.
    """

    key: str
    dataset: str
    incident: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)


def events(dataset: str, incidents: Iterable[Incident]) -> list[Event]:
    """Returns the event of each incident as it is now."""
    found = []
    for one in incidents:
        fields = one.to_json()
        text = json.dumps(fields, sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        found.append(Event(f"{dataset}/{one.number}/{digest}", dataset, json.loads(text)))
    return found
