"""Examples per second of training: the input paths of TFX's template and of Plumbline, same model and batch size.

    python -m benchmarks.training_throughput [--rounds 3] [--seconds 3] [--models template,plumbline]
        [--batches 40,1024] [--spans span-09.csv,..] [--data DIR] [--work DIR] [--json FILE]

The rows are the default train window of the flights. Each model is trained four ways, the ways in turn, round by round:

    stock        as TFX's taxi template: the transformed examples through data_accessor.tf_dataset_factory(..).repeat(),
                 under MirroredStrategy, compiled and fitted by Keras' defaults, with its TensorBoard callback
    stock_input  the same examples through the same factory, compiled and fitted as we do
    ours         the raw examples, read once as columns and transformed; batches by components/trainer/batches.py
    computation  no input at all: one batch that is there already, over and over; what no input can exceed

Compiling, the first call and what comes before it (the stock path fills its shuffle buffer there) are not counted; they
are told as `seconds_to_first_batch`, for ours with reading and transforming all rows. 40 is the template's batch size,
1024 that of schemas/flights.

Prints one JSON object: `rows`, `seconds_to_first_batch`, and under `measured` for every model and batch size
`examples_per_second` of each way (the median of the rounds), `ratio` (ours to stock) and `ratio_of_input` (ours to
stock_input), each the median of the rounds' ratios, all of which are in `ratios`; `waiting` (share of stock_input's and
of our time that computation alone would not have taken), `gathering` (share of our time in which our feed worked), and
`bound_by`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import print_result
from benchmarks.training_throughput_data import OnDisk

WAYS = ("stock", "stock_input", "ours", "computation")
MODELS = ("template", "plumbline")
FLIGHTS = Path("data/flights")
WINDOW = ("span-09.csv", "span-10.csv", "span-11.csv")
SETTINGS = Path("schemas/flights/pipeline.toml")
BOUND = 0.8
"""From this share of computation's rate on, it is computation that bounds."""


