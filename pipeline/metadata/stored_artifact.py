"""An artifact as ML Metadata holds it, read without TFX, whose import brings TensorFlow and Beam."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as mlmd


@dataclass(frozen=True)
class StoredArtifact:
    """What a run's summary reads of an artifact.

    Attributes:
      uri: Its folder.
      properties: Text properties of its type, such as split_names.
      custom_properties: Text properties that its component added.
    """

    uri: str
    properties: Mapping[str, str]
    custom_properties: Mapping[str, str]

    def get_string_custom_property(self, name: str) -> str:
        """The property's text, "" if there is none; as TFX's Artifact answers."""
        return self.custom_properties.get(name, "")

    @property
    def splits(self) -> list[str]:
        """Names of its splits; empty if its type has none."""
        names: list[str] = json.loads(self.properties.get("split_names") or "[]")
        return names


def stored_artifact(artifact: "mlmd.Artifact") -> StoredArtifact:
    """From ML Metadata's message."""
    return StoredArtifact(
        artifact.uri,
        {name: value.string_value for name, value in artifact.properties.items()},
        {name: value.string_value for name, value in artifact.custom_properties.items()},
    )
