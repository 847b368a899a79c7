"""CsvExampleGen against ArrowExampleGen on the same full-size flights CSV.

    python -m benchmarks.ingest [--rounds 3] [--json FILE]

Both split one CSV into train and eval as gzip TFRecords of tf.Examples, each in a fresh process per round, the two in
turn. Measured inside that process, after its imports: wall seconds of the executor, and how far the peak of resident
memory rose. Then both outputs are decoded and compared row by row, and ours is run on a file ten times as long.

Prints one JSON object: `stock` and `ours` {seconds (of each round), median_seconds, peak_mb, rows_per_second}, `ratio`
of the medians, `rows`, `bytes`, `same_examples`, `tenfold` {bytes, seconds, peak_mb, growth_mb}.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results import print_result

FLIGHTS = Path("data/flights")
SCHEMA = Path("schemas/flights/schema.pbtxt")
BEAM = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def main() -> None:
    """Makes the files, runs the rounds, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--child", choices=["stock", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measured(_stock if options.child == "stock" else _ours, options.input, options.output)))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = _compare(Path(folder), options.rounds)
    print_result(result, options.json)


def _compare(folder: Path, rounds: int) -> dict[str, Any]:
    single = folder / "once" / "flights.csv"
    rows = _concatenate(single, 1)
    measured: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    for number in range(rounds):
        for name, found in measured.items():
            found.append(_child(name, single, folder / f"{name}-{number}"))
            print(f"round {number + 1} {name}: {found[-1]['seconds']:.2f} s", file=sys.stderr)
    same = _same_examples(folder / "stock-0", folder / "ours-0")
    tenfold = folder / "tenfold" / "flights.csv"
    _concatenate(tenfold, 10)
    large = _child("ours", tenfold, folder / "ours-tenfold")
    medians = {name: statistics.median(one["seconds"] for one in found) for name, found in measured.items()}
    peaks = {name: statistics.median(one["peak_mb"] for one in found) for name, found in measured.items()}
    return {
        **{
            name: {
                "seconds": [round(one["seconds"], 3) for one in found],
                "median_seconds": round(medians[name], 3),
                "peak_mb": round(peaks[name], 1),
                "rows_per_second": round(rows / medians[name]),
            }
            for name, found in measured.items()
        },
        "ratio": round(medians["stock"] / medians["ours"], 2),
        "rows": rows,
        "bytes": single.stat().st_size,
        "same_examples": same,
        "tenfold": {
            "bytes": tenfold.stat().st_size,
            "seconds": round(large["seconds"], 3),
            "peak_mb": round(large["peak_mb"], 1),
            "growth_mb": round(large["peak_mb"] - peaks["ours"], 1),
        },
    }


def _concatenate(target: Path, times: int) -> int:
    """One CSV of all spans, `times` over; returns its number of rows."""
    target.parent.mkdir(parents=True)
    spans = sorted(FLIGHTS.glob("span-*.csv"))
    if not spans:
        sys.exit("benchmarks/ingest: data/flights holds no spans; run `make data` first")
    rows = 0
    with target.open("wb") as file:
        for number in range(times):
            for index, span in enumerate(spans):
                header, _, body = span.read_bytes().partition(b"\n")
                if number == index == 0:
                    file.write(header + b"\n")
                file.write(body)
                rows += body.count(b"\n")
    return rows


def _child(name: str, source: Path, output: Path) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.ingest",
        "--child",
        name,
        "--input",
        str(source),
        "--output",
        str(output),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"benchmarks/ingest: {name} failed: {done.stderr.splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(prepare: Any, source: Path, output: Path) -> dict[str, float]:
    """Seconds of the work that `prepare` returns, and by how many MB the peak of resident memory lies above before."""
    import time

    work = prepare(source, output)
    before = _start_of_peak()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mb": _memory("VmHWM") - before}


def _start_of_peak() -> float:
    """Resets the kernel's high-water mark (a child begins with its parent's) and returns the memory held now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {field}; this benchmark runs on Linux")


def _artifact(output: Path) -> Any:
    from tfx.types.standard_artifacts import Examples

    examples = Examples()
    examples.uri = str(output)
    return examples


def _stock(source: Path, output: Path) -> Any:
    from tfx.components.example_gen import utils
    from tfx.components.example_gen.csv_example_gen.executor import Executor
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.proto import example_gen_pb2
    from tfx.utils import proto_utils

    examples = _artifact(output)
    executor = Executor(
        BaseBeamExecutor.Context(beam_pipeline_args=BEAM, tmp_dir=str(output) + "-tmp", unique_id="benchmark")
    )
    settings = {
        "input_base": str(source.parent),
        "input_config": proto_utils.proto_to_json(utils.make_default_input_config()),
        "output_config": proto_utils.proto_to_json(utils.make_default_output_config(utils.make_default_input_config())),
        "output_data_format": example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE,
        "output_file_format": example_gen_pb2.FileFormat.FORMAT_TFRECORDS_GZIP,
    }
    return lambda: executor.Do({}, {"examples": [examples]}, settings)


def _ours(source: Path, output: Path) -> Any:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    from components.arrow_example_gen.component import ArrowExampleGen
    from components.arrow_example_gen.source import Source
    from components.table_reading.column_types import column_types, parse_schema
    from components.table_reading.read_options import ReadOptions

    described = Source(
        directory=str(source.parent),
        pattern=source.name,
        columns=column_types(parse_schema(SCHEMA.read_text(), str(SCHEMA))),
        label="late",
        ids=["row_id"],
        window=1,
        eval_share=1 / 3,  # as CsvExampleGen's default
        options=ReadOptions(),
    )
    executor_class = ArrowExampleGen.EXECUTOR_SPEC.executor_class
    executor = executor_class(
        BaseBeamExecutor.Context(beam_pipeline_args=BEAM, tmp_dir=str(output) + "-tmp", unique_id="benchmark")
    )
    examples = _artifact(output)
    settings = {"source": described.to_json(), "code": "benchmark", "span": -1, "fingerprint": ""}
    return lambda: executor.Do({}, {"examples": [examples]}, settings)


def _same_examples(stock: Path, ours: Path) -> bool:
    """Whether both hold the same rows with the same features and values, floats as float32."""
    import numpy as np
    import pandas as pd

    from components.shared.examples.example_reading import read_examples
    from components.table_reading.column_types import column_types, parse_schema

    types = column_types(parse_schema(SCHEMA.read_text(), str(SCHEMA)))
    tables = []
    for folder in (stock, ours):
        splits = [read_examples(str(folder / f"Split-{split}"), list(types)) for split in ("train", "eval")]
        tables.append(pd.concat(splits).sort_values("row_id", ignore_index=True))
    theirs, mine = tables
    if len(theirs) != len(mine):
        return False
    for name, kind in types.items():
        missing = theirs[name].isna()
        if not (missing == mine[name].isna()).all():
            return False
        left, right = theirs[name][~missing], mine[name][~missing]
        if kind == "float64":
            # np.float32 of the same decimal: equal, not merely close.
            same = (left.astype(np.float32) == right.astype(np.float32)).all()
        else:
            same = (left.astype(str) == right.astype(str)).all()
        if not same:
            return False
    return True


if __name__ == "__main__":
    main()
