"""Converts KFP's RuntimeArtifacts to TFX artifacts in local folders, and back.

Open-source KFP omits the type of input artifacts, which TFX's own entrypoint requires; it is taken from the component's
input definitions. Properties are passed in `metadata`, which the launcher stores as custom properties in ML Metadata
and passes to the next step.
"""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
from tfx.types.artifact import Artifact

from components.shared.errors import UsageError

Place = Callable[[str], str]
Artifacts = dict[str, list[Artifact]]

LAUNCHERS_OWN = ("display_name", "store_session_info")
"""Metadata that KFP adds to every artifact for internal use."""


class ArtifactTranslator:
    """Converts the artifacts of one execution."""

    def __init__(self, place: Place) -> None:
        """Takes the function `place`, which maps an artifact's URI to the path that the executor uses."""
        self._place = place
        self._names: dict[int, str] = {}
        self._uris: dict[str, str] = {}

    def inputs(self, given: Mapping[str, Any], definitions: pipeline_spec_pb2.ComponentInputsSpec | None) -> Artifacts:
        """Converts ExecutorInput.inputs.artifacts to TFX artifacts.

        Raises:
          UsageError: The type of an artifact is unknown.
        """
        found = {}
        for key, listed in given.items():
            declared = (
                definitions.artifacts[key].artifact_type if definitions and key in definitions.artifacts else None
            )
            found[key] = [self._prepared(key, artifact, declared) for artifact in listed.artifacts]
        return self._parsed(found)

    def outputs(self, given: Mapping[str, Any]) -> Artifacts:
        """Converts ExecutorInput.outputs.artifacts to TFX artifacts, without KFP's own outputs (executor logs)."""
        found = {}
        for key, listed in given.items():
            if any(artifact.type.schema_title.startswith("system.") for artifact in listed.artifacts):
                continue
            found[key] = [self._prepared(key, artifact, None) for artifact in listed.artifacts]
        return self._parsed(found)

    def written(self, outputs: Artifacts) -> dict[str, pipeline_spec_pb2.ArtifactList]:
        """Converts the executor's output artifacts to KFP artifacts with their remote URIs."""
        translated = tfx_utils.translate_executor_output(outputs, self._names)
        for listed in translated.values():
            for artifact in listed.artifacts:
                artifact.uri = self._uris.get(artifact.uri, artifact.uri)
                for value in artifact.metadata.fields.values():
                    # Such as the URI of the blessed model in a ModelBlessing.
                    if value.WhichOneof("kind") == "string_value" and value.string_value in self._uris:
                        value.string_value = self._uris[value.string_value]
        return translated

    def bless_by_name(self, blessing: Artifact) -> None:
        """Replaces the model ids in a blessing by the names of the KFP artifacts, as TFX's entrypoint does."""
        from tfx.components.evaluator import constants

        keys = (constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY)
        ids = [blessing.get_int_custom_property(key) for key in keys if blessing.has_custom_property(key)]
        if all(one in self._names for one in ids):
            tfx_utils.refactor_model_blessing(blessing, self._names)

    def _prepared(
        self, key: str, artifact: pipeline_spec_pb2.RuntimeArtifact, declared: Any
    ) -> pipeline_spec_pb2.RuntimeArtifact:
        copy = pipeline_spec_pb2.RuntimeArtifact()
        copy.CopyFrom(artifact)
        # The backend sends an empty type.
        if not (copy.type.instance_schema or copy.type.schema_title):
            if declared is None or declared.WhichOneof("kind") is None:
                raise UsageError(f"input artifact {key}: unknown type; give --json_serialized_inputs_spec_args")
            copy.type.CopyFrom(declared)
        metadata = struct_pb2.Struct()
        for name, value in artifact.metadata.fields.items():
            if name not in LAUNCHERS_OWN:
                metadata.fields[name].CopyFrom(value)
        copy.metadata.CopyFrom(metadata)
        copy.uri = self._place(artifact.uri)
        self._uris[copy.uri] = artifact.uri
        return copy

    def _parsed(self, artifacts: Mapping[str, list[Any]]) -> Artifacts:
        lists = {key: pipeline_spec_pb2.ArtifactList(artifacts=some) for key, some in artifacts.items()}
        found: Artifacts = tfx_utils.parse_raw_artifact_dict(lists, self._names)
        return found
