"""deploy/monitoring: promtool accepts the rules; rules and dashboard use metrics of the server and the monitor."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.checks.links import anchors

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "deploy" / "monitoring"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
OF_PROMETHEUS = {"up"}
SCRAPE_LABELS = {"job", "instance"}

METRICS = """
import sys
from datetime import datetime, timezone
from pathlib import Path

from monitor.measurement import Measurement
from monitor.sinks.prometheus_file import write_metrics
from monitor.window import Window
from serving import metrics

counters = metrics.Metrics()
for version, label in ((3, "live"), (4, "canary"), (5, "shadow")):
    for status in (200, 400, 500):
        counters.answered("flights", version, label, status, 0.004)
counters.batch("flights", 12)
counters.refused(429)
counters.shadow_dropped("flights")
counters.event("flights", "refused")
counters.load(7, 2)
counters.registry("flights", True, 1)
counters.aliases("flights", {"live": 3, "canary": 4, "shadow": 5, "previous": None}, 0.05)
counters.log("flights", {"written": 9, "queued": 0, "sampled_out": 0, "dropped_disk": 2, "dropped_queue_full": 0})
counters.flush()
print(metrics.exposition().decode(), end="")
day = datetime(2026, 11, 2, tzinfo=timezone.utc)
skew = Measurement("skew", "dest", "chebyshev", 0.2, 0.2, 0.1, 0.3, 500)
state = {"streams": {skew.stream: {"threshold": 0.1, "alarmed": True}}}
path = Path(sys.argv[1])
write_metrics(path, "flights", Window(1, day, day.replace(day=3), 500, 480, 20, {3: 500}), [skew], [], state)
print(path.read_text())
"""


@pytest.fixture(scope="session")
def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        why = "no promtool here; deploy/test_packages.sh installs it (Debian's package prometheus)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return path


@pytest.fixture(scope="session")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns a scrape of /metrics by a separate process, because prometheus_client reads the folder on import."""
    folder = tmp_path_factory.mktemp("metrics")
    ran = subprocess.run(
        [sys.executable, "-c", METRICS, str(folder / "monitor.prom")],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def labels_of(exposition: str) -> dict[str, set[str]]:
    """Returns metric -> names of its labels."""
    found: dict[str, set[str]] = {}
    for line in exposition.splitlines():
        sample = re.match(r"([\w:]+)(?:\{(.*)\})? ", line)
        if sample and not line.startswith("#"):
            found.setdefault(sample[1], set()).update(re.findall(r'(\w+)="', sample[2] or ""))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Returns (location, PromQL) of all alerts and panels."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$model", "flights")


EXPRESSIONS = list(expressions())
each = pytest.mark.parametrize(
    ("where", "expression"), [pytest.param(*pair, id=f"{n} {pair[0]}") for n, pair in enumerate(EXPRESSIONS)]
)


# -- Prometheus' own tool ---------------------------------------------------------------------------------------------


def test_rules_are_valid(promtool: str) -> None:
    ran = subprocess.run([promtool, "check", "rules", FOLDER / "rules.yml"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(ALERTS)} rules found" in ran.stdout


def test_command_of_the_page_makes_a_prometheus_rule_of_them() -> None:
    page = (PROJECT / "docs" / "deploy-serving.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    (\{ printf .*\}) \| kubectl", page, re.MULTILINE)
    ran = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True)
    made = yaml.safe_load(ran.stdout)
    assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert made["spec"] == RULES


def test_unit_tests_of_the_rules_pass(promtool: str) -> None:
    ran = subprocess.run([promtool, "test", "rules", FOLDER / "rules_test.yml"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_unit_tests_find_a_wrong_threshold(promtool: str, tmp_path: Path) -> None:
    text = (FOLDER / "rules.yml").read_text(encoding="utf-8")
    (tmp_path / "rules.yml").write_text(text.replace("> 0.01", "> 0.2"))
    shutil.copy(FOLDER / "rules_test.yml", tmp_path)
    ran = subprocess.run([promtool, "test", "rules", tmp_path / "rules_test.yml"], capture_output=True, text=True)
    assert ran.returncode != 0
    assert "PlumblineErrorRatioHigh" in ran.stdout + ran.stderr


def test_expressions_of_the_dashboard_are_valid(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": one} for number, (_, one) in enumerate(EXPRESSIONS)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    ran = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_metrics_follow_prometheus_conventions(promtool: str, exposition: str) -> None:
    ran = subprocess.run([promtool, "check", "metrics"], input=exposition, capture_output=True, text=True)
    complaints = (ran.stdout + ran.stderr).splitlines()
    # TensorFlow Serving's own names begin with a colon.
    assert [line for line in complaints if not line.startswith(":tensorflow:serving:")] == []
    assert {line.split()[0] for line in complaints} == {
        ":tensorflow:serving:request_count",
        ":tensorflow:serving:request_latency",
    }


# -- names ------------------------------------------------------------------------------------------------------------


def metrics_of(expression: str) -> set[str]:
    """Returns the metric names in PromQL: identifiers, alone or before a selector or range, that are not functions."""
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    without_labels = re.sub(r"\{[^}]*\}|\b(?:by|without)\s*\([^)]*\)", " ", without_texts)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", without_labels)
    return {word for word in words if word in OF_PROMETHEUS or word.startswith(("plumbline_", ":"))}


def labels_in(expression: str) -> set[str]:
    """Returns the label names in selectors and groupings."""
    found = set(re.findall(r'(\w+)\s*(?:=~|!=|!~|=)\s*"', expression))
    for group in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression):
        found |= {name.strip() for name in group.split(",")}
    return found


@each
def test_metrics_and_labels_are_the_servers(where: str, expression: str, labels_of: dict[str, set[str]]) -> None:
    named = metrics_of(expression)
    assert named, expression
    assert named - OF_PROMETHEUS <= labels_of.keys()
    known = set().union(*(labels_of.get(name, set()) for name in named))
    assert labels_in(expression) <= known | SCRAPE_LABELS


def test_metrics_of_an_expression_are_found() -> None:
    text = 'sum by (le) (rate(plumbline_a_bucket{x="plumbline_no"}[5m])) / plumbline_b > 0 and absent(up{job="a"})'
    assert metrics_of(text) == {"plumbline_a_bucket", "plumbline_b", "up"}
    assert labels_in(text) == {"le", "x", "job"}


def test_every_metric_of_ours_is_shown_or_alerted_on(labels_of: dict[str, set[str]]) -> None:
    used = set().union(*(metrics_of(expression) for _, expression in EXPRESSIONS))
    used |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in labels_of if name.startswith("plumbline_")}
    assert ours <= used


# -- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alerts_say_how_urgent_they_are_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(PROJECT / page)


def test_every_alert_has_a_test_that_fires_it() -> None:
    tests = yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    quiet = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one["exp_alerts"]}
    assert fired == {rule["alert"] for rule in ALERTS}
    assert quiet


# -- dashboard --------------------------------------------------------------------------------------------------------


def test_panels_say_what_they_show() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles) and all(titles)
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24  # columns of Grafana's grid


def test_variables_of_the_dashboard_are_defined() -> None:
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(DASHBOARD["panels"]))) - {"__rate_interval"}
    assert used == {variable["name"] for variable in DASHBOARD["templating"]["list"]}
