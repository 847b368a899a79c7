"""Runs to report on: facts by hand, and a folder as a run leaves it, with real protos and a real metadata store."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.files import write_bytes, write_json
from pipeline.report.facts import (
    CategoryBar,
    Feature,
    Matrix,
    NumberBar,
    Past,
    ReportData,
    ReportFile,
    ReportStep,
    SplitFeature,
)

RUN = "20261121T090631Z-a531"
EVIL = "<script>alert('x')</script>\" onload=\"alert(1)"

STEPS = (
    ReportStep("Ingest", "executed", 2.0, (), ("examples",)),
    ReportStep("Schema", "cached", 0.01, (), ("schema",)),
    ReportStep("Statistics", "executed", 10.0, ("Ingest", "Schema"), ("statistics",)),
    ReportStep("Trainer", "executed", 61.0, ("Ingest", "Schema", "Statistics"), ("model",)),
)


def summary(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "run_id": RUN,
        "dataset": "flights",
        "spans": {"train": [1, 2, 3], "eval": [4]},
        "rows": {"train": 3000, "eval": 1000},
        "components": [{"id": s.id, "state": s.state, "seconds": s.seconds} for s in STEPS],
        "anomalies": [],
        "drift": [drift("carrier", 0.05, 0.02), drift("temp", 0.1, 0.5, "jensen_shannon")],
        "metrics": {
            "rows": 1000.0, "auc": 0.75, "average_precision": 0.5, "log_loss": 0.6, "f1": None, "threshold": 0.5,
        },
        "champion": {
            "version": 3, "metrics": {"auc": 0.74, "average_precision": 0.52, "log_loss": 0.61, "threshold": 0.5},
        },
        "blessed": True,
        "pushed": 4,
        "fingerprints": {"data": "d" * 64, "code": "c" * 64},
        "report": "report.html",
        "reasons": [],
        "registry": "registry",
        "unlabelled": {"train": 0, "eval": 7},
        "labels": {
            "rows": 3000, "classes": {"0": 0.8, "1": 0.2}, "repeated_rows": 4, "conflicting_rows": 2, "ceiling": 0.999,
            "repeated_ids": 0,
        },
        "weakest_slices": [
            {"slice": "origin=LGA", "rows": 300, "metric": "auc", "value": 0.7, "gap": 0.05, "weight": 0.015,
             "next": "check its labels: 9 % doubtful"}
        ],
        "log": "run.log",
        "seconds": 73.0,
        "stopped": None,
    }  # fmt: skip
    return {**known, **changes}


def drift(feature: str, distance: float, threshold: float, measure: str = "chebyshev", **more: Any) -> dict[str, Any]:
    return {
        "feature": feature, "measure": measure, "distance": distance, "threshold": threshold,
        "drifted": distance > threshold, "detail": "'AA' was 10.0%, is 15.0%", **more,
    }  # fmt: skip


def number(name: str, shift: float = 5.0) -> Feature:
    splits = {
        split: SplitFeature(
            1000,
            0.01,
            {"mean": 50 + by, "min": by, "max": 100 + by},
            tuple(NumberBar(10 * i + by, 10 * i + 10 + by, (i + 1) / 55) for i in range(10)),
        )
        for split, by in (("train", 0.0), ("eval", shift))
    }
    return Feature(name, "number", splits)


def category(name: str, values: tuple[str, ...] = ("AA", "UA", "B6")) -> Feature:
    splits = {
        split: SplitFeature(
            1000,
            0.0,
            {"distinct": len(values), "most frequent": values[0]},
            tuple(CategoryBar(value, (place + add) / 10) for place, value in enumerate(values)),
        )
        for split, add in (("train", 1), ("eval", 2))
    }
    return Feature(name, "category", splits)


MATRICES = (
    Matrix(0.0, 200, 800, 0, 0),
    Matrix(0.25, 180, 400, 400, 20),
    Matrix(0.5, 120, 100, 700, 80),
    Matrix(0.75, 50, 10, 790, 150),
    Matrix(1.0, 0, 0, 800, 200),
)

EVALUATION: dict[str, Any] = {
    "warnings": [],
    "intervals": {"auc": [0.72, 0.78], "log_loss": [0.58, 0.62]},
    "slices": {
        "origin=LGA": {"rows": 300.0, "auc": 0.7, "auc_diff": -0.01, "average_precision": 0.4},
        "origin=EWR": {"rows": 700.0, "auc": 0.8, "auc_diff": 0.02, "average_precision": 0.6},
        "origin=XXX": {"rows": 3.0, "auc": None},
    },
    "slice_intervals": {"origin=LGA": {"auc": [0.64, 0.76]}},
    "baselines": {"prior": {"auc": 0.5, "average_precision": 0.2}, "linear": {"auc": 0.7, "average_precision": 0.45}},
    "champion": {"version": 3, "metrics": {"auc": 0.74}},
    "comparisons": [
        {"slice": "", "metric": "auc", "difference": 0.01, "error": 0.002, "p_value": 0.99999, "significant": False,
         "detectable": 0.006},
        {"slice": "origin=LGA", "metric": "auc", "difference": -0.01, "error": 0.001, "p_value": 1e-9,
         "significant": True, "detectable": 0.03},
    ],
    "fairness": {
        "threshold": 0.5,
        "groups": {
            "origin": {
                "LGA": {"rows": 300.0, "base_rate": 0.2, "positive_rate": 0.3, "bias": -0.05},
                "EWR": {"rows": 700.0, "base_rate": 0.3, "positive_rate": 0.2, "bias": None},
            }
        },
        "gaps": [{"column": "origin", "metric": "positive_rate", "value": 0.1, "low": "EWR", "high": "LGA",
                  "significant": False, "limit": None}],
    },
}  # fmt: skip

ERRORS: dict[str, Any] = {
    "says": "1 weak slice of 40 slices looked at; origin=LGA, temp < 0 costs most.",
    "slices": [
        {"slice": "origin=LGA, temp < 0", "rows": 300, "share": 0.3, "metric": "log_loss", "value": 0.7, "rest": 0.5,
         "gap": 0.05, "weight": 0.015, "p": 2e-7,
         "figures": {"auc": 0.6, "positive": 0.4, "predicted": 0.2},
         "elsewhere": {"auc": 0.8, "positive": 0.1, "predicted": 0.15},
         "train_rows": 90, "train_share": 0.1, "doubtful": 0.09, "doubtful_elsewhere": 0.02, "moved": ["temp"],
         "cause": "labels", "next": "check its labels: 9 % doubtful"}
    ],
    "importance": [
        {"feature": "temp", "metric": "auc", "drop": 0.04, "standard_error": 0.002, "loss": 0.02},
        {"feature": "carrier", "metric": "auc", "drop": 0.01, "standard_error": 0.02, "loss": -0.00001},
        {"feature": "dest", "metric": "auc", "drop": None, "standard_error": None, "loss": 0.0},
    ],
    "rows": 1000, "looked": 40, "min_rows": 50, "alpha": 0.05, "effect": 0.1,
    "loss": {"metric": "log_loss", "value": 0.6},
}  # fmt: skip

TRAINING: dict[str, Any] = {
    "blend": {"trees": 0.4, "network": 0.6},
    "temperature": 1.09,
    "refitted": True,
    "member_seconds": {"trees": 9.9, "network": 75.0},
    "rounds": 75,
    "epochs": 5,
    "best_epoch": 3,
    "examples_per_second": 14197.2,
    "decision_threshold": 0.5,
    "rows": {"train": 2700, "validation": 300},
    "small_data": {"batch_size": 64, "epochs": 12},
    "data_steps": {},
    "validation": {"auc": 0.77},
    "seconds": {"read": 1.0, "train": 85.0},
}


def past(span: int, **changes: Any) -> Past:
    rows = (drift("carrier", 0.005 * span, 0.02), drift("temp", 0.1, 0.5, "jensen_shannon"))
    known = {
        "run_id": f"20261121T09{span:02}00Z-aaaa",
        "span": span,
        "drift": rows,
        "metrics": {"auc": 0.7 + 0.01 * span},
        "blessed": True,
        "pushed": span,
        "stopped": None,
    }
    return Past(**{**known, **changes})  # type: ignore[arg-type]


def facts(**changes: Any) -> ReportData:
    known: dict[str, Any] = {
        "summary": summary(),
        "features": (category("carrier"), number("temp"), category("late", ("0", "1"))),
        "steps": STEPS,
        "files": (
            ReportFile("train", 1, "data/span-01.csv", "ab" * 32, 1000),
            ReportFile("eval", 4, "s4.csv", "cd" * 32, 9),
        ),
        "settings": {
            "ArrowExampleGen": {"source": {"label": "late", "ids": ["row_id"]}},
            "ChampionEvaluator": {
                "policy": {
                    "thresholds": {"auc": 0.6},
                    "slice_thresholds": {"auc": 0.55},
                    "tolerance": {"auc": 0.003},
                    "slice_tolerance": {"recall": 0.02},
                    "min_slice_rows": 50,
                }
            },
            "ErrorAnalysis": {"metric": "auc", "settings": {"importance_rows": 400, "importance_repeats": 3}},
            "Trainer": {"custom_config": {"training": {"epochs": 9, "trees": {"n_estimators": 600}}}},
        },
        "evaluation": EVALUATION,
        "errors": ERRORS,
        "training": TRAINING,
        "curves": {"candidate": MATRICES, "champion": MATRICES},
        "past": (past(1), past(2), past(3), past(4, run_id=RUN)),
    }
    return ReportData(**{**known, **changes})


GATE = "the data gate stopped the run: 1 finding (policy block): late: 7 is not legal"
STOPPED: dict[str, Any] = {
    "metrics": {}, "champion": None, "blessed": False, "pushed": None, "labels": {}, "weakest_slices": [],
    "stopped": GATE,
    "components": [
        {"id": "Ingest", "state": "executed", "seconds": 2.0},
        {"id": "DataGate", "state": "failed", "seconds": 0.1},
        {"id": "Trainer", "state": "skipped", "seconds": 0.0},
    ],
}  # fmt: skip


def stopped(**changes: Any) -> ReportData:
    """A run that the gate blocked: statistics, but no labels and no model."""
    told = summary(**{**STOPPED, **changes})
    steps = tuple(ReportStep(row["id"], row["state"], row["seconds"]) for row in told["components"])
    return facts(summary=told, steps=steps, evaluation={}, errors={}, training={}, curves={}, settings={})


def feature_stats(rows: int = 100) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Two features: `carrier` (AA 60, UA 30, of 100 rows 10 missing) and `temp` (two bins, 0 to 10 and 10 to 20)."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(num_examples=rows)
    carrier = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    carrier.path.step.append("carrier")
    carrier.string_stats.common_stats.num_non_missing = 90
    carrier.string_stats.common_stats.tot_num_values = 90
    carrier.string_stats.unique = 2
    for label, count in (("AA", 60), ("UA", 30)):
        carrier.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    temp = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    temp.path.step.append("temp")
    temp.num_stats.common_stats.num_non_missing = rows
    temp.num_stats.mean, temp.num_stats.median, temp.num_stats.max = 8.0, 7.0, 20.0
    histogram = temp.num_stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    histogram.buckets.add(low_value=0, high_value=10, sample_count=75)
    histogram.buckets.add(low_value=10, high_value=20, sample_count=25)
    return statistics


def tfrecord(records: list[bytes]) -> bytes:
    """TFRecord framing; checksums are left 0, which nothing here reads."""
    return b"".join(struct.pack("<QI", len(record), 0) + record + struct.pack("<I", 0) for record in records)


def left_behind(root: Path, told: Mapping[str, Any] | None = None) -> Path:
    """A dataset's home as a run leaves it that came as far as its statistics; returns the home."""
    home = root / "flights"
    told = dict(told or summary())
    write_json(home / "reports" / told["run_id"] / "summary.json", told)
    statistics = home / "artifacts" / "statistics" / "2"
    for split in ("train", "eval"):
        write_bytes(statistics / f"Split-{split}" / "FeatureStats.pb", feature_stats().SerializeToString())
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(home / "metadata.sqlite")
    store = metadata_store.MetadataStore(config)
    run_type = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    run = mlmd.Context(type_id=run_type, name=told["run_id"])
    (run.id,) = store.put_contexts([run])
    examples = _artifact(store, "Examples", home / "artifacts" / "examples" / "1")
    files = [
        {"split": "train", "span": 1, "name": "s1.csv", "sha256": "ab" * 32, "bytes": 1, "rows": 9, "unlabelled": 2}
    ]
    examples.custom_properties["files"].string_value = json.dumps(files)
    made = _artifact(store, "ExampleStatistics", statistics)
    examples.id, made.id = store.put_artifacts([examples, made])
    source = {"label": "late", "ids": ["row_id"]}
    _execute(store, run, "a.ArrowExampleGen", {}, {"examples": examples}, {"source": json.dumps(source), "code": "x"})
    _execute(store, run, "b.StatisticsGen", {"examples": examples}, {"statistics": made}, {})
    return home


