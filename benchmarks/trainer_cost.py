"""CPU seconds of the Trainer on all flights against gradient boosting on the same rows.

    python -m benchmarks.trainer_cost [--rounds 2] [--rows N] [--run FOLDER] [--json FILE]

One `plumbline init` and `plumbline run` on one CSV of all labelled flights (or `--run`, the folder of a dataset's runs)
makes the artifacts. Then, round by round, the two in turn, each in a process of its own: `ours`, TFX's Trainer executor
with the inputs and properties of the run's own execution, from ML Metadata (reading and transforming the examples and
exporting the SavedModel are in it); `boosting`, scikit-learn's HistGradientBoostingClassifier with 300 rounds, 63
leaves, rate 0.1, native categories, no early stopping, one thread (two that wait for each other use more CPU), fitted
to the train split's features (reading them is not in it). Imports are in neither.

Prints one JSON object: `rows` {train, eval}; for both, `cpu_seconds` and `seconds` of each round and `auc` on the eval
split; `ratio_cpu` and `ratio_wall`, medians of ours to boosting in the same round.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.finished_run import FinishedRun, initialise, run
from benchmarks.measured import measure
from benchmarks.pipeline import SETTINGS, write_flights
from benchmarks.results import print_result
from components.shared.errors import PlumblineError

TRAINER = "tfx.components.trainer.component.Trainer"
LABEL = "late"
MAX_CATEGORIES = 254


def main() -> int:
    """Runs the rounds, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, help="for a trial (default: all)")
    parser.add_argument("--run", type=Path, help="a finished run on one CSV of flights, such as runs/flights")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--child", choices=list(CHILDREN), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](FinishedRun(options.run))))
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="plumbline-trainer-") as temporary:
            result = _compared(Path(temporary), options.run, options.rows, options.rounds)
    except PlumblineError as error:
        print(f"benchmarks/trainer_cost: {error}", file=sys.stderr)
        return error.exit_code
    print_result(result, options.json)
    return 0


def _compared(folder: Path, finished: Path | None, rows: int | None, rounds: int) -> dict[str, Any]:
    if finished is None:
        write_flights(folder / "data" / "flights.csv", rows)
        initialise(folder, "data/flights.csv", LABEL)
        finished = run(folder, "flights")[0].folder
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CHILDREN}
    for number in range(rounds):
        for name in found:
            command = [sys.executable, "-m", "benchmarks.trainer_cost", "--child", name]
            told = measure([*command, "--run", str(finished.resolve())], folder).stdout
            found[name].append(json.loads(told.splitlines()[-1]))
            print(f"round {number + 1} {name}: {found[name][-1]}", file=sys.stderr, flush=True)

    def ratio(field: str) -> float:
        pairs = zip(found["ours"], found["boosting"], strict=True)
        return round(statistics.median(one[field] / other[field] for one, other in pairs), 3)

    sides: dict[str, Any] = {
        name: {"cpu_seconds": [one["cpu_seconds"] for one in each], "seconds": [one["seconds"] for one in each]}
        | {"auc": each[-1]["auc"]}
        for name, each in found.items()
    }
    counts = found["boosting"][-1]["rows"]
    return {"rows": counts, **sides, "ratio_cpu": ratio("cpu_seconds"), "ratio_wall": ratio("seconds")}


def _ours(finished: FinishedRun) -> dict[str, Any]:
    """Trains again as the run's Trainer did, into a temporary folder."""
    from pipeline.process.environment import configure_environment

    configure_environment()
    from sklearn.metrics import roc_auc_score
    from tfx.components.trainer.executor import GenericExecutor

    from benchmarks.tables_ours import answers
    from components.shared.examples.example_reading import read_examples

    inputs, properties = _execution(finished)
    with tempfile.TemporaryDirectory() as folder:
        outputs = _outputs(Path(folder))
        took = _timed(lambda: GenericExecutor().Do(inputs, outputs, properties))
        said, _ = answers(Path(folder) / "model" / "Format-Serving", finished.examples("eval"))
    labels = read_examples(str(finished.examples("eval")), [LABEL])[LABEL].to_numpy(np.int64)
    return took | {"auc": float(roc_auc_score(labels, said))}


def _execution(finished: FinishedRun) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Inputs and properties of the newest execution of the Trainer that was not taken from the cache."""
    from ml_metadata import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.types.artifact_utils import deserialize_artifact

    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = str(finished.metadata)
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    store = MetadataStore(connection)
    done = [one for one in store.get_executions_by_type(TRAINER) if one.last_known_state == mlmd.Execution.COMPLETE]
    execution = max(done, key=lambda one: one.id)
    inputs: dict[str, list[Any]] = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.Event.INPUT:
            (artifact,) = store.get_artifacts_by_id([event.artifact_id])
            (kind,) = store.get_artifact_types_by_id([artifact.type_id])
            inputs.setdefault(event.path.steps[0].key, []).append(deserialize_artifact(kind, artifact))
    properties = {
        name: getattr(value, value.WhichOneof("value")) for name, value in execution.custom_properties.items()
    }
    return inputs, properties


def _outputs(folder: Path) -> dict[str, list[Any]]:
    from tfx.types import standard_artifacts

    model, log = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, log.uri = str(folder / "model"), str(folder / "model_run")
    return {"model": [model], "model_run": [log]}


def _boosting(finished: FinishedRun) -> dict[str, Any]:
    """Fits to the columns that schemas/flights calls features."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    from components.shared.examples.example_reading import example_batches, read_examples
    from pipeline.settings.config import load_config

    features = load_config(SETTINGS).features
    names = [*features.names, LABEL]
    sides = {}
    for split in ("train", "eval"):
        known = next(iter(example_batches(str(finished.examples(split))))).schema.names
        sides[split] = read_examples(str(finished.examples(split)), [name for name in names if name in known])
    codes = {
        name: {value: code for code, value in enumerate(sides["train"][name].value_counts().index[:MAX_CATEGORIES])}
        for name in features.categorical
    }

    def coded(rows: pd.DataFrame) -> np.ndarray:
        categories = [rows[name].map(codes[name]).to_numpy(np.float64, na_value=np.nan) for name in codes]
        numbers = [rows[name].to_numpy(np.float64, na_value=np.nan) for name in (*features.numeric, *features.cyclical)]
        return np.column_stack([*categories, *numbers])

    matrices = {split: coded(rows) for split, rows in sides.items()}
    labels = {split: rows[LABEL].to_numpy(np.int64) for split, rows in sides.items()}
    model = HistGradientBoostingClassifier(
        max_iter=300,
        max_leaf_nodes=63,
        learning_rate=0.1,
        categorical_features=list(range(len(codes))),
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(1):
        took = _timed(lambda: model.fit(matrices["train"], labels["train"]))
    probability = model.predict_proba(matrices["eval"])[:, 1]
    counts = {split: len(rows) for split, rows in sides.items()}
    return took | {"auc": float(roc_auc_score(labels["eval"], probability)), "rows": counts}


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    """Wall and CPU seconds (of this process and of those that it started and that ended) of a piece of work."""
    began, before = time.perf_counter(), _cpu_seconds()
    work()
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - before
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}


def _cpu_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


CHILDREN: dict[str, Callable[[FinishedRun], dict[str, Any]]] = {"ours": _ours, "boosting": _boosting}

if __name__ == "__main__":
    sys.exit(main())
