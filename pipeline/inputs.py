"""What the DAG is composed from, beside the settings. Imports nothing: a run that is cached needs no more than this."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Paths:
    """Where the schema is, and where a pipeline writes; folders or URLs."""

    schema: str
    artifacts: str
    registry: str


@dataclass(frozen=True)
class Inputs:
    """What a run takes in, as far as it is known before it starts. The defaults leave it to the components.

    On a cluster they become known when the run starts: each may be a TFX RuntimeParameter instead.

    Attributes:
      span: The eval span; -1 is the newest.
      data_fingerprint: Of the window's files; "" if unknown.
      champion: Version to compare with; 0 for none, -1 to look when the candidate is there.
      registry_id: Which registry it is, see Labels.id; "" if unknown.
      dvc: What DVC knows of the data folder, see dvc.Tracked; "" if it is not under DVC.
      window: Number of spans to train on; 0 is the source's.
    """

    span: Any = -1
    data_fingerprint: Any = ""
    champion: Any = -1
    registry_id: Any = ""
    dvc: str = ""
    window: Any = 0
