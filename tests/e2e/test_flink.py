"""A Flink cluster of two TaskManagers gives the same results as one process, also if a TaskManager is killed.

Fetches Flink and Beam's job server once (deploy/flink/fetch.sh) and is skipped if these or Java are not available.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import json_format

from tests.e2e.project import PROJECT, Project

pytestmark = pytest.mark.cluster

SCRIPTS = PROJECT / "deploy" / "flink"


class Cluster:
    """A session cluster with its own state and port, independent of other clusters."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.master = f"127.0.0.1:{found.getsockname()[1]}"
        self.folder = folder
        port = self.master.partition(":")[2]
        self._environment = {**os.environ, "FLINK_STATE": str(folder), "FLINK_PORT": port, "FLINK_TASKMANAGERS": "2"}

    def up(self) -> None:
        subprocess.run(["bash", SCRIPTS / "up.sh"], env=self._environment, check=True, stdout=subprocess.DEVNULL)

    def down(self) -> None:
        subprocess.run(["bash", SCRIPTS / "down.sh"], env=self._environment, check=True)

    def kill(self, number: int) -> None:
        os.kill(int((self.folder / f"taskmanager-{number}.pid").read_text()), signal.SIGKILL)

    def jobs(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://{self.master}/jobs/overview", timeout=10) as answer:
            return sorted(json.load(answer)["jobs"], key=lambda job: job["start-time"])

    def failures(self, job: str) -> str:
        """Returns the exceptions of a job as JSON."""
        with urllib.request.urlopen(f"http://{self.master}/jobs/{job}/exceptions", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def when_busy(self, index: int, act: Any) -> threading.Thread:
        """Calls `act` as soon as some tasks of the cluster's job number `index` are finished and some are running."""

        def watch() -> None:
            deadline = time.monotonic() + 400
            while time.monotonic() < deadline:
                jobs = self.jobs()
                if len(jobs) > index and jobs[index]["tasks"]["running"] and jobs[index]["tasks"]["finished"]:
                    act()
                    return
                time.sleep(0.1)

        thread = threading.Thread(target=watch)
        thread.start()
        return thread


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if shutil.which("java") is None:
        pytest.skip("Flink needs Java, and there is none here")
    fetched = subprocess.run(["bash", SCRIPTS / "fetch.sh"], capture_output=True, text=True)
    if fetched.returncode == 2:
        pytest.skip(f"Flink cannot be had here: {fetched.stderr.splitlines()[-1]}")
    assert fetched.returncode == 0, fetched.stderr
    cluster = Cluster(tmp_path_factory.mktemp("flink"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="module")
def flights(project: Project, flink: Cluster) -> Project:
    """The sample with settings for the cluster."""
    settings = project.settings.read_text()
    jar = Path(os.environ.get("FLINK_DIR", PROJECT / ".flink")) / "job-server.jar"
    cluster = f'[beam.flink]\nmaster = "{flink.master}"\njob_server_jar = "{jar}"\n'
    project.settings.write_text(f"{settings}\n{cluster}")
    project.set("[training] epochs", "1")
    return project


def newest(project: Project, root: str, output: str) -> Path:
    """Returns the folder of the newest artifact `Component/output`."""
    numbers = (project.folder / root / "flights" / "artifacts" / output).iterdir()
    return max(numbers, key=lambda folder: int(folder.name))


def rows(project: Project, root: str) -> dict[str, list[Any]]:
    """Returns the parsed examples of every file. Bytes differ, because the order of protobuf maps varies by process."""
    folder = newest(project, root, "ArrowExampleGen/examples")
    return {
        str(file.relative_to(folder)): [
            tf.train.Example.FromString(record)
            for record in tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator()
        ]
        for file in folder.rglob("*.gz")
    }


def statistics(project: Project, root: str) -> dict[str, dict[str, Any]]:
    """Returns the statistics of every split by feature; Beam does not define the order of features."""
    folder = newest(project, root, "StatisticsGen/statistics")
    found = {}
    for split in SPLITS:
        (dataset,) = tfdv.load_stats_binary(str(folder / f"Split-{split}" / "FeatureStats.pb")).datasets
        features = {feature.path.step[0]: json_format.MessageToDict(feature) for feature in dataset.features}
        assert len(features) == len(dataset.features)
        found[split] = {"rows": dataset.num_examples, **features}
    return found


def assert_alike(one: Any, other: Any, place: str = "") -> None:
    """Asserts equality; floats may differ by the rounding error of sums in another order."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_alike(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for number, (mine, others) in enumerate(zip(one, other, strict=True)):
            assert_alike(mine, others, f"{place}[{number}]")
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-12), place
    else:
        assert one == other, place


SPLITS = ("train", "eval")


def test_results_are_those_of_one_process(flights: Project, flink: Cluster) -> None:
    assert flights.run("--root", "local").code == 0
    ran = flights.run("--beam", "flink", "--root", "flink")

    assert ran.code == 0, ran.err
    assert len(flink.jobs()) >= 4  # ingest, statistics, transform, evaluation
    expected = rows(flights, "local")
    assert sum(map(len, expected.values())) == 3000
    assert rows(flights, "flink") == expected
    assert_alike(statistics(flights, "flink"), statistics(flights, "local"))
    for kept in ("transform_fn/variables/variables.data-00000-of-00001", "transform_fn/assets/categorical"):
        one, other = (newest(flights, root, "Transform/transform_graph") / kept for root in ("local", "flink"))
        assert one.read_bytes() == other.read_bytes()
    verdicts = [
        json.loads((newest(flights, root, "ChampionEvaluator/evaluation") / "verdict.json").read_text())
        for root in ("local", "flink")
    ]
    assert verdicts[1]["blessed"]
    assert verdicts[1]["metrics"] == pytest.approx(verdicts[0]["metrics"], rel=1e-5)
    assert verdicts[1]["slices"].keys() == verdicts[0]["slices"].keys()
    for name, metrics in verdicts[0]["slices"].items():
        assert verdicts[1]["slices"][name] == pytest.approx(metrics, rel=1e-5)


def test_a_killed_taskmanager(flights: Project, flink: Cluster) -> None:
    """If one is killed, the other one repeats its tasks. If all are killed, the run fails and the next succeeds."""
    flights.set("[gate] drift", '"block"')  # what is asked here comes before the gate; nothing need be trained
    assert flights.run("--root", "gated").code == 3
    before = len(flink.jobs())
    killer = flink.when_busy(before + 1, lambda: flink.kill(2))  # the first is ingest's, the second statistics'
    recovered = flights.run("--beam", "flink", "--root", "killed")
    killer.join()

    assert recovered.code == 3, recovered.err
    job = flink.jobs()[before + 1]
    assert job["state"] == "FINISHED"
    assert "taskmanager-2 is no longer reachable" in flink.failures(job["jid"])
    assert rows(flights, "killed") == rows(flights, "gated")
    assert_alike(statistics(flights, "killed"), statistics(flights, "gated"))

    flink.up()
    before = len(flink.jobs())
    killer = flink.when_busy(before + 1, lambda: (flink.kill(1), flink.kill(2)))
    failed = flights.run("--beam", "flink", "--root", "lost")
    killer.join()

    assert failed.code == 1
    assert "StatisticsGen failed" in failed.err.splitlines()[-1]
    assert not list((flights.folder / "lost").rglob("FeatureStats.pb"))
    assert failed.states("skipped") >= {"DataGate", "Trainer", "RegistryPusher"}
    assert flights.run("--beam", "flink", "--root", "lost").code == 2  # no TaskManager is there

    flink.up()
    again = flights.run("--beam", "flink", "--root", "lost")
    assert again.code == 3
    assert "ArrowExampleGen" in again.states("cached")
    assert "StatisticsGen" in again.states("executed")
    assert rows(flights, "lost") == rows(flights, "gated")
    assert_alike(statistics(flights, "lost"), statistics(flights, "gated"))
