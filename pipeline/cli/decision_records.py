"""Records what a command did to the registry's aliases in ML Metadata, and reads such records."""

import argparse
import time
from typing import TYPE_CHECKING

from components.shared.errors import PlumblineError
from components.shared.texts.escaping import on_one_line
from pipeline.cli.resources import home_of, settings_of
from pipeline.process.standard_streams import say

if TYPE_CHECKING:
    from components.registry.registry import Registry
    from pipeline.metadata.decisions import VersionDecision

ATTEMPTS = 5
"""A SQLite store has one writer: a run that writes at this moment is waited for."""


def record(parsed: argparse.Namespace, registry: "Registry", decision: "VersionDecision") -> None:
    """Adds a decision to the metadata store and to the journal that the dashboard shows.

    A failure is a warning, since the decision is in effect already.
    """
    from serving.canary.journal import Journal

    try:
        Journal(home_of(parsed) / "canary").add_decision(decision.to_json())
    except OSError as exc:
        say(f"plumbline: warning: the dashboard will not show the decision ({exc})")
    record_in_metadata(parsed, registry, decision)


def record_in_metadata(parsed: argparse.Namespace, registry: "Registry", decision: "VersionDecision") -> bool:
    """Adds a decision to the metadata store; a failure is a warning. Returns whether it was added."""
    from pipeline.metadata.connection import connect, connection_of
    from pipeline.metadata.decisions import record_decision

    error: Exception
    for attempt in range(ATTEMPTS):
        try:
            store = connect(connection_of(settings_of(parsed).metadata, home_of(parsed)), read_only=False)
            record_decision(store, decision, [registry.location(decision.version)])
            return True
        except PlumblineError as exc:  # no store, or no access to it: waiting does not help
            error = exc
            break
        except Exception as exc:  # one of ML Metadata's errors.StatusError
            error = exc
            time.sleep(0.2 * 2**attempt)
    why = on_one_line(str(error))
    say(f"plumbline: warning: the decision is in effect, but ML Metadata has no record of it ({why})")
    return False


def decisions_of(parsed: argparse.Namespace, registry: str = "") -> "list[VersionDecision]":
    """Returns the recorded decisions of a dataset, newest first; none if there is no metadata store."""
    from pipeline.metadata.connection import known_store
    from pipeline.metadata.decisions import read_decisions

    try:
        settings = settings_of(parsed).metadata
    except PlumblineError:
        settings = None  # runs whose settings were removed or are being edited
    try:
        store = known_store(settings, home_of(parsed))
    except PlumblineError as exc:
        say(f"plumbline: warning: decisions about versions are not shown: {on_one_line(str(exc))}")
        return []
    return [] if store is None else read_decisions(store, registry)
