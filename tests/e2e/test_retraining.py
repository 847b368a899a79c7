"""From logged requests and their labels to a new version, with the commands that a person types."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.settings.config import load_config
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.e2e.project import Project
from tests.serving.request_log.made_up import NOON

pytestmark = pytest.mark.long
SETTINGS = """
[gate.features]
flight = "warn"
tailnum = "warn"
day = "warn"

[registry]
push = "none"

[retraining]
min_rows = 100
holdout = 0.3
"""


def serve(project: Project) -> pd.DataFrame:
    """Logs the rows of the sample's last span as requests; returns their labels."""
    rows = pd.read_csv(project.folder / "spans" / "span-04.csv")
    features = load_config(project.settings).features.names
    columns = {
        name: np.array([None if pd.isna(one) else str(one).encode() for one in rows[name]], object)
        if rows[name].dtype == object
        else rows[name].to_numpy()
        for name in features
    }
    writer = RequestLogWriter(project.home / "requests", LogSettings(synchronous=True))
    ids = [f"request-{number}" for number in range(len(rows))]
    times, zero = np.arange(len(rows)) + NOON, np.zeros(len(rows), np.int32)
    record = Records("flights", 1, "live", ids, times, 0.01, features=columns, row=zero)
    assert writer.append(record).result(60)
    writer.close()
    return pd.DataFrame({"request_id": ids, "row": 0, "late": rows["late"]}).dropna()


def test_labelled_requests_become_a_new_version(project: Project):
    project.settings.write_text(project.settings.read_text() + SETTINGS)
    labels = serve(project)
    labels.astype({"late": int}).to_csv(project.folder / "labels.csv", index=False)
    assert project.plumbline("feedback", "labels.csv", "--dataset", "flights").code == 0
    started = project.plumbline("retrain", "start", "--dataset", "flights", "--json", "--reason", "new month")
    assert started.code == 0, started.err
    one = started.summary["retraining"]
    assert (one["state"], one["version"], one["span"], one["eval_span"]) == ("promoted", 1, 5, 6), one
    assert one["rows"] == len(labels) and Path(project.folder / one["report"]).exists()
    spans = {path.name for path in (project.folder / "spans").iterdir()}
    assert {"span-05.csv", "span-06.csv"} <= spans
    runs = project.plumbline("runs", "--dataset", "flights", "--json").summary["runs"]
    assert [run["run_id"] for run in runs] == [one["run_id"]]
    traced = project.plumbline("retrain", "trace", "--dataset", "flights", "--json", labels["request_id"].iloc[0])
    (row,) = traced.summary["rows"]
    assert (row["run_id"], row["version"], row["retraining"]) == (one["run_id"], 1, 1)
    status = project.plumbline("retrain", "status", "--dataset", "flights")
    assert "retraining 1: promoted" in status.out and "policy is manual" in status.out
    again = project.plumbline("retrain", "start", "--dataset", "flights")
    assert again.code == 2 and "0 new labelled rows are mature, 100 are needed" in again.err
    none = project.plumbline("retrain", "approve", "--dataset", "flights", "1")
    assert none.code == 2 and "retraining 1: is not under way; none is" in none.err
