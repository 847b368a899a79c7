"""Inputs of the DAG other than the settings. Imports no library, so that a fully cached run starts quickly."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Paths:
    """Folders or URLs of a pipeline.

    Attributes:
      schema: The file schema.pbtxt.
      artifacts: TFX's pipeline root.
      registry: The model registry.
    """

    schema: str
    artifacts: str
    registry: str


@dataclass(frozen=True)
class Inputs:
    """Inputs of a run. With the defaults the components resolve them.

    On a cluster the values are known only when the run starts; there each may be a TFX RuntimeParameter.

    Attributes:
      span: The eval span; -1 is the newest.
      data_fingerprint: Fingerprint of the window's files; "" if unknown.
      champion: Version to compare with; 0 is none, -1 is the live version after training.
      registry_id: Identity of the registry, see Aliases.id; "" if unknown.
      dvc: DVC's record of the data folder, see dvc.Tracked; "" if the folder is not tracked by DVC.
      window: Number of training spans; 0 is the value in the source's settings.
    """

    span: Any = -1
    data_fingerprint: Any = ""
    champion: Any = -1
    registry_id: Any = ""
    dvc: str = ""
    window: Any = 0