def main() -> None:
    """Prepares, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="that each way is trained for in a round")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--batches", default="40,1024")
    parser.add_argument("--spans", default=",".join(WINDOW))
    parser.add_argument("--data", type=Path, default=FLIGHTS)
    parser.add_argument("--work", type=Path, help="keep the prepared rows here (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    if unknown := sorted(set(options.models.split(",")) - set(MODELS)):
        sys.exit(f"benchmarks/training_throughput: {unknown[0]} is no model; legal: {', '.join(MODELS)}")
    from pipeline.process.environment import configure_environment

    configure_environment()
    spans = [options.data / name for name in options.spans.split(",")]
    result: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    result |= {"rows": {}, "seconds_to_first_batch": {}, "measured": {}}
    with tempfile.TemporaryDirectory() as temporary:
        for model in options.models.split(","):
            bench = _Bench(OnDisk(options.work or Path(temporary), model, spans, SETTINGS), Path(temporary) / "logs")
            result["rows"][model] = len(bench.rows)
            found = result["measured"][model] = {}
            for size in map(int, options.batches.split(",")):
                found[str(size)] = judged(*bench.measured(size, options.rounds, options.seconds))
                print(f"{model}, batches of {size}: {json.dumps(found[str(size)])}", file=sys.stderr)
            result["seconds_to_first_batch"][model] = bench.first_batch
    print_result(result, options.json)


def judged(rounds: Sequence[Mapping[str, float]], gathering: float) -> dict[str, Any]:
    """What is printed of one model and batch size.

    Args:
      rounds: Examples per second of each of WAYS, round by round.
      gathering: Share of our time in which the feed worked.
    """

    def ratios(one: str, other: str) -> list[float]:
        return [each[one] / each[other] for each in rounds]

    reached = statistics.median(ratios("ours", "computation"))
    what = "computation" if reached >= BOUND else "input"
    return {
        "examples_per_second": {way: round(statistics.median(each[way] for each in rounds)) for way in WAYS},
        "ratio": statistics.median(ratios("ours", "stock")),
        "ratio_of_input": statistics.median(ratios("ours", "stock_input")),
        "ratios": ratios("ours", "stock"),
        "waiting": {
            way: max(1 - statistics.median(ratios(way, "computation")), 0.0) for way in ("stock_input", "ours")
        },
        "gathering": gathering,
        "bound_by": f"{what}: {reached:.0%} of the rate on one batch that is there already",
    }


class _Bench:
    """One preparation of the rows, read our way, and trained on in any."""

    def __init__(self, data: OnDisk, logs: Path) -> None:
        from components.trainer.batches import BatchDataset
        from components.trainer.training_columns import read_columns

        self._data, self._logs, self._accessor = data, logs, data.accessor()
        began = time.monotonic()
        self.rows = read_columns(data.raw_files, self._accessor.record_batch_factory, data.schema, data.graph)
        read = time.monotonic()
        next(iter(BatchDataset(self.rows, 1024, seed=0).dataset()))
        done = time.monotonic()
        next(iter(self._stock_dataset(1024)))
        self.first_batch = {
            "stock": time.monotonic() - done,
            "ours": done - began,
            "ours_after_reading": done - read,
        }

    def measured(self, size: int, rounds: int, seconds: float) -> tuple[list[dict[str, float]], float]:
        """Examples per second of each way in each round, and the share of our time in which the feed worked."""
        import tensorflow as tf

        from benchmarks.training_throughput_models import compiled
        from components.trainer.batches import BatchDataset
        from components.trainer.network import steps_per_execution

        models = {
            way: compiled(self._data, self.rows.features, steps_per_execution(size), template_run=way == "stock")
            for way in WAYS
        }
        whole = len(self.rows) // size * size  # the stock path drops what makes no whole batch
        feed = BatchDataset(self.rows.rows(slice(0, whole)), size, seed=0)
        there = next(iter(feed.dataset()))
        datasets = {
            "stock": self._stock_dataset(size),
            "stock_input": self._stock_dataset(size),
            "ours": feed.dataset().repeat(),
            "computation": tf.data.Dataset.from_tensors(there).repeat(),
        }
        for way in WAYS:  # the graphs are built
            self._fit(models[way], datasets[way], way, size, 0.0)
        found, worked, ran = [], 0.0, 0.0
        for _ in range(rounds):
            speeds = {}
            for way in WAYS:
                fed = feed.seconds
                watch = self._fit(models[way], datasets[way], way, size, seconds)
                speeds[way] = watch.examples / watch.seconds
                if way == "ours":
                    worked, ran = worked + feed.seconds - fed, ran + watch.whole
            found.append(speeds)
        return found, min(worked / ran, 1.0)

    def _fit(self, model: Any, dataset: Any, way: str, size: int, seconds: float) -> Any:
        import keras

        watch = _stopwatch(size, seconds)
        callbacks = [watch]
        if way == "stock":
            callbacks.append(keras.callbacks.TensorBoard(str(self._logs), update_freq="epoch"))
        model.fit(dataset, steps_per_epoch=1_000_000, epochs=1, callbacks=callbacks, verbose=0)
        return watch

    def _stock_dataset(self, size: int) -> Any:
        from tfx_bsl.tfxio import dataset_options

        options = dataset_options.TensorFlowDatasetOptions(batch_size=size, label_key="label")
        schema = self._data.graph.transformed_metadata.schema
        return self._accessor.tf_dataset_factory(self._data.transformed_files, options, schema).repeat()


def _stopwatch(size: int, seconds: float) -> Any:
    """A callback that ends training `seconds` after the first call, and counts from there on."""
    import keras

    class Stopwatch(keras.callbacks.Callback):
        examples, seconds, whole = 0, 0.0, 0.0

        def on_train_begin(self, logs: Any = None) -> None:
            self._began, self._first = time.perf_counter(), 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now = time.perf_counter()
            self.whole = now - self._began
            if not self._first:
                self._first, self._steps = now, batch
            elif now - self._first >= seconds:
                self.examples, self.seconds = (batch - self._steps) * size, now - self._first
                self.model.stop_training = True

    return Stopwatch()


if __name__ == "__main__":
    main()
