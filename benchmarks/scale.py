"""Ingest, statistics and drift on 1x, 3x, 10x and 30x the flights: in one process, and on a Flink cluster here.

    python -m benchmarks.scale [--sizes 1,3,10,30] [--runners direct,flink-1,flink-2] [--rounds 1] [--json FILE]

The flights of 2013 (`make data`) are repeated, row ids changed, so that k times the rows come in the same 12 spans; 11
are train, one is eval. Each measurement is a process of its own on fresh output, the runners in turn. `flink-2` is a
session cluster of two TaskManagers with a slot each (deploy/flink), started for it; the drift validator is no Beam
component and runs in the measuring process either way. Imports do not count, but what each Beam job starts (Python
workers that import TensorFlow) does: it is part of every run.

Prints one JSON object. `measured` has a row for each size, runner and round: `rows`, `seconds` of ingest, statistics,
drift and their total, `cpu_seconds` (of the total, over all processes: on a busy machine the one to go by),
`rows_per_second`, `peak_mb` (resident memory of all processes that take part, Flink's JVMs among them) and `same` (what
ingest says of its files, the statistics and the drift rows, each equal to direct's). `exponent` is the slope of log
seconds on log rows, by runner and step: 1 is linear. `flink_pays_from` is the smallest size at which a Flink runner was
faster than direct by the clock, or null if there was none.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.results import keep
from benchmarks.scale_parts import PeakMemory, cpu_seconds, exponent, flink_cluster, repeat_flights

SIZES = (1, 3, 10, 30)
RUNNERS = ("direct", "flink-1", "flink-2")
STEPS = ("ingest", "statistics", "drift")


def main() -> None:
    """Measures size after size, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--runners", default=",".join(RUNNERS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too, after every measurement")
    parser.add_argument("--child", metavar="RUNNER", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--master", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_steps(options.child, options.folder, options.master)))
        return
    runners = options.runners.split(",")
    if unknown := sorted(set(runners) - set(RUNNERS)):
        sys.exit(f"benchmarks/scale: {unknown[0]} is no runner; legal: {', '.join(RUNNERS)}")
    measured: list[dict[str, Any]] = []
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="plumbline-scale-") as folder:
            rows = repeat_flights(Path(folder) / "spans", size)
            for number in range(options.rounds):
                for runner in runners:
                    one = {"size": size, "rows": rows, "round": number + 1, **_measure(runner, Path(folder))}
                    measured.append({**one, "rows_per_second": round(rows / one["seconds"]["total"])})
                    print(json.dumps(measured[-1]), file=sys.stderr, flush=True)
                    keep(_result(measured), options.json)
    print(json.dumps(_result(measured)))


def _measure(runner: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", "--child", runner, "--folder", str(folder)]
    taskmanagers = int(runner.partition("-")[2] or 0)
    with ExitStack() as stack:
        servers: list[int] = []
        if taskmanagers:
            master, servers = stack.enter_context(flink_cluster(folder / "cluster", taskmanagers))
            command += ["--master", master]
        with (folder / "log").open("w") as log:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            before = cpu_seconds(servers)
            with PeakMemory([child.pid, *servers]) as memory:
                out, _ = child.communicate()
            served = cpu_seconds(servers) - before
        if child.returncode:
            sys.exit(f"benchmarks/scale: {runner} failed:\n{(folder / 'log').read_text()[-3000:]}")
    found = json.loads(out.splitlines()[-1])
    found["cpu_seconds"] = round(found["cpu_seconds"] + served, 1)
    answers = folder / "answers.json"
    known = json.loads(answers.read_text()) if answers.exists() else {}
    known.setdefault(runner, found.pop("answers"))
    answers.write_text(json.dumps(known))
    same = {step: known[runner][step] == known["direct"][step] for step in known[runner]} if "direct" in known else None
    return {"runner": runner, **found, "peak_mb": round(memory.peak_mb), "same": same}


def _steps(runner: str, folder: Path, master: str) -> dict[str, Any]:
    """In a process of its own: seconds of each step, and digests of what came out."""
    import resource
    import shutil
    import time

    from pipeline.process.environment import configure_environment

    configure_environment()
    from benchmarks.scale_steps import drift, ingest, settings, statistics
    from pipeline.runners.beam.services import started
    from pipeline.settings.beam_arguments import beam_args
    from pipeline.settings.sections.beam import BeamSection

    config, source = settings(folder / "spans")
    beam = BeamSection()
    if master:
        parallelism = int(runner.partition("-")[2])
        beam = BeamSection.model_validate({"profile": "flink", "flink": {"master": master, "parallelism": parallelism}})
    output = folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    seconds: dict[str, float] = {}
    before = resource.getrusage(resource.RUSAGE_SELF)
    with started(beam, folder / "beam") as endpoints:
        arguments = beam_args(beam, endpoints)
        work: dict[str, Any] = {
            "ingest": lambda: ingest(source, output / "examples", arguments),
            "statistics": lambda: statistics(config, output / "examples", output / "statistics", arguments),
            "drift": lambda: drift(config, output / "examples"),
        }
        answers = {}
        for step in STEPS:
            began = time.perf_counter()
            answer = work[step]()
            seconds[step] = round(time.perf_counter() - began, 2)
            answers[step] = hashlib.sha256(answer).hexdigest()
    shutil.rmtree(output)
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime - before.ru_utime - before.ru_stime + others.ru_utime + others.ru_stime
    total = round(sum(seconds.values()), 2)
    return {"seconds": {**seconds, "total": total}, "cpu_seconds": cpu, "answers": answers}


def _result(measured: list[dict[str, Any]]) -> dict[str, Any]:
    def best(runner: str, size: int, step: str) -> float:
        those = [one for one in measured if (one["runner"], one["size"]) == (runner, size)]
        found = [one["cpu_seconds"] if step == "cpu" else one["seconds"][step] for one in those]
        return min(found, default=float("inf"))

    runners = list(dict.fromkeys(one["runner"] for one in measured))
    rows_of = {one["size"]: one["rows"] for one in measured}
    exponents: dict[str, dict[str, float | None]] = {}
    for runner in runners:
        sizes = sorted({one["size"] for one in measured if one["runner"] == runner})
        exponents[runner] = {
            step: exponent([rows_of[size] for size in sizes], [best(runner, size, step) for size in sizes])
            for step in (*STEPS, "total", "cpu")
        }
    pays: dict[str, int | None] = {}
    for runner in set(runners) - {"direct"}:
        faster = (size for size in sorted(rows_of) if best(runner, size, "total") < best("direct", size, "total"))
        pays[runner] = next(faster, None) if "direct" in runners else None
    return {
        "measured": measured,
        "exponent": exponents,
        "flink_pays_from": pays,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
    }


if __name__ == "__main__":
    main()
