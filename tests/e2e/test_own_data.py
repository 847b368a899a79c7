"""`init` and `run` push a model for public tables from installed packages, without edits of the settings."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from sklearn import datasets

from pipeline.cli import main


def _breast_cancer(folder: Path) -> Path:
    path = folder / "breast_cancer.csv"
    datasets.load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
    return path


def _wine(folder: Path) -> Path:
    loaded = datasets.load_wine(as_frame=True)
    path = folder / "wine.parquet"
    loaded.frame.assign(target=loaded.target.map(dict(enumerate(loaded.target_names)))).to_parquet(path, index=False)
    return path


def _iris(folder: Path) -> Path:
    loaded = datasets.load_iris(as_frame=True)
    frame = loaded.frame.assign(species=loaded.target.map(dict(enumerate(loaded.target_names))))
    path = folder / "iris.feather"
    pyarrow.feather.write_feather(pa.Table.from_pandas(frame.drop(columns="target"), preserve_index=False), path)
    return path


def _diabetes(folder: Path) -> Path:
    path = folder / "diabetes.csv.gz"
    datasets.load_diabetes(as_frame=True, scaled=False).frame.to_csv(path, index=False)
    return path


def _taxi(folder: Path) -> Path:
    spec = find_spec("tfx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "examples" / "chicago_taxi_pipeline" / "data" / "big_tipper_label" / "data.csv"


def _label_of_taxi() -> str:
    return str(pd.read_csv(_taxi(Path()), nrows=1).columns[-1])


TABLES = [
    # table, label, metric, what it must beat: always saying the commonest class, or the label's mean, on all rows
    pytest.param(_breast_cancer, "target", "auc", 0.9, id="breast cancer"),
    pytest.param(_taxi, _label_of_taxi(), "auc", 0.6, id="taxi"),
    pytest.param(_wine, "target", "accuracy", 0.8, id="wine"),
    pytest.param(_iris, "species", "accuracy", 0.8, id="iris"),
    pytest.param(_diabetes, "target", "rmse", 77.1, id="diabetes"),
]


@pytest.mark.parametrize(("table", "label", "metric", "bar"), TABLES)
def test_from_file_to_pushed_model(
    table: Callable[[Path], Path],
    label: str,
    metric: str,
    bar: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--data", str(table(tmp_path)), "--label", label, "--name", "mine", "--json"]) == 0
    capfd.readouterr()
    code = main(["run", "--dataset", "mine", "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    summary = json.loads(out)
    assert summary["anomalies"] == []
    value = summary["metrics"][metric]
    assert value < bar if metric == "rmse" else value > bar
    assert summary["blessed"] is True, summary["violation_texts"]
    assert summary["pushed"] == 1
    assert summary["rows"]["train"] > summary["rows"]["eval"] > 0
    members = {member["name"]: member for member in summary["model"]["members"]}
    assert {"prior", "linear", "trees", "network"} <= members.keys()
    assert all(member["reason"] for member in members.values())
    assert members["prior"]["weight"] == 0  # better than it beyond chance
    assert sum(member["weight"] for member in members.values()) == pytest.approx(1)
