"""Estimates how many bytes a run will write, depending on the cache."""

import logging
from pathlib import Path
from typing import Any

from components.shared.failure_log import log_failure
from pipeline.metadata.connection import connect
from pipeline.process.disk import FIXED, bytes_needed, cached_bytes_needed
from pipeline.runners.local.cache_record import load
from pipeline.runners.local.run_plan import LocalPlan

_log = logging.getLogger(__name__)


def is_recorded(plan: LocalPlan) -> bool:
    """Returns whether a run with the same key completed. Its artifacts are not verified here."""
    return bool(load(plan.home, plan.key))


def expected_writes(plan: LocalPlan, connection: Any, *, cached: bool) -> int:
    """Estimates how many bytes a run will write.

    Ingest writes most of them, so its share is left out if examples of the same data exist. If ingest has to run
    nevertheless (after an upgrade of Plumbline), a full disk is reported when it occurs.

    Args:
      plan: The run.
      connection: ML Metadata's connection config; a missing store is not created.
      cached: All executions are in the cache.
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
    except Exception:  # errors of the metadata are reported when the run uses it
        log_failure(_log, "the metadata could not be searched for examples")
        return False
    return any(
        artifact.state == artifact.LIVE
        and artifact.custom_properties["data_fingerprint"].string_value == plan.checked.fingerprint
        and Path(artifact.uri).is_dir()
        for artifact in found
        if "data_fingerprint" in artifact.custom_properties
    )
