"""Stock TFX components over a folder with one CSV of flights, wired as TFX's taxi template wires them.

    python -m benchmarks.pipeline_stock DATA ROOT [--module-file]

CsvExampleGen, StatisticsGen, SchemaGen, ExampleValidator, Transform, Trainer (1,000 steps of 1,024), Resolver,
Evaluator (AUC and accuracy, on all rows and by carrier and origin), Pusher, by LocalDagRunner on SQLite. With
`--module-file`, Transform and Trainer get their functions as TFX's tutorials give them, as a file that is made a wheel
and installed for each; without, by name, as the template does, which is faster.

Prints one JSON object: `steps`, component -> seconds between the start and the end of its execution in ML Metadata; and
`pushed`.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

STEPS = 1000
EVAL_STEPS = 107
"""Batches of 1,024: once over the third of the flights that CsvExampleGen takes for eval."""
MODULE = "benchmarks.pipeline_stock_module"


def main() -> None:
    """Runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--module-file", action="store_true")
    parser.add_argument("--eval-steps", type=int, default=EVAL_STEPS)
    options = parser.parse_args()
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")  # else TFT's layer decides for Keras 2
    from tfx import v1 as tfx

    database = options.root / "metadata.sqlite"
    options.root.mkdir(parents=True, exist_ok=True)
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(database))
    tfx.orchestration.LocalDagRunner().run(_pipeline(tfx, options, connection))
    pushed = options.root / "serving"
    print(json.dumps({"steps": _seconds(connection), "pushed": pushed.is_dir() and any(pushed.iterdir())}))


def _pipeline(tfx: Any, options: argparse.Namespace, connection: Any) -> Any:
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import config_pb2

    from benchmarks.ingest import BEAM

    def function(name: str) -> dict[str, str]:
        if options.module_file:
            return {"module_file": str(Path(__file__).with_name(MODULE.rpartition(".")[2] + ".py"))}
        return {name: f"{MODULE}.{name}"}

    examples = tfx.components.CsvExampleGen(input_base=str(options.data))
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"], schema=schema.outputs["schema"], **function("preprocessing_fn")
    )
    trainer = tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        schema=schema.outputs["schema"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(num_steps=STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=options.eval_steps),
        **function("run_fn"),
    )
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.5}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -1e-10}
        ),
    )
    of_all_rows = config_pb2.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=threshold)
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=tfma.EvalConfig(
            model_specs=[tfma.ModelSpec(signature_name="serving_default", label_key="late")],
            slicing_specs=[tfma.SlicingSpec(feature_keys=keys) for keys in ([], ["carrier"], ["origin"])],
            metrics_specs=[
                tfma.MetricsSpec(
                    metrics=[
                        tfma.MetricConfig(class_name="ExampleCount"),
                        tfma.MetricConfig(class_name="AUC"),
                        tfma.MetricConfig(class_name="BinaryAccuracy", per_slice_thresholds=[of_all_rows]),
                    ]
                )
            ],
        ),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(options.root / "serving"))
        ),
    )
    components = [examples, statistics, schema, validator, transform, trainer, resolver, evaluator, pusher]
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(options.root / "artifacts"),
        components=components,
        metadata_connection_config=connection,
        beam_pipeline_args=BEAM,
    )


def _seconds(connection: Any) -> dict[str, float]:
    from ml_metadata import MetadataStore

    store = MetadataStore(connection)
    types = {one.id: one.name.rpartition(".")[2] for one in store.get_execution_types()}
    return {
        types[run.type_id]: round((run.last_update_time_since_epoch - run.create_time_since_epoch) / 1000, 2)
        for run in store.get_executions()
    }


if __name__ == "__main__":
    main()
