"""Exporting to a real MLflow server, which the test starts: SQLite behind it, on a loopback port."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import PlumblineError, UsageError
from components.shared.files import write_json
from pipeline.export.mlflow import export, without_password
from pipeline.export.mlflow_models import aliases_of
from pipeline.settings.config import load_config

CONFIG = load_config(Path(__file__).resolve().parents[3] / "schemas" / "flights" / "pipeline.toml")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a server that stops with the test, and whatever it started with it."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = _free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'store.sqlite'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        _wait_for(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(port, process, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(log.read_text())


@pytest.fixture
def client(server):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server, registry_uri=server)


@pytest.fixture
def made(tmp_path) -> History:
    """Versions 1 and 2, which is live; then a run that pushed nothing."""
    made = History(tmp_path / "runs" / "flights")
    made.add(train=[1, 2], evaluation=3)
    made.add(train=[2, 3], evaluation=4)
    made.add(train=[3, 4], evaluation=5, push=False)
    for run_id in made.run_ids:
        (made.home / "reports" / run_id / "report.md").write_text(f"report of {run_id}")
    return made


def _runs(client, name):
    return client.search_runs([client.get_experiment_by_name(name).experiment_id])


def _relabel(registry, **roles):
    write_json(registry.folder / "labels.json", asdict(replace(registry.labels(), **roles)))


@pytest.mark.slow
def test_run_and_model_are_there_and_told_twice_are_there_once(server, client, made):
    root = made.home.parent
    first = export(CONFIG, root, "live", server, name="once")
    assert first.created and first.model_version == "1" and (first.champion, first.challenger) == (2, None)
    again = export(CONFIG, root, made.run_ids[1], server, name="once")
    assert not again.created
    assert (again.mlflow_run_id, again.model_version) == (first.mlflow_run_id, "1")

    (run,) = _runs(client, "once")
    assert (run.info.run_name, run.info.status) == (made.run_ids[1], "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (1767229200000, 1767229300000)
    assert run.data.params["training.epochs"] == str(CONFIG.training.epochs)
    assert run.data.metrics["auc"] == 0.7
    assert run.data.metrics["slice/origin:EWR/auc"] == 0.6
    assert len(client.get_metric_history(run.info.run_id, "auc")) == 1
    assert run.data.tags["plumbline.run_id"] == made.run_ids[1]
    assert run.data.tags["plumbline.spans.train"] == "2,3"
    assert "span-04.csv" in run.data.tags["plumbline.data.eval.4"]

    (version,) = client.search_model_versions("name='once'")
    assert version.run_id == run.info.run_id
    assert version.tags["plumbline.version"] == "2"
    assert version.tags["plumbline.fingerprint.data"] == made.registry.manifest(2)["fingerprints"]["data"]
    assert client.get_model_version_by_alias("once", "champion").version == version.version


@pytest.mark.slow
def test_artifacts_are_the_pushed_bytes(server, client, made, tmp_path):
    done = export(CONFIG, made.home.parent, "live", server, name="bytes")
    folder = Path(client.download_artifacts(done.mlflow_run_id, "", str(tmp_path)))
    pushed = made.registry.path(2)
    for name in made.registry.manifest(2)["files"]:
        assert (folder / "model" / "saved_model" / name).read_bytes() == (pushed / name).read_bytes()
    assert (folder / "report.md").read_text() == f"report of {made.run_ids[1]}"
    assert json.loads((folder / "summary.json").read_text())["run_id"] == made.run_ids[1]
    lineage = json.loads((folder / "lineage.json").read_text())
    assert [row["span"] for row in lineage["spans"]] == [2, 3, 4]
    flavours = json.loads((folder / "model" / "MLmodel").read_text())["flavors"]
    assert flavours["python_function"] == {"loader_module": "mlflow.tensorflow"}


@pytest.mark.slow
def test_champion_can_be_loaded_and_asked(server, client, made, tmp_path, monkeypatch):
    """By MLflow's own TensorFlow flavour, from the bytes that were pushed."""
    import mlflow
    import numpy as np
    import tensorflow as tf

    class Doubling(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="distance")])
        def serve(self, distance):
            return {"probability": 2 * distance}

    model = Doubling()
    tf.saved_model.save(model, str(tmp_path / "doubling"), signatures={"serving_default": model.serve})
    run_id = made.run_ids[2]
    version = made.registry.push(tmp_path / "doubling", {**made.registry.manifest(2), "run_id": run_id})
    summary = made.home / "reports" / run_id / "summary.json"
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "pushed": version}))
    assert export(CONFIG, made.home.parent, "live", server, name="asked").champion == version == 3
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", server)
    loaded = mlflow.pyfunc.load_model("models:/asked@champion")
    assert loaded.predict({"distance": np.array([0.5, 1.0], np.float32)}) == {"probability": [1.0, 2.0]}


