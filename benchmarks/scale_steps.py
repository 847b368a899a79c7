"""The steps that benchmarks/scale.py measures: the pipeline's executors without TFX's launcher and its metadata."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv
from tfx.components.statistics_gen import executor as statistics_gen
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Schema

from components.arrow_example_gen.component import ArrowExampleGen
from components.arrow_example_gen.source import SPLITS, Source
from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.shared.examples.example_reading import example_batches
from pipeline.preflight.data_check import check_schema, source_of
from pipeline.settings.config import Config, find_config, load_config
from pipeline.settings.drift_plan import plan_of


def settings(spans: Path) -> tuple[Config, Source]:
    """The flights' settings, with all spans but the last in train; and what ingest reads."""
    config = load_config(find_config("flights"))
    window = len(list(spans.glob("span-*.csv"))) - 1
    config = config.model_copy(update={"data": config.data.model_copy(update={"window": window})})
    source = source_of(config, str(spans))
    return config, replace(source, corrections="")  # corrections are of other rows


def ingest(source: Source, output: Path, beam: list[str]) -> bytes:
    """Runs ArrowExampleGen; returns its counts. File contents vary, since the order of protobuf maps does."""
    examples = Examples()
    examples.uri = str(output)
    executor_class = ArrowExampleGen.EXECUTOR_SPEC.executor_class
    executor = executor_class(_context(beam, output))
    properties = {"source": source.to_json(), "code": "benchmark", "span": -1, "fingerprint": "", "window": 0}
    executor.Do({}, {"examples": [examples]}, properties)
    content: bytes = examples.get_string_custom_property("files").encode()
    return content


def statistics(config: Config, examples: Path, output: Path, beam: list[str]) -> bytes:
    """StatisticsGen; returns both splits' statistics, see `same_form`."""
    alone = output.with_name("schema")  # TFX refuses a folder that holds more than the schema
    alone.mkdir()
    shutil.copy(config.schema_path, alone / "schema.pbtxt")
    read, schema, written = Examples(), Schema(), ExampleStatistics()
    read.uri, schema.uri, written.uri = str(examples), str(alone), str(output)
    read.split_names = encode_split_names(list(SPLITS))
    read.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    read.set_string_custom_property("file_format", "tfrecords_gzip")
    options = tfdv.StatsOptions(infer_type_from_schema=True)
    executor = statistics_gen.Executor(_context(beam, output))
    executor.Do(
        {"examples": [read], "schema": [schema]},
        {"statistics": [written]},
        {"stats_options_json": options.to_json(), "exclude_splits": "null"},
    )
    return b"".join(same_form(output / f"Split-{split}" / "FeatureStats.pb") for split in SPLITS)


def same_form(path: Path) -> bytes:
    """Normalises statistics: Beam does not fix the order of features, nor that of the terms of a sum."""
    found = tfdv.load_stats_binary(str(path))
    for dataset in found.datasets:
        ordered = sorted(dataset.features, key=lambda feature: list(feature.path.step))
        for feature in ordered:
            if feature.HasField("num_stats"):
                numbers = feature.num_stats
                numbers.mean, numbers.std_dev = float(f"{numbers.mean:.12g}"), float(f"{numbers.std_dev:.12g}")
        del dataset.features[:]
        dataset.features.extend(ordered)
    content: bytes = found.SerializeToString(deterministic=True)
    return content


def drift(config: Config, examples: Path) -> bytes:
    """DriftValidator's work on the examples; returns its rows."""
    schema = tfdv.load_schema_text(str(config.schema_path))
    train, evaluated = (example_batches(str(examples / f"Split-{split}")) for split in SPLITS)
    plan = DriftConfig.from_json(plan_of(config, check_schema(config)).to_json()).with_schema(schema)
    return json.dumps([asdict(row) for row in find_drift(train, evaluated, plan).rows], sort_keys=True).encode()


def _context(beam: list[str], output: Path) -> Any:
    return BaseBeamExecutor.Context(beam_pipeline_args=beam, tmp_dir=f"{output}-tmp", unique_id="benchmark")
