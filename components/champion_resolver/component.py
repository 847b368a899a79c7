"""The TFX component ChampionResolver, a thin shell around components.registry.champion."""

import shutil
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.registry.champion import champion_for
from components.registry.registry import Registry


@component
def ChampionResolver(
    candidate: InputArtifact[Model],
    examples: InputArtifact[Examples],
    champion: OutputArtifact[Model],
    registry: Parameter[str],
    code_fingerprint: Parameter[str],
    version: Parameter[int] = -1,
):
    """Copies the champion to where Evaluator reads it.

    The model is copied and not referred to, so that it remains available when versions are deleted. The checksums of
    the version are verified; a mismatch is an error.

    Args:
      candidate: The new model; used in place of the champion if there is none.
      examples: The examples it was trained on, which carry the data fingerprint.
      champion: Receives `Format-Serving/` and the custom properties `version` (0 = no champion) and `registry`.
      registry: Folder or URL of the registry.
      code_fingerprint: Fingerprint of this run's code and settings.
      version: The champion's version if the runner has resolved it (it is then part of the cache key), else -1.
    """
    versions = Registry(registry)
    if version == -1:
        fingerprints = {
            "data": examples.get_string_custom_property("data_fingerprint"),
            "code": code_fingerprint,
        }
        version = champion_for(versions, fingerprints) or 0
    target = Path(path_utils.serving_model_path(champion.uri))
    if version == 0:
        shutil.copytree(path_utils.serving_model_path(candidate.uri), target, dirs_exist_ok=True)
    else:
        versions.fetch(version, target)
    champion.set_int_custom_property("version", version)
    champion.set_string_custom_property("registry", registry)