@pytest.mark.slow
def test_aliases_follow_the_registry(server, client, made):
    def held():
        return {alias: int(number) for alias, number in client.get_registered_model("roles").aliases.items()}

    root = made.home.parent
    done = export(CONFIG, root, "1", server, name="roles")
    assert done.champion is None and done.missing == {"champion": 2}  # never a version that is not live
    assert held() == {}
    assert "champion would be our version 2: export it, too" in done.to_text()
    assert export(CONFIG, root, "2", server, name="roles").champion == 2
    assert held() == {"champion": 2}
    _relabel(made.registry, live=1, previous=2)  # rolled back: the newest is a challenger
    done = export(CONFIG, root, "1", server, name="roles")
    assert (done.champion, done.challenger) == (1, 2)
    assert held() == {"champion": 1, "challenger": 2}
    _relabel(made.registry, live=2, canary=1)
    export(CONFIG, root, "last", server, name="roles")  # any export brings them up to date
    assert held() == {"champion": 2, "challenger": 1}
    _relabel(made.registry, live=2, canary=None)
    export(CONFIG, root, "last", server, name="roles")
    assert held() == {"champion": 2}


@pytest.mark.slow
def test_run_without_a_model(server, client, made):
    done = export(CONFIG, made.home.parent, "last", server, name="none")
    assert done.model_version is None and done.champion is None
    assert "it pushed no model" in done.to_text()
    assert _runs(client, "none")[0].data.tags["plumbline.blessed"] == "false"
    json.dumps(done.to_json(), allow_nan=False)


@pytest.mark.slow
def test_export_that_was_cut_short_goes_on(server, client, made):
    """What a kill leaves at worst: the run with nothing but our id in it."""
    experiment = client.create_experiment("cut")
    run = client.create_run(experiment, tags={"plumbline.run_id": made.run_ids[1]})
    done = export(CONFIG, made.home.parent, "live", server, name="cut")
    assert done.mlflow_run_id == run.info.run_id and not done.created
    assert client.get_run(run.info.run_id).data.metrics["auc"] == 0.7
    assert done.champion == 2


@pytest.mark.slow
def test_model_that_was_tampered_with_goes_nowhere(server, client, made):
    (made.registry.path(2) / "saved_model.pb").write_text("another")
    with pytest.raises(PlumblineError, match=r"saved_model.pb: is not the file that was pushed"):
        export(CONFIG, made.home.parent, "live", server, name="tampered")
    assert client.search_model_versions("name='tampered'") == []


@pytest.mark.slow
def test_deleted_experiment_is_said(server, client, made):
    client.delete_experiment(client.create_experiment("deleted"))
    with pytest.raises(UsageError, match="experiment deleted was deleted in MLflow; restore it"):
        export(CONFIG, made.home.parent, "last", server, name="deleted")


@pytest.mark.slow
def test_local_store(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the artifacts of a local store
    uri = f"sqlite:///{tmp_path / 'local.sqlite'}"
    assert export(CONFIG, made.home.parent, "live", uri).created
    assert not export(CONFIG, made.home.parent, "live", uri).created


@pytest.mark.slow
def test_no_server_is_one_line_without_password(made):
    uri = f"http://bob:secret@127.0.0.1:{_free_port()}"
    with pytest.raises(UsageError, match="no MLflow server or store answers there") as caught:
        export(CONFIG, made.home.parent, "live", uri)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_without_mlflow_says_what_to_install(made):
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from pathlib import Path\n"
        "from pipeline.settings.config import load_config\n"
        "from pipeline.export.mlflow import export\n"
        f"export(load_config(Path({str(CONFIG.path)!r})), Path({str(made.home.parent)!r}), 'live', 'http://x')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UsageError: MLflow is not installed" in done.stderr
    assert "pip install 'plumbline[mlflow]'" in done.stderr


def test_no_address(made, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError, match="give --tracking-uri or set MLFLOW_TRACKING_URI"):
        export(CONFIG, made.home.parent, "live")


def test_who_is_champion_and_who_challenger(made):
    assert aliases_of(made.registry) == {"champion": 2}
    _relabel(made.registry, live=1)
    assert aliases_of(made.registry) == {"champion": 1, "challenger": 2}
    _relabel(made.registry, live=None)
    assert aliases_of(made.registry) == {}
    shutil.rmtree(made.registry.folder)
    assert aliases_of(made.registry) == {}


def test_password_is_left_out():
    assert without_password("https://bob:secret@mlflow.example:8080/x") == "https://mlflow.example:8080/x"
    assert without_password("sqlite:////tmp/a@b.sqlite") == "sqlite:////tmp/a@b.sqlite"
