"""StatisticsGen in this process against TFX's own executor, through Beam, on the same examples."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Schema

from components.arrow_example_gen.example_encoding import write_examples
from components.statistics_gen import executor
from components.statistics_gen.executor import StatisticsExecutor

pytestmark = pytest.mark.slow

HERE = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
ROWS = 3250
SCHEMA = """
feature { name: "text" type: BYTES }
feature { name: "code" type: INT int_domain { is_categorical: true } }
feature { name: "count" type: INT }
feature { name: "weight" type: FLOAT }
feature { name: "several" type: INT }
feature { name: "absent" type: BYTES }
"""


def batch() -> pa.RecordBatch:
    draw = np.random.default_rng(1)
    some = draw.random(ROWS)
    code = np.repeat(np.arange(-5, 5), np.arange(100, 600, 50))  # no two as often: ties have no order
    weight = np.where(some < 0.02, np.nan, np.where(some < 0.04, np.inf, draw.normal(size=ROWS)))
    return pa.record_batch(
        {
            "text": pa.array([None if value == 0 else f"é{value}" for value in code.tolist()], pa.string()),
            "code": pa.array(code, mask=np.arange(ROWS) % 10 == 9),
            "count": pa.array(draw.integers(0, 500, ROWS)),
            "weight": pa.array(weight),
            "several": pa.array([None if x < 0.1 else list(range(int(4 * x))) for x in some], pa.list_(pa.int64())),
            "absent": pa.nulls(ROWS, pa.string()),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("statistics")
    for split in ("train", "eval"):
        (top / "examples" / f"Split-{split}").mkdir(parents=True)
        path = top / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        write_examples([batch()] if split == "train" else [batch().slice(0, 5)], str(path), columnar=True)
    (top / "schema").mkdir()
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    tfdv.write_schema_text(schema, str(top / "schema" / "schema.pbtxt"))
    return top


def made_by(kind: Any, folder: Path, target: Path, beam: list[str] = HERE) -> ExampleStatistics:
    examples, schema, statistics = Examples(), Schema(), ExampleStatistics()
    examples.uri, schema.uri, statistics.uri = str(folder / "examples"), str(folder / "schema"), str(target)
    examples.split_names, examples.span = encode_split_names(["train", "eval"]), 3
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    context = BaseBeamExecutor.Context(beam_pipeline_args=beam, tmp_dir=str(target) + "-tmp", unique_id="1")
    kind(context).Do(
        {"examples": [examples], "schema": [schema]},
        {"statistics": [statistics]},
        {"stats_options_json": tfdv.StatsOptions(infer_type_from_schema=True).to_json(), "exclude_splits": "[]"},
    )
    return statistics


def features(made: ExampleStatistics, split: str) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    found = tfdv.load_stats_binary(f"{made.uri}/Split-{split}/FeatureStats.pb").datasets[0]
    return {feature.path.step[0]: feature for feature in found.features}


def test_equal_to_what_beam_computes(folder: Path, tmp_path: Path) -> None:
    ours, theirs = (
        made_by(StatisticsExecutor, folder, tmp_path / "ours"),
        made_by(stock.Executor, folder, tmp_path / "theirs"),
    )
    assert (ours.split_names, ours.span) == (theirs.split_names, theirs.span)
    rates = "sample_rate_by_split"
    assert ours.get_json_value_custom_property(rates) == theirs.get_json_value_custom_property(rates)
    for split in ("train", "eval"):
        mine, other = features(ours, split), features(theirs, split)
        assert mine.keys() == other.keys() >= {"text", "code", "count", "weight", "several"}
        for name, feature in mine.items():
            for one in (feature, other[name]):  # sums of floats depend on the order of their terms
                numbers = one.num_stats
                if one.HasField("num_stats"):
                    numbers.mean, numbers.std_dev = float(f"{numbers.mean:.12g}"), float(f"{numbers.std_dev:.12g}")
            assert feature.SerializeToString(deterministic=True) == other[name].SerializeToString(deterministic=True)


def test_integer_categories_stay_integers(folder: Path, tmp_path: Path) -> None:
    code = features(made_by(StatisticsExecutor, folder, tmp_path / "ours"), "train")["code"]
    assert code.type == statistics_pb2.FeatureNameStatistics.INT
    assert code.string_stats.unique == 10
    assert code.string_stats.top_values[0].value == "4"


def test_another_runner_gets_tfxs_own_executor(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any) -> None:
        raise AssertionError("computed here")

    monkeypatch.setattr(executor, "statistics_of", unwanted)
    made = made_by(
        StatisticsExecutor, folder, tmp_path / "beam", ["--runner=FnApiRunner", "--direct_running_mode=multi_threading"]
    )
    assert features(made, "eval")["count"].num_stats.common_stats.tot_num_values == 5