def evaluated(home: Path, **parameters: dict[str, str]) -> Path:
    """Lets that run come as far as its evaluation, with these parameters by component.

    Returns:
      The folder of what trainer and evaluators recorded.
    """
    folder = home / "artifacts" / "recorded"
    for name, value in (("verdict", EVALUATION), ("errors", ERRORS), ("training", TRAINING)):
        write_json(folder / f"{name}.json", value)
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(home / "metadata.sqlite")
    store = metadata_store.MetadataStore(config)
    run = store.get_context_by_type_and_name("pipeline_run", RUN)
    for component, kind, output in (
        ("Trainer", "ModelRun", "model_run"),
        ("ChampionEvaluator", "ModelEvaluation", "evaluation"),
        ("ErrorAnalysis", "ErrorReport", "errors"),
    ):
        made = _artifact(store, kind, folder)
        (made.id,) = store.put_artifacts([made])
        _execute(store, run, f"c.{component}", {}, {output: made}, parameters.get(component, {}))
    return folder


def _artifact(store: metadata_store.MetadataStore, kind: str, uri: Path) -> mlmd.Artifact:
    made = mlmd.ArtifactType(name=kind)
    made.properties["unused"] = mlmd.STRING
    return mlmd.Artifact(type_id=store.put_artifact_type(made), uri=str(uri))


def _execute(
    store: metadata_store.MetadataStore,
    run: mlmd.Context,
    kind: str,
    inputs: dict[str, mlmd.Artifact],
    outputs: dict[str, mlmd.Artifact],
    parameters: dict[str, str],
) -> None:
    execution = mlmd.Execution(type_id=store.put_execution_type(mlmd.ExecutionType(name=kind)))
    execution.last_known_state = mlmd.Execution.COMPLETE
    for name, value in parameters.items():
        execution.custom_properties[name].string_value = value
    pairs = []
    for direction, artifacts in ((mlmd.Event.INPUT, inputs), (mlmd.Event.OUTPUT, outputs)):
        for key, artifact in artifacts.items():
            event = mlmd.Event(type=direction)
            event.path.steps.add().key = key
            pairs.append((artifact, event))
    store.put_execution(execution, pairs, [run])
