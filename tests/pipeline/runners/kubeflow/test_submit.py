"""Submitting through kfp's own client to a server on loopback."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.runners.kubeflow.submit import PATIENCE
from tests.pipeline.runners.kubeflow.kfp_server import KfpServer, serving

pytestmark = pytest.mark.slow

PLACES = ["--data", "s3://bucket/spans", "--root", "minio://mlpipeline/runs", "--image", "plumbline@sha256:00"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KfpServer]:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving() as running:
        yield running


def submit(*arguments: str) -> int:
    return main(["submit", "--dataset", "flights", *arguments])


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("plumbline: ")]
    assert len(lines) == 1
    return lines[0]


def test_a_run(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--span", "4", "--window", "2", "--service-account", "plumbline-runner", "--json"]
    assert submit("--host", server.url, *PLACES, *arguments) == 0
    assert json.loads(capsys.readouterr().out) == {
        "run_id": "run_id-1",
        "url": f"{server.url}/#/runs/details/run_id-1",
        "experiment": "flights",
    }
    (run,) = server.runs
    assert run["experiment_id"] == server.experiments[0]["experiment_id"]
    assert run["runtime_config"]["parameters"] == {"span": 4, "window": 2}
    assert run["runtime_config"]["pipeline_root"] == "minio://mlpipeline/runs/flights/artifacts"
    assert run["service_account"] == "plumbline-runner"
    executors = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["Trainer_executor"]["secretAsEnv"][0]["secretName"] == "plumbline-storage"
    sent = json.dumps(run)
    assert '"s3://mlpipeline/runs/flights/registry"' in sent  # the registry is no launcher's business


def test_a_schedule_is_made_once(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit("--host", server.url, *PLACES, "--every", "30 5 * * *", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["recurring_run_id"] == "recurring_run_id-1"
    (schedule,) = server.recurring
    assert schedule["trigger"]["cron_schedule"]["cron"] == "0 30 5 * * *"
    assert schedule["no_catchup"] is True
    assert schedule["max_concurrency"] == 1
    assert schedule["mode"] == "ENABLE"
    assert submit("--host", server.url, *PLACES, "--every", "daily") == 2
    assert "plumbline-flights: is scheduled already (recurring_run_id-1); --replace" in failure(capsys)
    assert submit("--host", server.url, *PLACES, "--every", "daily", "--replace") == 0
    assert [one["trigger"]["cron_schedule"]["cron"] for one in server.recurring] == ["0 0 6 * * *"]


def test_waits_for_the_end(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit("--host", server.url, *PLACES, "--wait", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "SUCCEEDED"


def test_waits_for_a_server_that_is_away(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.away = PATIENCE
    assert submit("--host", server.url, *PLACES, "--wait", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "SUCCEEDED"
    server.away = PATIENCE + 1
    assert submit("--host", server.url, *PLACES, "--wait") == 1
    assert "failed (503): Failed: no healthy upstream" in (said := failure(capsys))
    assert f"; run run_id-2 continues, see {server.url}/#/runs/details/run_id-2" in said


@pytest.mark.parametrize(
    ("step", "said", "code"),
    [
        ("Trainer", "out of memory", 1),
        ("DataGate", "the data gate stopped the run", 3),
        ("Transform", 'values are lost between the data and the model; or set [gate] values = "warn"', 3),
        ("Transform", "out of memory", 1),
    ],
)
def test_a_failed_run_names_its_step(
    project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str], step: str, said: str, code: int
) -> None:
    server.states, server.failed_step = ["RUNNING", "FAILED"], (step, said)
    assert submit("--host", server.url, *PLACES, "--wait") == code
    assert f"run run_id-1 failed ({step}: {said}); see {server.url}/#/runs/details/run_id-1" in failure(capsys)


def test_refusals_are_one_line(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.refuse = "workflow spec is too large"
    assert submit("--host", server.url, *PLACES) == 2
    assert "refuses the pipeline: Failed: workflow spec is too large" in failure(capsys)


def test_credentials(
    project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "secret"
    assert submit("--host", server.url, *PLACES) == 2
    assert "refuses these credentials (401: Failed: Request not authenticated)" in failure(capsys)
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "secret")
    assert submit("--host", server.url, *PLACES) == 0


def test_a_login_page_is_no_api(project: Path, server: KfpServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.login_page = True
    assert submit("--host", server.url, *PLACES) == 2
    assert "if it is a login page" in failure(capsys)


def test_no_server(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert submit(*PLACES) == 2
    assert "no server; set --host" in failure(capsys)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert submit("--host", f"127.0.0.1:{port}", *PLACES) == 2
    assert f"http://127.0.0.1:{port}: the Kubeflow Pipelines API cannot be reached" in failure(capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (PLACES[:4], "no image with Plumbline"),
        ([*PLACES[:2], *PLACES[4:]], "no root for artifacts"),
        ([*PLACES[:2], "--root", "runs", *PLACES[4:]], "the cluster cannot reach this folder"),
        ([*PLACES, "--every", "now and then"], "legal: hourly"),
        ([*PLACES, "--every", "99 99 * * *"], "minute '99' is not within 0 to 59; legal: hourly"),
        ([*PLACES, "--every", "daily", "--span", "4"], "remove --span"),
        ([*PLACES, "--every", "daily", "--wait"], "a recurring run does not end"),
    ],
)
def test_bad_usage(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert submit("--host", "http://127.0.0.1:9", *arguments) == 2
    assert said in failure(capsys)
