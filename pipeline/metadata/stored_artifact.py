"""An artifact read from ML Metadata without importing TFX, which would import TensorFlow and Beam."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as mlmd


@dataclass(frozen=True)
class StoredArtifact:
    """The fields of an artifact that a run's summary uses.

    Attributes:
      uri: Folder of the artifact.
      properties: Text properties of the artifact type, such as split_names.
      custom_properties: Text properties that the component added.
    """

    uri: str
    properties: Mapping[str, str]
    custom_properties: Mapping[str, str]

    def get_string_custom_property(self, name: str) -> str:
        """Returns the text of a custom property, "" if there is none, as TFX's Artifact does."""
        return self.custom_properties.get(name, "")

    @property
    def splits(self) -> list[str]:
        """Names of the splits; empty if the artifact type has none."""
        names: list[str] = json.loads(self.properties.get("split_names") or "[]")
        return names


def stored_artifact(artifact: "mlmd.Artifact") -> StoredArtifact:
    """Converts ML Metadata's message."""
    return StoredArtifact(
        artifact.uri,
        {name: value.string_value for name, value in artifact.properties.items()},
        {name: value.string_value for name, value in artifact.custom_properties.items()},
    )
