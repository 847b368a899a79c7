"""The TFX component RegistryPusher: TFX's Pusher with Plumbline's registry as the destination."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tfx.components.pusher import executor as tfx_pusher
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.model_card.card import model_card
from components.model_card.content import PushedVersion
from components.model_card.rendering import card_files
from components.registry.registry import Registry
from components.shared.artifacts.artifact_types import ErrorReport
from components.shared.artifacts.integrity import CONTENT, check_known
from components.shared.errors import DamagedArtifact
from components.shared.serving.serving_contract import MEMBERS

FOR_THE_CARD = frozenset({"features", "evaluation", "stated"})
"""Keys of `about` for the model card, which are not repeated in the manifest."""


class RegistryPushExecutor(tfx_pusher.Executor):
    """Keeps TFX's blessing check and artifact properties; replaces its copy, which is not atomic, by Registry.push."""

    def Do(self, input_dict: dict[str, list], output_dict: dict[str, list], exec_properties: dict[str, Any]) -> None:
        """Pushes `model` if `model_blessing` allows it; records the version, or that nothing was pushed."""
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        if found := check_known(model.uri, model.get_string_custom_property(CONTENT)):
            raise DamagedArtifact(
                f"{model.uri}: {found[0].file} {found[0].detail}; it is not what the Trainer wrote and is not pushed: "
                "run again",
                model.uri,
            )
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
        champion = artifact_utils.get_single_instance(input_dict["champion"])
        verdict = json.loads((Path(evaluation.uri) / "verdict.json").read_text(encoding="utf-8"))
        about = json.loads(exec_properties["about"])
        alias = about.pop("push", "live")
        fingerprints = {
            "data": examples.get_string_custom_property("data_fingerprint"),
            "code": exec_properties["code_fingerprint"],
        }
        data = {
            name: json.loads(examples.get_string_custom_property(name) or "null")
            for name in ("spans", "rows", "unlabelled", "corrections", "type_mismatches")
        }
        # Rows counted by the components that read them take precedence.
        data["rows"] = {**(data["rows"] or {}), **verdict.get("rows", {})}
        folder = Path(self.GetModelPath(input_dict))
        run_id = (self._context.pipeline_run_id if self._context else None) or ""
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        manifest = {
            "created": created,
            "run_id": run_id,
            **{name: value for name, value in about.items() if name not in FOR_THE_CARD},
            "fingerprints": fingerprints,
            "spans": data["spans"],
            "rows": data["rows"],
            "metrics": verdict["metrics"],
            "champion": champion.get_int_custom_property("version") or None,
        }
        registry = Registry(exec_properties["registry"])

        def cards(version: int) -> dict[str, str]:
            pushed_as = PushedVersion(version, created, run_id, f"{registry.where}/{version}")
            tried = _tried(folder)
            return card_files(model_card(about, data, verdict, _errors(input_dict), fingerprints, tried, pushed_as))

        version = registry.push(folder, manifest, cards, alias)
        self._MarkPushed(pushed, pushed_destination=registry.location(version), pushed_version=str(version))


def _tried(model: Path) -> dict[str, Any] | None:
    """The candidates of model selection; None if the trainer does not record them."""
    try:
        return dict(json.loads((model / MEMBERS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _errors(input_dict: dict[str, list]) -> dict[str, Any]:
    """errors.json; empty if there is none."""
    if not input_dict.get("errors"):
        return {}
    found = Path(artifact_utils.get_single_instance(input_dict["errors"]).uri) / "errors.json"
    return dict(json.loads(found.read_text(encoding="utf-8")))


class RegistryPusherSpec(ComponentSpec):
    """Inputs, outputs and parameters of RegistryPusher."""

    PARAMETERS = {
        "registry": ExecutionParameter(type=str),
        "registry_id": ExecutionParameter(type=str),
        "code_fingerprint": ExecutionParameter(type=str),
        "about": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "champion": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "errors": ChannelParameter(type=ErrorReport, optional=True),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class RegistryPusher(base_component.BaseComponent):
    """Pushes a blessed model to the registry.

    Constructor arguments are those of the spec: `registry` is the folder or URL; `registry_id` its identity (a new
    registry is a new destination, so that a cached push is not reused); `about` a JSON object for the manifest, except
    `features`, `evaluation` (section [evaluation] of pipeline.toml) and `stated` (section [model_card]), which are for
    the model card, and `push`, the alias of the pushed version: "live" (default) or "none", see Registry.push. `errors`
    is optional.
    """

    SPEC_CLASS = RegistryPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RegistryPushExecutor)

    def __init__(
        self, *, registry: str, registry_id: str, code_fingerprint: str, about: str, code: str, **channels: Any
    ) -> None:
        spec = RegistryPusherSpec(
            registry=registry,
            registry_id=registry_id,
            code_fingerprint=code_fingerprint,
            about=about,
            code=code,
            pushed_model=as_channel([standard_artifacts.PushedModel()]),
            **channels,
        )
        super().__init__(spec=spec)
