"""The model server under load: beside MLServer, beside the bare model, while a version loads, and with its log off.

    python -m benchmarks.serving --run FOLDER [--rounds 3] [--seconds 6] [--connections 64] [--json FILE]

`--run` is the folder of a dataset's finished runs, such as runs/flights. Every server is a process of its own with one
worker, and TensorFlow with one thread. The load comes from another process (http_load.py): one row a request, the
servers in turn, round by round. MLServer 1.7.1 runs in an environment of its own, with the same model called by the
same code (run_mlserver.py), in-process, without and with adaptive batching of 64 rows; the faster of the two counts.
`--no-mlserver` leaves it out.

Prints one JSON object; all figures are medians over the rounds: `requests` server -> {per_second, median_ms, p99_ms,
failed, cpu_ms} (CPU of the server a request), `ratio` to MLServer {per_second, p99}, `batch` (mean rows of a call),
`bare` {rows_per_second at that batch size, share}, `log` {without, with, cost}, `loading` {steady_p99_ms,
loading_p99_ms, ratio, failed, versions}.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import CHECKOUT
from benchmarks.results import print_result
from benchmarks.venvs import environment, venv_python
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError

PATH = "/v1/models/flights:predict"
STARTED_WITHIN = 180.0
LOADING_ATTEMPTS = 5
BARE = """
import json, sys, time
from pathlib import Path
from serving.models.loaded_model import LoadedModel, configure_threads
from serving.models.warmup import recorded_requests
import numpy as np
configure_threads(1)
model = LoadedModel(Path(sys.argv[1]), "flights", 1)
size, seconds = int(sys.argv[2]), float(sys.argv[3])
row = next(inputs for name, inputs in recorded_requests(model.folder) if name == "serving_default")
inputs = {name: np.repeat(column[:1], size, axis=0) for name, column in row.items()}
for _ in range(50): model.run("serving_default", inputs)
calls, start = 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    model.run("serving_default", inputs); calls += 1
print(json.dumps(calls * size / (time.perf_counter() - start)))
"""


@dataclass(eq=False)
class Server:
    """A server that is being measured."""

    name: str
    process: "subprocess.Popen[str]"
    url: str
    body: Path

    def load(self, seconds: float, connections: int) -> dict[str, Any]:
        """Loads it from another process; `cpu_ms` is the CPU time of the server's processes for a request."""
        before = self._cpu()
        command = [sys.executable, "-m", "benchmarks.http_load", self.url, "--body", str(self.body)]
        options = ["--seconds", str(seconds), "--connections", str(connections)]
        found = subprocess.run([*command, *options], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        result: dict[str, Any] = json.loads(found.stdout)
        return result | {"cpu_ms": (self._cpu() - before) * 1000 / max(result["requests"], 1)}

    def _cpu(self) -> float:
        total, left = 0.0, [self.process.pid]
        while left:
            pid = left.pop()
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                left += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except OSError:
                continue
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def end(self) -> None:
        """Ends it."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main() -> int:
    """Measures, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--no-mlserver", action="store_true")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="plumbline-serving-") as temporary, ExitStack() as stack:
            result = _measured(Path(temporary), options, stack)
    except PlumblineError as error:
        print(f"benchmarks/serving: {error}", file=sys.stderr)
        return error.exit_code
    print_result(result, options.json)
    return 0


def _measured(folder: Path, options: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    registry = options.run / "registry"
    live = Registry(registry).version_named("live")

    def started(server: Server) -> Server:
        stack.callback(server.end)
        return server

    ours = started(_ours("plumbline", folder / "a", registry))
    silent = started(_ours("plumbline without log", folder / "b", registry, "--no-log"))
    servers = [ours, silent]
    if not options.no_mlserver:
        model = registry / str(live)
        servers += [started(_mlserver(folder / f"m{size}", model, ours.body, size)) for size in (0, 64)]
    rounds: dict[str, list[dict[str, Any]]] = {one.name: [] for one in servers}
    bare: list[float] = []
    for _ in range(options.rounds):
        for server in servers:
            rounds[server.name].append(server.load(options.seconds, options.connections))
            print(server.name, rounds[server.name][-1], file=sys.stderr)
        size = max(round(_batch_rows(ours)), 1)
        bare.append(_bare(registry / str(live), size, options.seconds / 2))
        print("bare", size, bare[-1], file=sys.stderr)
    requests = {name: _median(found) for name, found in rounds.items()}
    result: dict[str, Any] = {"requests": requests, "batch": round(_batch_rows(ours), 1)}
    rate = requests["plumbline"]["per_second"]
    if rivals := [found for name, found in requests.items() if name.startswith("mlserver")]:
        best = max(rivals, key=lambda one: one["per_second"])
        result["ratio"] = {
            "per_second": round(rate / best["per_second"], 2),
            "p99": round(requests["plumbline"]["p99_ms"] / best["p99_ms"], 3),
        }
    rows = statistics.median(bare)
    result["bare"] = {"rows_per_second": round(rows), "share": round(rate / rows, 3)}
    without = requests["plumbline without log"]
    result["log"] = {
        "without": without["per_second"],
        "with": rate,
        "cost": round(1 - rate / without["per_second"], 3),
        "cpu_cost": round(requests["plumbline"]["cpu_ms"] / without["cpu_ms"] - 1, 3),
    }
    result["loading"] = _loading(ours, folder / "a" / "runs" / "flights" / "registry", options)
    return result


def _median(rounds: list[dict[str, Any]]) -> dict[str, float]:
    names = ("per_second", "median_ms", "p99_ms", "cpu_ms")
    found = {name: round(statistics.median(one[name] for one in rounds), 3) for name in names}
    return found | {"failed": sum(one["failed"] for one in rounds)}


def _ours(name: str, folder: Path, registry: Path, *options: str) -> Server:
    """`plumbline serve` on a copy of a registry."""
    (folder / "runs" / "flights").mkdir(parents=True)
    (folder / "schemas").symlink_to(CHECKOUT / "schemas")
    shutil.copytree(registry, folder / "runs" / "flights" / "registry")
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--dataset", "flights", "--port", "0", *options]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"-d '(.*)' (\S+)$", line.strip())
    if found is None:
        process.wait(10)
        raise UsageError(f"plumbline serve ended with exit code {process.returncode}")
    body = folder / "body.json"
    body.write_text(found[1])
    return Server(name, process, found[2], body)


def _mlserver(folder: Path, model: Path, row: Path, batch: int) -> Server:
    """MLServer with the same model; `batch` is the size of its adaptive batches, 0 for none."""
    python = venv_python("mlserver", CHECKOUT / "benchmarks" / "mlserver_requirements.txt")
    folder.mkdir()
    shutil.copy(CHECKOUT / "benchmarks" / "run_mlserver.py", folder / "runtime.py")
    port = 18080 + batch
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    settings |= {"parallel_workers": 0, "debug": False, "access_log": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    described = {"name": "flights", "implementation": "runtime.SavedModelRuntime", "parameters": {"uri": str(model)}}
    if batch:
        described |= {"max_batch_size": batch, "max_batch_time": 0.005}
    (folder / "model-settings.json").write_text(json.dumps(described))
    values = json.loads(row.read_text())["instances"][0]
    inputs = [_tensor(name, value) for name, value in values.items()]
    (folder / "body.json").write_text(json.dumps({"inputs": inputs}))
    process = subprocess.Popen(
        [str(python), "-c", "from mlserver.cli import main; main()", "start", str(folder)],
        cwd=folder,
        env={
            **environment(),
            "PLUMBLINE_SITE": sysconfig.get_path("purelib"),
            "PLUMBLINE_CHECKOUT": str(CHECKOUT),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}/v2/models/flights"
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            urllib.request.urlopen(f"{url}/ready", timeout=5).close()  # noqa: S310 - a server that this started
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                assert process.stderr is not None
                raise UsageError(f"MLServer did not start: {process.stderr.read()[-500:]}") from None
            time.sleep(0.5)
    return Server(f"mlserver {batch}", process, f"{url}/infer", folder / "body.json")


def _tensor(name: str, value: Any) -> dict[str, Any]:
    kind = {str: "BYTES", int: "INT64", float: "FP32"}[type(value)]
    return {"name": name, "shape": [1], "datatype": kind, "data": [value]}


def _batch_rows(server: Server) -> float:
    """Mean rows of a call of the model, from the server's metrics."""
    with urllib.request.urlopen(server.url.split("/v1/")[0] + "/metrics") as answer:  # noqa: S310 - as above
        text = answer.read().decode()
    values = dict(re.findall(r"^plumbline_batch_rows_(sum|count){[^}]*} (\S+)$", text, re.MULTILINE))
    return float(values["sum"]) / float(values["count"])


def _bare(model: Path, size: int, seconds: float) -> float:
    """Rows per second of the SavedModel called in a loop, without a server, in a process of its own."""
    command = [sys.executable, "-c", BARE, str(model), str(size), str(seconds)]
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    found = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return float(json.loads(found.stdout))


def _loading(server: Server, registry: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Latency while versions are loaded and swapped, in turn with the steady state."""
    place = Registry(registry)
    model = place.path(place.version_named("live"))
    steady, loading, versions = [], [], set()
    for number in range(options.rounds):
        steady.append(server.load(options.seconds, options.connections))
        with tempfile.TemporaryDirectory(prefix="plumbline-version-") as temporary:
            copy = Path(temporary) / "model"
            shutil.copytree(model, copy, ignore=shutil.ignore_patterns("manifest.json", "model_card.*"))
            (copy / "assets.extra" / "round").write_text(str(number))
            version = place.push(copy, {"run_id": f"benchmark {number}"})
        for _ in range(LOADING_ATTEMPTS):  # until the version has been loaded and has answered
            loading.append(server.load(options.seconds, options.connections))
            if str(version) in loading[-1]["versions"]:
                break
        versions |= set(loading[-1]["versions"])
        print("steady", steady[-1], "loading", loading[-1], file=sys.stderr)
    quiet, busy = (statistics.median(one["p99_ms"] for one in rounds) for rounds in (steady, loading))
    failed = sum(one["failed"] for one in steady + loading)
    found = {"steady_p99_ms": quiet, "loading_p99_ms": busy, "ratio": round(busy / quiet, 2)}
    return found | {"failed": failed, "versions": sorted(versions, key=int)}


if __name__ == "__main__":
    sys.exit(main())
