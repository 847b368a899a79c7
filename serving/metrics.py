"""Metrics for Prometheus, summed over the worker processes.

prometheus_client keeps each process's values in files of $PROMETHEUS_MULTIPROC_DIR, which must be set before this
module is imported; a scrape of any worker reads them all. Ours are in seconds, and have the version and the label
(live, canary, shadow, direct) as labels. TensorFlow Serving's names stand beside them, so that its dashboards keep
working: `:tensorflow:serving:request_count` and `:tensorflow:serving:request_latency` (microseconds, successes only),
with the version as an additional label. Values of features are never labels: they are personal data, and the number of
time series would have no bound.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram."""
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 10_000)
_VERSION = ("model", "version", "label")
_STATUS = {200: "OK", 400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
_STATUS |= {500: "INTERNAL", 501: "UNIMPLEMENTED", 504: "DEADLINE_EXCEEDED"}

_REQUESTS = Counter("plumbline_requests", "Predictions by HTTP status.", (*_VERSION, "status"))
_LATENCY = Histogram(
    "plumbline_request_duration_seconds", "Time from a complete request to its answer.", _VERSION, buckets=SECONDS
)
_BATCH = Histogram("plumbline_batch_rows", "Rows of a call of the model.", ("model",), buckets=_ROWS)
_REFUSED = Counter("plumbline_refused_requests", "Requests that no model was asked for, by HTTP status.", ("status",))
_SHADOWS = Counter("plumbline_shadow_dropped", "Shadow predictions left out under load.", ("model",))
_LOADS = Counter("plumbline_model_events", "Versions loaded, refused, unloaded.", ("model", "kind"))
_LOGGED = Gauge(
    "plumbline_request_log_rows",
    "Rows of the request log since the start, by state.",
    ("model", "state"),
    multiprocess_mode="livesum",
)
_OPEN = Gauge("plumbline_open_connections", "Open connections.", multiprocess_mode="livesum")
_IN_FLIGHT = Gauge("plumbline_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
_ROLE = Gauge(
    "plumbline_model_version",
    "Version that is served in a role; 0 for none.",
    ("model", "role"),
    multiprocess_mode="livemin",
)
_SHARE = Gauge(
    "plumbline_canary_share", "Share of the traffic for the canary.", ("model",), multiprocess_mode="livemax"
)
_READABLE = Gauge(
    "plumbline_registry_readable",
    "1 if the registry could be read at the last poll, else 0.",
    ("model",),
    multiprocess_mode="livemin",
)
_UNSERVED = Gauge(
    "plumbline_refused_versions",
    "Versions that the registry asks for and that could not be loaded.",
    ("model",),
    multiprocess_mode="livemax",
)


@dataclass
class _Answers:
    """Answers that are not in the shared files yet: their number, total latency, and number by latency bucket."""

    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))


class Metrics:
    """The counters of one worker."""

    def __init__(self) -> None:
        self._answered: dict[tuple[str, int, str, int], _Answers] = {}
        self._batches: dict[str, Any] = {}

    def answered(self, model: str, version: int, label: str, status: int, latency: float) -> None:
        """Counts a prediction and its latency in seconds."""
        key = (model, version, label, status)
        found = self._answered.get(key)
        if found is None:
            found = self._answered[key] = _Answers()
        found.count += 1
        found.seconds += latency
        found.buckets[bisect_left(SECONDS, latency)] += 1

    def flush(self) -> None:
        """Adds what was counted since the last call to the shared files; called every second and before a scrape.

        The files' counters take a tenth of the time of a request if each request writes them.
        """
        for (model, version, label, status), found in self._answered.items():
            if not found.count:
                continue
            names = (model, str(version), label)
            _REQUESTS.labels(*names, str(status)).inc(found.count)
            if status == 200:
                latency = _LATENCY.labels(*names)
                for bucket, count in zip(latency._buckets, found.buckets, strict=True):
                    bucket.inc(count)
                latency._sum.inc(found.seconds)
            self._answered[model, version, label, status] = _Answers()

    def batch(self, model: str, rows: int) -> None:
        """Counts a call of the model."""
        if model not in self._batches:
            self._batches[model] = _BATCH.labels(model)
        self._batches[model].observe(rows)

    def refused(self, status: int) -> None:
        """Counts a request that no model was asked for."""
        _REFUSED.labels(str(status)).inc()

    def shadow_dropped(self, model: str) -> None:
        """Counts a shadow prediction that was left out."""
        _SHADOWS.labels(model).inc()

    def event(self, model: str, kind: str) -> None:
        """Counts an event of a model: loaded, refused, unloaded, switched."""
        _LOADS.labels(model, kind).inc()

    def load(self, connections: int, in_flight: int) -> None:
        """Records what the worker is doing."""
        _OPEN.set(connections)
        _IN_FLIGHT.set(in_flight)

    def aliases(self, model: str, versions: Mapping[str, int | None], share: float) -> None:
        """Records which versions are served in which role."""
        for role, version in versions.items():
            _ROLE.labels(model, role).set(version or 0)
        _SHARE.labels(model).set(share)

    def registry(self, model: str, readable: bool, refused: int) -> None:
        """Records whether the registry could be read, and how many of the versions it asks for cannot be loaded."""
        _READABLE.labels(model).set(int(readable))
        _UNSERVED.labels(model).set(refused)

    def log(self, model: str, rows: Mapping[str, int]) -> None:
        """Records the state of the request log: state -> rows."""
        for state, count in rows.items():
            _LOGGED.labels(model, state).set(count)


def exposition() -> bytes:
    """Returns all metrics in Prometheus' text format, summed over the workers."""
    registry = CollectorRegistry()
    collector = MultiProcessCollector(registry)
    registry.unregister(collector)
    metrics = list(collector.collect())
    return generate_latest(_Collected([*metrics, *_tensorflow(metrics)]))


class _Collected(CollectorRegistry):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def _tensorflow(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """TensorFlow Serving's metrics (util/prometheus_exporter.cc; servables/tensorflow/util.cc) from ours."""
    for metric in metrics:
        if metric.name == "plumbline_requests":
            count = Metric(":tensorflow:serving:request_count", "The total number of requests.", "untyped")
            for sample in metric.samples:
                if sample.name.endswith("_total") and sample.labels["label"] != "shadow":
                    status = _STATUS.get(int(sample.labels["status"]), "UNKNOWN")
                    count.add_sample(count.name, _of_model(sample.labels) | {"status": status}, sample.value)
            yield count
        elif metric.name == "plumbline_request_duration_seconds":
            latency = Metric(":tensorflow:serving:request_latency", "Distribution of request latency.", "histogram")
            for sample in metric.samples:
                if sample.labels["label"] == "shadow" or sample.name.endswith("_created"):
                    continue
                labels = _of_model(sample.labels) | {"API": "Predict", "entrypoint": "REST"}
                value = sample.value * (1e6 if sample.name.endswith("_sum") else 1)
                if "le" in sample.labels:
                    bound = sample.labels["le"]
                    labels["le"] = bound if bound == "+Inf" else str(float(bound) * 1e6)
                latency.add_sample(latency.name + sample.name.removeprefix(metric.name), labels, value)
            yield latency


def _of_model(labels: Mapping[str, str]) -> dict[str, str]:
    return {"model_name": labels["model"], "version": labels["version"], "label": labels["label"]}
