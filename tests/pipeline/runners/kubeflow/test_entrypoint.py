"""Our real components, each in a process of its own, on the folders that KFP's launcher would have prepared."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.examples.example_reading import read_examples
from tests.pipeline.runners.kubeflow.steps import PROJECT, RUN_ID, Cluster

pytestmark = pytest.mark.slow

ROWS = {"train": 2, "eval": 1}  # spans


@pytest.fixture(scope="module")
def s3(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return Cluster(spec, "s3://bucket/runs", tmp_path_factory.mktemp("s3"))


@pytest.fixture(scope="module")
def ingested(s3: Cluster) -> dict[str, Any]:
    """What ingest wrote to executor_output.json, span 4 after 2 and 3."""
    ran = s3.run("ArrowExampleGen", span=4, window=2, fingerprint="")
    assert ran.code == 0, ran.stderr[-2000:]
    return ran.output["artifacts"]["examples"]["artifacts"][0]


def test_ingest_keeps_its_properties_and_its_remote_uri(ingested: dict[str, Any], s3: Cluster) -> None:
    assert ingested["uri"] == f"s3://bucket/runs/flights/{RUN_ID}/ArrowExampleGen/salt/examples"
    metadata = ingested["metadata"]
    assert json.loads(metadata["spans"]) == {
        "train": [2, 3],
        "eval": [4],
    }  # the window was asked for, not the source's 3
    assert json.loads(metadata["split_names"]) == ["train", "eval"]
    assert metadata["span"] == 4
    assert len(metadata["data_fingerprint"]) == 64
    assert metadata["tfx_version"]
    rows = json.loads(metadata["rows"])
    for split, count in rows.items():
        read = read_examples(str(s3.local(ingested["uri"]) / f"Split-{split}"), ["row_id"])
        assert len(read) == count > 0


def test_statistics_of_what_ingest_left(ingested: dict[str, Any], s3: Cluster) -> None:
    schema = s3.uri("ImportSchemaGen", "schema")
    file = s3.local(schema) / "schema.pbtxt"
    file.parent.mkdir(parents=True)
    file.write_bytes((PROJECT / "schemas" / "flights" / "schema.pbtxt").read_bytes())
    examples = s3.artifact(7, ingested["uri"], **ingested["metadata"])  # properties come back as custom ones
    ran = s3.run("StatisticsGen", {"examples": examples, "schema": s3.artifact(8, schema)})
    assert ran.code == 0, ran.stderr[-2000:]
    (made,) = ran.output["artifacts"]["statistics"]["artifacts"]
    assert made["uri"] == s3.uri("StatisticsGen", "statistics")
    assert json.loads(made["metadata"]["split_names"]) == ["train", "eval"]
    import tensorflow_data_validation as tfdv

    counts = json.loads(ingested["metadata"]["rows"])
    for split, rows in counts.items():
        found = tfdv.load_stats_binary(str(s3.local(made["uri"]) / f"Split-{split}" / "FeatureStats.pb"))
        assert found.datasets[0].num_examples == rows


def test_an_input_that_is_not_what_its_step_wrote_stops_the_step(ingested: dict[str, Any], s3: Cluster) -> None:
    files, size, digest = ingested["metadata"]["content"].split()
    folder = s3.local(ingested["uri"])
    assert (int(files), len(digest)) == (sum(path.is_file() for path in folder.rglob("*")), 64)
    schema = s3.uri("ImportSchemaGen", "schema")
    (s3.local(schema)).mkdir(parents=True, exist_ok=True)
    (s3.local(schema) / "schema.pbtxt").write_bytes((PROJECT / "schemas" / "flights" / "schema.pbtxt").read_bytes())
    inputs = {
        "examples": s3.artifact(7, ingested["uri"], **ingested["metadata"]),
        "schema": s3.artifact(8, schema),
    }
    shard = next(path for path in sorted((folder / "Split-train").iterdir()))
    whole = shard.read_bytes()
    shard.unlink()
    try:
        ran = s3.run("StatisticsGen", inputs)
    finally:
        shard.write_bytes(whole)
    assert ran.code == 1
    assert ran.said == (
        f"input artifact examples: {ingested['uri']} has {int(files) - 1} files of {int(size) - len(whole):,} bytes "
        f"instead of {files} files of {int(size):,} bytes; it is not what its step wrote. Delete it, and run once with "
        "[kubeflow] cache = false, so that it is produced again"
    )


@pytest.fixture
def findings(spec: dict[str, Any], tmp_path: Path) -> tuple[Cluster, dict[str, Any]]:
    """A feature that has drifted, on minio://; no anomalies."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    cluster = Cluster(spec, "minio://mlpipeline/v2", tmp_path)
    anomalies, drift = cluster.uri("ExampleValidator", "anomalies"), cluster.uri("DriftValidator", "drift")
    for split in ("train", "eval"):
        file = cluster.local(anomalies) / f"Split-{split}" / "SchemaDiff.pb"
        file.parent.mkdir(parents=True)
        file.write_bytes(anomalies_pb2.Anomalies().SerializeToString())
    row = {"feature": "distance", "measure": "chebyshev", "distance": 0.5, "threshold": 0.1, "drifted": True}
    examples = cluster.uri("ArrowExampleGen", "examples")  # the gate asks for a property alone
    (cluster.local(examples) / "Split-train").mkdir(parents=True)
    (cluster.local(examples) / "Split-train" / "rows.json").touch()
    report = cluster.local(drift) / "drift.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps([row | {"detail": "0.5 apart"}]))
    inputs = {
        "anomalies": cluster.artifact(1, anomalies, split_names='["train", "eval"]'),
        "drift": cluster.artifact(2, drift),
        "examples": cluster.artifact(3, examples, split_names='["train", "eval"]'),
    }
    return cluster, inputs


def test_gate_stops_with_code_3_and_one_line(findings: tuple[Cluster, dict[str, Any]]) -> None:
    cluster, inputs = findings
    ran = cluster.run("DataGate", inputs, drift_policy="block")
    assert ran.code == 3, ran.stderr[-2000:]
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("plumbline: the data gate stopped the run: ")
    assert "distance" in last
    assert "Traceback" not in ran.stderr
    assert ran.said == last.removeprefix("plumbline: ")
    assert ran.output == {}


def test_custom_artifact_type_on_minio(findings: tuple[Cluster, dict[str, Any]]) -> None:
    cluster, inputs = findings
    ran = cluster.run("DataGate", inputs, drift_policy="warn")
    assert ran.code == 0, ran.stderr[-2000:]
    (decision,) = ran.output["artifacts"]["decision"]["artifacts"]
    assert decision["uri"] == cluster.uri("DataGate", "decision")
    written = json.loads((cluster.local(decision["uri"]) / "decision.json").read_text())
    assert [finding["feature"] for finding in written["findings"]] == ["distance"]


def test_missing_span_on_a_plain_folder_is_code_2(spec: dict[str, Any], tmp_path: Path) -> None:
    cluster = Cluster(spec, str(tmp_path / "root"), tmp_path)
    ran = cluster.run("ArrowExampleGen", span=9, window=2, fingerprint="")
    assert ran.code == 2
    assert ran.said.startswith("span 9 does not exist; available: 1")
    assert "Traceback" not in ran.stderr
