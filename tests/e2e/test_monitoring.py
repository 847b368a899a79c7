"""A model of the pipeline is served, its requests and labels are logged, and the monitor finds planted drift."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from tests.e2e.project import Project
from tests.serving.http import running

START = datetime(2026, 11, 2, tzinfo=timezone.utc)
QUIET, SHIFTED, ROWS, BATCH = 20, 3, 300, 50
SETTINGS = """
[serving]
time_header = "X-Event-Time"

[monitor]
joint_rows = 0
replay_rows = 50
"""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def found(project: Project) -> dict[str, Any]:
    """What the monitor says after twenty days without drift, and after three days with it."""
    trained = project.run("--span", "3")
    assert trained.code == 0, trained.err
    project.settings.write_text(project.settings.read_text() + SETTINGS)
    return observe(project.folder)


def observe(folder: Path) -> dict[str, Any]:
    """Serves the model of a project, sends it traffic, imports the labels, and looks twice."""
    rows = pa.concat_tables([pacsv.read_csv(folder / "spans" / f"span-0{number}.csv") for number in (1, 2, 3)])
    rng = np.random.default_rng(2)
    server = running.start(folder)
    try:
        labels = [one for day in range(QUIET) for one in send(server, rows, day, rng, shifted=False)]
        import_labels(folder, labels)
        quiet = look(folder)
        for day in range(QUIET, QUIET + SHIFTED):
            send(server, rows, day, rng, shifted=True)
        send(server, rows, QUIET + SHIFTED, rng, shifted=True)  # moves the event clock
        return {"quiet": quiet, "shifted": look(folder)}
    finally:
        running.stop([server])


def send(server: running.Server, rows: pa.Table, day: int, rng: np.random.Generator, shifted: bool) -> list[Any]:
    """Sends the requests of a day; returns request id, row, label and label time of each row."""
    drawn = rows.take(pa.array(rng.integers(0, len(rows), ROWS))).to_pylist()
    labels = []
    for first in range(0, ROWS, BATCH):
        part = drawn[first : first + BATCH]
        name, at = f"day-{day}-{first}", START + timedelta(days=day, minutes=first)
        instances = [
            {key: value for key, value in row.items() if key in inputs(server) and value is not None} for row in part
        ]
        for one in instances if shifted else ():
            one["sched_dep"] = 1200  # the upstream job sends the same departure for all flights
        headers = {"X-Request-Id": name, "X-Event-Time": at.isoformat()}
        answer = server.ask("POST", "/v1/models/flights:predict", {"instances": instances}, headers)
        assert answer.status == 200, answer.body
        known = (at + timedelta(hours=6)).isoformat()
        labels += [(name, number, row["late"], known) for number, row in enumerate(part)]
    return labels


def inputs(server: running.Server) -> set[str]:
    """Names of the model's inputs."""
    if not hasattr(server, "names"):
        found = server.ask("GET", "/v1/models/flights/metadata").json()
        signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
        server.names = set(signature["inputs"])  # type: ignore[attr-defined]
    return server.names  # type: ignore[attr-defined,no-any-return]


def import_labels(folder: Path, labels: list[Any]) -> None:
    names = ("request_id", "row", "late", "label_time")
    table = pa.table({name: [one[at] for one in labels] for at, name in enumerate(names)})
    pacsv.write_csv(table.filter(table["late"].is_valid()), folder / "labels.csv")
    assert command(folder, "feedback", "labels.csv").returncode == 0


def look(folder: Path) -> dict[str, Any]:
    done = command(folder, "monitor", "--once", "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments, "--dataset", "flights"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(running.CHECKOUT)])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_days_without_drift_raise_no_incident_and_have_every_kind_of_measurement(found: dict[str, Any]):
    quiet = found["quiet"]
    assert [one["number"] for one in quiet["windows"]][: QUIET - 1] == list(range(1, QUIET))
    assert all(one["rows"] == ROWS for one in quiet["windows"])
    assert quiet["incidents"] == []
    kinds = {one["kind"] for one in (*quiet["drift"], *quiet["performance"])}
    assert kinds >= {
        "skew",
        "drift",
        "prediction_drift",
        "transform_skew",
        "missing",
        "traffic",
        "latency",
        "performance",
    }
    assert {one["value"] for one in quiet["drift"] if one["kind"] == "transform_skew"} == {0.0}


def test_a_column_that_stands_still_is_an_incident_that_names_it(found: dict[str, Any]):
    shifted = found["shifted"]
    assert [one["number"] for one in shifted["windows"] if one["new"]] == [QUIET, QUIET + 1, QUIET + 2, QUIET + 3]
    (incident,) = shifted["incidents"]
    assert "sched_dep" in {cause["subject"] for cause in incident["causes"]}
    assert incident["first_window"] > QUIET
