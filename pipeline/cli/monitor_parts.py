"""Composes the monitor of a dataset from its settings: the dataset's description, baselines, checks, sinks."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from pipeline.cli.resources import home_of, registry_of, settings_of, store_of

if TYPE_CHECKING:
    from monitor.store import MonitorStore
    from monitor.watch import WatchDependencies
    from monitor.windows.baseline_reading import Baselines, RunArtifacts
    from monitor.windows.dataset import MonitoredDataset
    from pipeline.settings.config import Config

FOLDER = "monitor"
"""Folder of the monitor below <root>/<dataset>."""


def monitored_dataset(config: "Config") -> "MonitoredDataset":
    """What the monitor knows about a dataset. Features that the log does not hold as they are, are left out."""
    from components.shared.features.derived_features import sent
    from components.table_reading.column_types import column_types, parse_schema
    from monitor.windows.dataset import MonitoredDataset
    from pipeline.settings.drift_plan import plan_of
    from pipeline.settings.feature_types import feature_kinds

    schema = parse_schema(config.schema_path.read_text(encoding="utf-8-sig"), str(config.schema_path))
    types = column_types(schema)
    kinds = feature_kinds(config, types)
    hidden = {*config.request_log.excluded, *config.request_log.hashed}
    plan = plan_of(config, types)
    positive = config.dataset.positive
    return MonitoredDataset(
        name=config.dataset.name,
        task=config.dataset.task,
        label=config.dataset.label,
        features={name: types[name] for name in sent(kinds) if name not in hidden},
        positive="" if positive is None else str(positive),
        drift=plan.with_schema(schema, "drift"),
        skew=plan.with_schema(schema, "skew"),
        domains=_domains(schema),
        separators=dict(kinds.get("separators", {})),
    )


def monitor_parts(parsed: argparse.Namespace, store: "MonitorStore") -> "WatchDependencies":
    """What a look of the monitor works with; the caller closes `outbox`."""
    from monitor.inputs.replay import Replayer
    from monitor.sinks.all_sinks import make_sinks, retry_policy
    from monitor.sinks.outbox import Outbox
    from monitor.watch import MonitorSettings, WatchDependencies
    from serving.request_log.reading import RequestLog

    config, home = settings_of(parsed), home_of(parsed)
    section, registry = config.monitor, registry_of(parsed)
    dataset = monitored_dataset(config)
    sinks = config.sinks.settings()
    is_hidden = bool(config.request_log.excluded or config.request_log.hashed)
    return WatchDependencies(
        dataset=dataset,
        settings=MonitorSettings(section.windows(), section.inputs(), config.alarms.settings()),
        log=RequestLog(home / "requests"),
        baselines=baselines_of(parsed, dataset),
        store=store,
        replayer=None if is_hidden else Replayer(registry, config.dataset.name),
        label_checks=label_checks(config),
        sinks=make_sinks(sinks),
        outbox=Outbox(home / FOLDER),
        retry=retry_policy(sinks),
        prometheus=sinks.prometheus,
    )


def baselines_of(parsed: argparse.Namespace, dataset: "MonitoredDataset") -> "Baselines":
    """The baselines of the versions of a dataset."""
    from monitor.windows.baseline_reading import Baselines

    home, section = home_of(parsed), settings_of(parsed).monitor
    return Baselines(
        registry_of(parsed),
        home / FOLDER / "baselines",
        dataset,
        lambda run_id: run_artifacts(parsed, home, run_id),
        section.sample_rows,
        section.seed,
    )


def label_checks(config: "Config") -> dict[str, Callable[..., Any]]:
    """The checks that use labels, by the name of their state in the store."""
    from monitor.changes.diagnosis import ChangeSettings
    from monitor.label_checks import changes_check, performance_check
    from monitor.performance.settings import PerformanceSettings

    found: dict[str, Callable[..., Any]] = {}
    if config.monitor.performance:
        found["performance"] = performance_check(PerformanceSettings(metrics=config.monitor.metrics))
    if config.monitor.changes:
        found["changes"] = changes_check(ChangeSettings())
    return found


def run_artifacts(parsed: argparse.Namespace, home: Path, run_id: str) -> "RunArtifacts":
    """Folders of the artifacts of a run, from ML Metadata; UsageError if the run is unknown."""
    from monitor.windows.baseline_reading import RunArtifacts
    from pipeline.metadata.summary_files import FILE
    from pipeline.report.store import read_record

    if not (home / "reports" / run_id / FILE).is_file():
        raise UsageError(f"run {run_id}: has no summary in {home / 'reports'}")
    from components.shared.files import read_json

    outputs = read_record(read_json(home / "reports" / run_id / FILE), store_of(parsed)).outputs
    return RunArtifacts(
        outputs.get("ArrowExampleGen.examples"),
        outputs.get("Predictor.predictions"),
        outputs.get("ErrorAnalysis.errors"),
    )


def _domains(schema: Any) -> dict[str, dict[str, object]]:
    shared = {domain.name: list(domain.value) for domain in schema.string_domain}
    found: dict[str, dict[str, object]] = {}
    for feature in schema.feature:
        kind = feature.WhichOneof("domain_info")
        if kind in ("int_domain", "float_domain"):
            bounds = getattr(feature, kind)
            ends = {end: float(getattr(bounds, end)) for end in ("min", "max") if bounds.HasField(end)}
            found |= {feature.name: ends} if ends and not getattr(bounds, "is_categorical", False) else {}
        elif kind == "string_domain":
            found[feature.name] = {"values": list(feature.string_domain.value)}
        elif kind == "domain" and feature.domain in shared:
            found[feature.name] = {"values": shared[feature.domain]}
    return found
