"""The file of gauges, read by prometheus_client's own parser."""

from datetime import datetime, timezone

from prometheus_client.parser import text_string_to_metric_families

from monitor.alarms.alarm_rule import AlarmRule
from monitor.incident import Incident
from monitor.measurement import Measurement
from monitor.sinks.prometheus_file import write_metrics
from monitor.window import Window

START = datetime(2026, 11, 2, tzinfo=timezone.utc)


def test_gauges(tmp_path):
    window = Window(1, START, START.replace(day=3), 500, 480, 20, {3: 500})
    moved = Measurement("skew", "dest", "chebyshev", 0.2, 0.2, 0.1, 0.3, 500)
    inside = Measurement("skew", "dest", "chebyshev", 0.4, 0.4, 0.1, 0.3, 500, slice="name=A. Person")
    _, state = AlarmRule().update(window, [moved, inside], None)
    incident = Incident(1, "open", "severe", "dest", "", "", 1)
    path = tmp_path / "plumbline.prom"
    write_metrics(path, "flights", window, [moved, inside], [incident], state, waiting=2)
    text = path.read_text()
    assert "Person" not in text  # values of the data are never labels
    samples = {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    names = ("chebyshev", "dest", "flights", "skew", "training")
    assert samples[("plumbline_monitor_effect", *names)] == 0.2
    assert samples[("plumbline_monitor_threshold", *names)] == 0.1
    assert samples[("plumbline_monitor_in_alarm", *names)] == 0
    assert samples["plumbline_monitor_open_incidents", "flights", "severe"] == 1
    assert samples["plumbline_monitor_events_waiting", "flights"] == 2
    assert samples["plumbline_monitor_window_end_seconds", "flights"] == window.end.timestamp()
