"""The DAG of TFX components, which is the same for local runs and for Kubeflow.

It has no Resolver node and no ExampleGen with a custom driver: the open-source Kubeflow backend supports neither.
Components are imported from their own modules, since `tfx.v1` imports the Google Cloud AI client, which takes 5 s.
"""

import json
from typing import Any

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.trainer.component import Trainer
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2, transform_pb2

from components.arrow_example_gen.component import ArrowExampleGen
from components.arrow_example_gen.source import Source
from components.champion_resolver.component import ChampionResolver
from components.data_gate.component import DataGate
from components.drift_validator.component import DriftValidator
from components.error_analysis.component import ErrorAnalysis
from components.evaluator.component import ChampionEvaluator
from components.evaluator.eval_config import eval_config
from components.label_audit.component import LabelAudit
from components.predictor.component import Predictor
from components.pusher.component import RegistryPusher
from components.shared.spellings.canonical_spellings import KEY as SPELLINGS
from components.statistics_gen.component import StatisticsGen
from components.transform.component import Transform
from pipeline.fingerprints import code_fingerprint, code_of, code_with
from pipeline.inputs import Inputs, Paths
from pipeline.settings.beam_arguments import Endpoints, run_args
from pipeline.settings.config import Config
from pipeline.settings.custom_module import parameters
from pipeline.settings.drift_plan import plan_of
from pipeline.settings.feature_types import by_kind, feature_kinds, is_ordered

RANKED_BY = {"binary": "average_precision", "multiclass": "accuracy", "regression": "rmse"}
"""For each task, the metric that ranks slices in the report and features in error analysis."""


