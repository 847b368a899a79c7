"""The retrainer of a dataset, from the arguments of a command: settings, registry, log, ledger, metadata."""

import argparse
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import PlumblineError
from pipeline.cli.decision_records import decisions_of, record
from pipeline.cli.resources import home_of, registry_of, settings_of

if TYPE_CHECKING:
    from components.registry.registry import Aliases, Registry
    from monitor.retraining.look import Retrainer
    from monitor.retraining.staleness import Saving
    from monitor.retraining.staleness_log import StalenessLog
    from monitor.retraining.steps import DecisionRecorder, Kind
    from monitor.store import MonitorStore
    from monitor.window import Window
    from monitor.windows.window_data import WindowData
    from pipeline.labels.retraining_spans import RetrainingSpans
    from serving.canary.decision import Decision


def retrainer_of(parsed: argparse.Namespace, store: "MonitorStore") -> "Retrainer":
    """Makes the retrainer. `parsed` has `dataset` and `root`, and optionally `registry`."""
    from monitor.retraining.inbox import Inbox
    from monitor.retraining.look import FOLDER, Retrainer
    from monitor.retraining.steps import RetrainingDependencies
    from serving.canary.log_statistics import Task, arms_from_log
    from serving.request_log.reading import RequestLog

    config, home = settings_of(parsed), home_of(parsed)
    settings, registry = config.retraining.settings(), _registry(parsed)
    spans = spans_of(parsed)
    log, staleness = RequestLog(home / "requests"), _staleness(parsed, store)
    positive = "" if config.dataset.positive is None else str(config.dataset.positive)
    task = Task(config.dataset.task, positive)
    parts = RetrainingDependencies(
        store=store,
        settings=settings,
        inbox=Inbox(home / "monitor" / FOLDER),
        registry=registry,
        canary=config.canary.policy(),
        statistics=lambda aliases: arms_from_log(log, aliases, task),
        write_spans=spans,
        command=lambda span: _command(parsed, span, settings.window, settings.run_on),
        record=_recorder(parsed, registry),
        pushed=lambda span, since: _pushed(registry, span, since),
        run_ended=lambda run_id: _run_ended(parsed, run_id),
        compared=staleness.add_evaluation,
        looked=lambda aliases, decision, action: _kept(home, aliases, decision, action),
    )
    return Retrainer(
        parts,
        rows=lambda now: spans.count(now).labelled if (home / "requests").is_dir() else 0,
        trained=lambda: _trained(registry, store),
        saving=lambda now: _saving(registry, staleness, now),
    )


def _staleness(parsed: argparse.Namespace, store: "MonitorStore") -> "StalenessLog":
    from monitor.retraining.staleness_log import StalenessLog
    from monitor.windows.bounds import Bounds
    from monitor.windows.event_log import EventLog
    from pipeline.cli.monitor_parts import baselines_of, monitored_dataset
    from serving.request_log.reading import RequestLog

    config = settings_of(parsed)
    dataset = monitored_dataset(config)

    def read(window: "Window") -> "WindowData":
        log = RequestLog(home_of(parsed) / "requests")
        events = EventLog(log, dataset, config.monitor.windows())
        return events.read(Bounds(window.number, window.start, window.end))

    def threshold(version: int) -> float:
        found = None
        if config.retraining.loss == "error_rate" and config.dataset.task == "binary":
            found = baselines_of(parsed, dataset).of(version).threshold
        return 0.5 if found is None else found

    return StalenessLog(store, config.retraining.settings(), read, threshold)


def _saving(registry: "Registry", staleness: "StalenessLog", now: datetime) -> "tuple[Saving | None, str]":
    aliases = registry.labels()
    if aliases is None or aliases.live is None:
        return None, "no version is live"
    return staleness.saving(now, aliases.live)


def spans_of(parsed: argparse.Namespace) -> "RetrainingSpans":
    """Writer of the spans; with run_on = "kubeflow" they go where the cluster reads them."""
    from pipeline.labels.retraining_spans import RetrainingSpans

    config = settings_of(parsed)
    on_cluster = config.retraining.run_on == "kubeflow" and config.kubeflow.data
    return RetrainingSpans(config, home_of(parsed), config.kubeflow.data if on_cluster else None)


def _registry(parsed: argparse.Namespace) -> "Registry":
    from components.registry.registry import Registry

    config = settings_of(parsed)
    if config.retraining.run_on != "kubeflow" or "://" in config.registry.directory:
        return registry_of(parsed)
    from pipeline.runners.kubeflow.artifact_paths import registry_below

    return Registry(config.kubeflow.registry or registry_below(config.kubeflow.root, config.dataset.name))


def _command(parsed: argparse.Namespace, span: int, window: int, run_on: str) -> list[str]:
    from monitor.retraining.steps import plumbline

    arguments = ["--dataset", parsed.dataset, "--span", str(span), "--json", "--quiet"]
    if window:
        arguments += ["--window", str(window)]
    if run_on == "kubeflow":
        return plumbline("submit", *arguments)
    return plumbline("run", *arguments, "--root", str(parsed.root))


def _recorder(parsed: argparse.Namespace, registry: "Registry") -> "DecisionRecorder":
    from pipeline.metadata.decisions import VersionDecision

    def recorded(kind: "Kind", version: int, aliases: "Aliases", reason: str, analysis: Mapping[str, Any]) -> None:
        share = aliases.share if kind in ("canary", "share") else 0.0
        for one in decisions_of(parsed, aliases.id):
            same = (one.action, one.version) == (kind, version)
            if same and (kind not in ("canary", "share") or abs(one.share - share) < 1e-9):
                return
        found = VersionDecision(kind, version, aliases.live, share, "automatic", reason, aliases.id, analysis=analysis)
        record(parsed, registry, found)

    return recorded


def _run_ended(parsed: argparse.Namespace, run_id: str) -> str:
    from pipeline.runners.kubeflow.submit import run_ended

    return run_ended(settings_of(parsed), run_id)


def _kept(home: Path, aliases: "Aliases", decision: "Decision", action: str) -> None:
    """Keeps the evidence of a look for the dashboard; a root that cannot be written is no reason to fail."""
    from serving.canary.journal import Journal

    with suppress(OSError):
        Journal(home / "canary").add_look(aliases, decision, action)


def _pushed(registry: "Registry", span: int, since: datetime) -> int | None:
    """The newest version of a run on an eval span, pushed after a time; None if there is none."""
    for version in reversed(registry.versions()):
        manifest = registry.manifest(version)
        if datetime.fromisoformat(manifest["created"]) < since:
            return None
        if span in (manifest.get("spans") or {}).get("eval", []):
            return version
    return None


def _trained(registry: "Registry", store: "MonitorStore") -> datetime | None:
    """When the live version began to serve, by the time of the requests, else when it was pushed; None if unknown."""
    from monitor.retraining.staleness_log import served_since

    try:
        aliases = registry.labels()
        if aliases is None or aliases.live is None:
            return None
        if (since := served_since(store.windows(), aliases.live)) is not None:
            return since
        return datetime.fromisoformat(registry.manifest(aliases.live)["created"])
    except (PlumblineError, KeyError, ValueError):
        return None
