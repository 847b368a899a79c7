"""Gauges for Prometheus, in a file of node_exporter's textfile collector.

The monitor is a job that ends, so there is no process to scrape; the textfile collector is made for such jobs. Values
of features are never labels, since they are personal data and have no bound: only streams of all rows are written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from components.shared.files import write_bytes
from monitor.incident import Incident
from monitor.measurement import Measurement
from monitor.window import Window


def write_metrics(
    path: Path,
    dataset: str,
    window: Window,
    measurements: Sequence[Measurement],
    incidents: Sequence[Incident],
    state: Mapping[str, Any],
    waiting: int = 0,
) -> None:
    """Replaces the file atomically.

    Args:
      path: File, named *.prom.
      dataset: Name of the dataset.
      window: Newest window.
      measurements: Its measurements.
      incidents: Incidents that are not closed.
      state: State of the alarm rule, with the thresholds.
      waiting: Number of events that wait in the outbox.
    """
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"plumbline_monitor_{name}", text, ("dataset", *labels), registry=registry)

    gauge("window_end_seconds", "End of the newest window, seconds since 1970.").labels(dataset).set(
        window.end.timestamp()
    )
    rows = gauge("window_rows", "Rows of the newest window, by state of their label.", "label")
    rows.labels(dataset, "known").set(window.labelled)
    rows.labels(dataset, "unknown").set(window.rows - window.labelled)
    open_incidents = gauge("open_incidents", "Incidents that are not closed.", "level")
    for level in ("negligible", "moderate", "severe"):
        open_incidents.labels(dataset, level).set(sum(one.level == level for one in incidents))
    gauge("events_waiting", "Events that wait for a sink.").labels(dataset).set(waiting)
    value = gauge("value", "Measured value.", "kind", "subject", "measure", "reference")
    effect = gauge("effect", "Distance from the reference towards harm.", "kind", "subject", "measure", "reference")
    threshold = gauge("threshold", "Effect that opens an alarm.", "kind", "subject", "measure", "reference")
    alarmed = gauge("in_alarm", "1 if in alarm, else 0.", "kind", "subject", "measure", "reference")
    streams = state.get("streams", {})
    for one in measurements:
        if one.slice or one.value is None:
            continue
        names = (dataset, one.kind, one.subject, one.measure, one.reference)
        value.labels(*names).set(one.value)
        effect.labels(*names).set(one.effect)
        stream = streams.get(one.stream)
        if stream:
            threshold.labels(*names).set(stream["threshold"])
            alarmed.labels(*names).set(stream["alarmed"])
    write_bytes(path, generate_latest(registry))