def create_pipeline(
    config: Config,
    source: Source,
    paths: Paths,
    inputs: Inputs,
    metadata_connection: Any = None,
    beam: Endpoints | None = None,
) -> Pipeline:
    """Builds the TFX pipeline of a dataset.

    Args:
      config: Settings of the dataset.
      source: Input files and their format.
      paths: Schema file, folder of artifacts and registry.
      inputs: Span, window, fingerprint and champion of this run, as far as they are known.
      metadata_connection: ML Metadata's connection config; None on Kubeflow, which has its own.
      beam: Addresses of the Beam job server and workers of this run; None on Kubeflow, where the settings name them.
    """
    dataset, features = config.dataset, list(config.features.names)
    code = code_fingerprint(config)
    own = config.own_module()
    columns = {
        "dataset": json.loads(config.dataset.model_dump_json()),
        "features": feature_kinds(config, source.columns),
        "ordered": is_ordered(config),
    }
    if config.features.text:
        columns["text"] = json.loads(config.text.model_dump_json())
    if config.features.image:
        columns["image"] = json.loads(config.image.model_dump_json())
    if used := {name: spelt for name, spelt in config.data.values.items() if name in (*features, dataset.label)}:
        columns[SPELLINGS] = used
    kinds = json.dumps(by_kind(columns["features"]))
    training = json.loads(config.model_dump_json(include={"training", "balance", "augmentation"}))
    # The rows of older spans (`extra`) come first: the trainer expects rows ordered by time.
    learned = ["extra", "train"] if config.data.extra else ["train"]

    schema = ImportSchemaGen(schema_file=paths.schema)

    ingest = ArrowExampleGen(
        source=source.to_json(),
        span=inputs.span,
        window=inputs.window,
        fingerprint=inputs.data_fingerprint,
        code=code_of("components.arrow_example_gen.component"),
    )
    examples = ingest.outputs["examples"]

    statistics = StatisticsGen(
        examples=examples,
        schema=schema.outputs["schema"],
        code=code_of("components.statistics_gen.executor"),
    )

    validation = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])

    drift = DriftValidator(
        examples=examples,
        schema=schema.outputs["schema"],
        plan=plan_of(config, source.columns).to_json(),
        code=code_of("components.drift_validator.component"),
    )

    gate = DataGate(
        anomalies=validation.outputs["anomalies"],
        drift=drift.outputs["drift"],
        examples=examples,
        anomalies_policy=config.gate.anomalies,
        drift_policy=config.gate.drift,
        drift_severity=config.gate.drift_severity,
        feature_policies=json.dumps(config.gate.features, sort_keys=True),
        classes_policy=config.gate.classes,
        label=dataset.label,
        task=dataset.task,
        code=code_of("components.data_gate.component"),
    )

    audit = LabelAudit(
        examples=examples,
        label=dataset.label,
        features=json.dumps(features),
        ids=json.dumps(dataset.id),
        task=dataset.task,
        kinds=kinds,
        settings=config.audit.model_dump_json(exclude={"annotators"}),
        image=json.dumps(columns["image"]) if "image" in columns else "",
        **_annotated(config, source),
        code=code_of("components.label_audit.component"),
    )
    audit.add_upstream_node(gate)

    # Transform only computes the transform graph. Writing and reading transformed rows costs more than applying the
    # graph in the trainer, in large batches.
    transform = Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=learned),
        custom_config={
            **columns,
            **parameters(own, "preprocessing_fn"),
            "values": config.gate.values,
            "code": code_with(own, "preprocessing_fn", "components.transform.executor"),
        },
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    )
    transform.add_upstream_node(gate)

    tuner = None
    if config.tune.trials:
        from components.tuner.component import Tuner  # imports keras-tuner, which other runs do not need

        tuner = Tuner(
            examples=examples,
            transform_graph=transform.outputs["transform_graph"],
            schema=schema.outputs["schema"],
            splits=json.dumps(learned),
            tables=json.dumps({**columns, **training}),
            settings=config.tune.model_dump_json(exclude={"reuse"}),
            code=code_of("components.tuner.component"),
        )

    trainer = Trainer(
        run_fn="components.trainer.training.run_fn",
        examples=examples,
        train_args=trainer_pb2.TrainArgs(splits=learned),
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        custom_config={
            **columns,
            **training,
            **parameters(own, "run_fn"),
            "threshold_metric": config.evaluation.threshold_metric,
            "code": code_with(own, "run_fn", "components.trainer.training"),
        },
    )

    resolver = ChampionResolver(
        candidate=trainer.outputs["model"],
        examples=examples,
        registry=paths.registry,
        code_fingerprint=code if inputs.champion == -1 else "",
        version=inputs.champion,
    )

    predictor = Predictor(
        examples=examples,
        model=trainer.outputs["model"],
        champion=resolver.outputs["champion"],
        task=dataset.task,
        label=dataset.label,
        code=code_of("components.predictor.component"),
    )

    evaluator = ChampionEvaluator(
        examples=examples,
        model=trainer.outputs["model"],
        champion=resolver.outputs["champion"],
        predictions=predictor.outputs["predictions"],
        eval_config=eval_config(dataset.task, config.evaluation.slices),
        policy=config.evaluation.model_dump_json(exclude={"slices"}),
        about=json.dumps({"features": by_kind(columns["features"])}),
        code=code_of("components.evaluator.component"),
    )

    errors = ErrorAnalysis(
        examples=examples,
        model=trainer.outputs["model"],
        predictions=predictor.outputs["predictions"],
        labels=audit.outputs["labels"],
        metric=RANKED_BY[dataset.task],
        kinds=kinds,
        settings=json.dumps({"min_rows": config.evaluation.min_slice_rows, **config.error_analysis.model_dump()}),
        code=code_of("components.error_analysis.component"),
    )

    pusher = RegistryPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        champion=resolver.outputs["champion"],
        examples=examples,
        errors=errors.outputs["errors"],
        registry=paths.registry,
        registry_id=inputs.registry_id,
        code_fingerprint=code,
        about=json.dumps(
            {
                "dataset": dataset.name,
                "task": dataset.task,
                "label": dataset.label,
                "features": list(config.features.names),
                "evaluation": config.evaluation.model_dump(mode="json", exclude={"slices"}),
                "stated": config.model_card.model_dump(mode="json"),
                **({"push": config.registry.push} if config.registry.push != "live" else {}),
                **({"dvc": json.loads(inputs.dvc)} if inputs.dvc else {}),
            }
        ),
        code=code_of("components.pusher.component"),
    )

    return Pipeline(
        pipeline_name=dataset.name,
        pipeline_root=paths.artifacts,
        components=[
            schema,
            ingest,
            statistics,
            validation,
            drift,
            gate,
            audit,
            transform,
            *([tuner] if tuner else []),
            trainer,
            resolver,
            predictor,
            evaluator,
            errors,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection,
        beam_pipeline_args=run_args(config.beam, beam),
    )


def _annotated(config: Config, source: Source) -> dict[str, str]:
    """LabelAudit's parameters for inter-annotator agreement; none without annotators."""
    if not config.audit.annotators:
        return {}
    sliced = dict.fromkeys(column for cross in config.evaluation.slices for column in cross)
    single = [column for column in sliced if not source.columns[column].startswith("list:")]
    return {"annotators": json.dumps(config.audit.annotators), "slices": json.dumps(single)}
