"""How many bytes a run will write, by what it will find in the cache."""

import logging
from pathlib import Path
from typing import Any

from pipeline.metadata.connection import connect
from pipeline.process.disk import FIXED, bytes_needed, cached_bytes_needed
from pipeline.runners.local.cache_record import load
from pipeline.runners.local.run_plan import LocalPlan

_log = logging.getLogger(__name__)


def is_recorded(plan: LocalPlan) -> bool:
    """Whether an equal run came to its end. Whether its results are still whole is known once they are checked."""
    return bool(load(plan.home, plan.key))


def expected_writes(plan: LocalPlan, connection: Any, *, cached: bool) -> int:
    """About how many bytes a run will write.

    Ingest writes by far the most, so its part is left out where examples of the same data are there. Should it read
    again all the same, because of another version of Plumbline for example, a full disk is told when it is full.

    Args:
      plan: The run.
      connection: ML Metadata's connection config; nothing is made where there is no store yet.
      cached: All its results are in the cache.
    """
    if cached:
        return cached_bytes_needed(plan.home)
    if _is_ingested(plan, connection):
        return FIXED
    return bytes_needed(((file.name, file.bytes) for file in plan.checked.window.files), plan.source.sample)


def _is_ingested(plan: LocalPlan, connection: Any) -> bool:
    try:
        if connection.HasField("sqlite") and not Path(connection.sqlite.filename_uri).is_file():
            return False
        found = connect(connection).get_artifacts_by_type("Examples")
    except Exception:  # what is wrong with the metadata is told when they are used
        _log.exception("the metadata could not be asked for examples")
        return False
    return any(
        artifact.state == artifact.LIVE
        and artifact.custom_properties["data_fingerprint"].string_value == plan.checked.fingerprint
        and Path(artifact.uri).is_dir()
        for artifact in found
        if "data_fingerprint" in artifact.custom_properties
    )
