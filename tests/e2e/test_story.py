"""A sequence of real runs of one project: caching, pushes, rejected candidates, and queries of the run history.

The steps depend on each other, so a fixture runs them once; the tests check the result of each step.
"""

import csv
import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.browser.opened import EMPTY_CHARTS, Opened
from tests.e2e.project import PROJECT, Project, Result

ALL = {
    "ImportSchemaGen",
    "ArrowExampleGen",
    "StatisticsGen",
    "ExampleValidator",
    "DriftValidator",
    "DataGate",
    "LabelAudit",
    "Transform",
    "Trainer",
    "ChampionResolver",
    "Predictor",
    "ChampionEvaluator",
    "ErrorAnalysis",
    "RegistryPusher",
}
FROM_TRAINER = {"Trainer", "ChampionResolver", "Predictor", "ChampionEvaluator", "ErrorAnalysis", "RegistryPusher"}


@pytest.fixture(scope="module")
def story(project: Project) -> dict[str, Result]:
    """Runs: weak first model, repetition, stricter thresholds, better model, broken model, data of another day."""
    steps = {}
    project.set("[training] learning_rate", "1e-9")
    project.set("[evaluation] prior_baseline", '"warn"')
    steps["weak"] = project.run("--span", "3")
    steps["again"] = project.run("--span", "3")

    project.set("[evaluation.thresholds] auc", "0.99")
    steps["higher bar"] = project.run("--span", "3")
    project.set("[evaluation.thresholds] auc", "0.0")

    project.set("[training] learning_rate", "0.002")
    steps["better"] = project.run("--span", "3")

    heads = "return tf.einsum("
    project.edit("components/trainer/network_layers.py", heads, "return 0.0 * tf.einsum(")
    steps["broken model"] = project.run("--span", "3")
    project.edit("components/trainer/network_layers.py", "return 0.0 * tf.einsum(", heads)

    _change_one_cell(project.folder / "spans" / "span-02.csv")
    steps["changed cell"] = _killed_in(project, "Transform", "run", "--dataset", "flights", "--span", "3")
    steps["resumed"] = project.run("--span", "3")

    _rename_a_carrier(project.folder / "spans" / "span-04.csv")
    steps["blocked"] = project.run("--span", "4")
    return steps


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def _rewrite(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _change_one_cell(path: Path) -> None:
    rows = list(_rows(path))
    rows[0]["distance"] = str(int(rows[0]["distance"]) + 1)
    _rewrite(path, rows)


def _rename_a_carrier(path: Path) -> None:
    rows = list(_rows(path))
    rows[5]["carrier"] = "ZZ"
    _rewrite(path, rows)


def _killed_in(project: Project, component: str, *arguments: str) -> Result:
    """Starts a run and kills it with SIGKILL as soon as the component before `component` is finished."""
    process = project.start(*arguments)
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if "LabelAudit" in line:  # the last line before Transform begins
            process.send_signal(signal.SIGKILL)
            break
    else:
        pytest.fail(f"{component} was never reached:\n{''.join(seen)}")
    process.wait(timeout=60)
    process.communicate()
    return Result(process.returncode, "", "".join(seen))


def test_first_run_pushes_by_thresholds_alone(story: dict[str, Result]) -> None:
    result = story["weak"]
    assert result.code == 0, result.err
    summary = result.summary
    assert result.states("executed") == ALL
    assert summary["champion"] is None
    assert summary["blessed"] is True
    assert summary["pushed"] == 1
    assert summary["spans"] == {"train": [1, 2], "eval": [3]}
    assert summary["rows"] == {"train": 2000, "eval": 1000}
    assert 0.0 <= summary["metrics"]["auc"] <= 1.0
    assert {"feature", "measure", "distance", "threshold", "drifted", "detail"} <= summary["drift"][0].keys()
    assert summary["anomalies"] == []


def test_the_only_candidate_is_the_model(story: dict[str, Result]) -> None:
    model = story["better"].summary["model"]
    (member,) = model["members"]
    assert (member["name"], member["weight"]) == ("network", 1.0)
    assert member["reason"] == "the only candidate: [training] model"
    assert model["seconds"] > member["seconds"] > 0
    assert story["again"].summary["model"] == story["weak"].summary["model"]


def test_summary_is_kept(story: dict[str, Result], project: Project) -> None:
    summary = story["weak"].summary
    kept = json.loads((project.home / "reports" / summary["run_id"] / "summary.json").read_text())
    assert kept == summary


def test_chatter_goes_to_the_log(story: dict[str, Result], project: Project) -> None:
    result = story["weak"]
    assert "oneDNN" not in result.err
    assert len(result.err.splitlines()) == 1 + len(ALL)  # "loading …", then one plain line a component
    assert (project.folder / result.summary["log"]).stat().st_size > 1000


def test_repeat_is_wholly_cached(story: dict[str, Result]) -> None:
    result = story["again"]
    assert result.code == 0
    assert result.states("cached") == ALL
    assert result.summary["metrics"] == story["weak"].summary["metrics"]
    assert result.summary["pushed"] == 1
    assert result.summary["fingerprints"] == story["weak"].summary["fingerprints"]


def test_higher_bar_reruns_the_judgement_only(story: dict[str, Result]) -> None:
    result = story["higher bar"]
    assert result.code == 0
    assert result.states("executed") == {"ChampionEvaluator", "RegistryPusher"}
    assert result.summary["blessed"] is False
    assert result.summary["pushed"] is None
    assert "< 0.9900 (threshold)" in result.summary["violation_texts"][0]


def test_better_model_replaces_the_champion(story: dict[str, Result]) -> None:
    result = story["better"]
    assert result.states("executed") == FROM_TRAINER  # a setting of training alone was changed
    summary = result.summary
    assert summary["champion"]["version"] == 1
    assert summary["metrics"]["auc"] > summary["champion"]["metrics"]["auc"]
    assert summary["blessed"] is True
    assert summary["pushed"] == 2


def test_champion_is_measured_on_the_same_rows(story: dict[str, Result]) -> None:
    # The champion is the model of the first run and eval is the same span, so its metrics are that run's.
    then, now = story["weak"].summary["metrics"], story["better"].summary["champion"]["metrics"]
    assert now["auc"] == pytest.approx(then["auc"], abs=1e-6)
    assert now["rows"] == 1000


def test_edited_model_code_is_trained_and_refused(story: dict[str, Result]) -> None:
    result = story["broken model"]
    assert result.code == 0
    assert result.states("executed") == FROM_TRAINER
    summary = result.summary
    assert summary["champion"]["version"] == 2
    assert summary["metrics"]["auc"] == pytest.approx(0.5, abs=1e-6)  # a constant answer ranks nothing
    assert summary["blessed"] is False
    assert summary["pushed"] is None
    assert "(champion)" in summary["violation_texts"][0]
    assert summary["fingerprints"]["code"] != story["better"].summary["fingerprints"]["code"]
    assert summary["fingerprints"]["data"] == story["better"].summary["fingerprints"]["data"]


def test_changed_cell_reruns_what_depends_on_it(story: dict[str, Result]) -> None:
    assert story["changed cell"].code == -signal.SIGKILL
    done = [line.split()[-4] for line in story["changed cell"].err.splitlines() if line.startswith("[")]
    states = {line.split()[-4]: line.split()[-3] for line in story["changed cell"].err.splitlines() if "]" in line}
    assert states.pop("ImportSchemaGen") == "cached"
    assert set(states.values()) == {"executed"}, done


def test_run_goes_on_after_kill(story: dict[str, Result]) -> None:
    result = story["resumed"]
    assert result.code == 0, result.err
    assert result.states("executed") == {"Transform", *FROM_TRAINER}
    assert result.summary["fingerprints"]["data"] != story["better"].summary["fingerprints"]["data"]


def test_gate_blocks_before_training(story: dict[str, Result], project: Project) -> None:
    result = story["blocked"]
    assert result.code == 3
    assert result.states("failed") == {"DataGate"}
    assert {"Transform", "Trainer", "RegistryPusher"} <= result.states("skipped")
    (finding,) = result.summary["anomalies"]
    assert finding["feature"] == "carrier"
    assert "ZZ" in finding["detail"]
    assert "carrier" in result.err.splitlines()[-1]
    assert "Traceback" not in result.err


def test_registry_holds_what_was_pushed(story: dict[str, Result], project: Project) -> None:
    pushed = [step.summary["pushed"] for name, step in story.items() if name != "changed cell"]
    versions = sorted({version for version in pushed if version is not None})
    registry = project.home / "registry"
    assert sorted(int(path.name) for path in registry.iterdir() if path.is_dir()) == versions
    labels = json.loads((registry / "labels.json").read_text())
    assert labels["live"] == versions[-1]
    assert labels["previous"] == versions[-2]


def test_manifest_checksums_hold(story: dict[str, Result], project: Project) -> None:
    summary = story["better"].summary
    folder = project.home / "registry" / "2"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["run_id"] == summary["run_id"]
    assert manifest["fingerprints"] == summary["fingerprints"]
    assert manifest["spans"] == summary["spans"]
    assert manifest["champion"] == 1
    assert manifest["metrics"] == summary["metrics"]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], "manifest.json", "model_card.md", "model_card.html"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_pushed_model_answers_without_the_label(story: dict[str, Result], project: Project) -> None:
    import tensorflow as tf

    model = tf.saved_model.load(str(project.home / "registry" / "2"))
    flights = list(_rows(project.folder / "spans" / "span-03.csv"))[:50]
    examples = [_example(flight).SerializeToString() for flight in flights]
    answer = model.signatures["serve_examples"](examples=tf.constant(examples))
    probability = answer["probability"].numpy()
    assert probability.shape == (50,)
    assert (probability > 0.0).all()
    assert (probability < 1.0).all()
    assert len(set(probability.round(6).tolist())) > 10  # it looks at the rows
    manifest = json.loads((project.home / "registry" / "2" / "manifest.json").read_text())
    assert answer["class"].numpy().tolist() == (probability >= manifest["metrics"]["threshold"]).astype(int).tolist()


def _example(flight: dict[str, str]) -> Any:
    """Returns a raw tf.Example as a client writes it: without label and missing values."""
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = text_format.Parse(
        (Path(__file__).parents[2] / "schemas" / "flights" / "schema.pbtxt").read_text(), schema_pb2.Schema()
    )
    example = tf.train.Example()
    for feature in schema.feature:
        cell = flight[feature.name]
        if feature.name == "late" or cell == "":
            continue
        target = example.features.feature[feature.name]
        if feature.type == schema_pb2.INT:
            target.int64_list.value.append(int(cell))
        elif feature.type == schema_pb2.FLOAT:
            target.float_list.value.append(float(cell))
        else:
            target.bytes_list.value.append(cell.encode())
    return example


def test_lineage_of_a_pushed_model(story: dict[str, Result], project: Project) -> None:
    asked = project.plumbline("lineage", "2", "--dataset", "flights", "--json")
    assert asked.code == 0, asked.err
    lineage, summary = asked.summary, story["better"].summary
    assert lineage["run_id"] == summary["run_id"]
    assert lineage["fingerprints"] == summary["fingerprints"]
    assert lineage["champion"] == 1
    assert [(row["split"], row["span"], row["rows"]) for row in lineage["spans"]] == [
        ("train", 1, 1000),
        ("train", 2, 1000),
        ("eval", 3, 1000),
    ]
    untouched = project.folder / "spans" / "span-01.csv"
    assert lineage["spans"][0]["sha256"] == hashlib.sha256(untouched.read_bytes()).hexdigest()
    curated = project.folder / "schemas" / "flights" / "schema.pbtxt"
    assert (project.folder / lineage["schema"]).read_text() == curated.read_text()
    assert {"ArrowExampleGen", "Transform", "Trainer", "ChampionEvaluator"} <= {
        step["component"] for step in lineage["steps"]
    }


def test_notebooks_work_on_the_last_run_and_their_charts_are_drawn(
    story: dict[str, Result], project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Any
) -> None:
    monkeypatch.setenv("PLUMBLINE_ROOT", str(project.folder / "runs"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), f"{path.name} is kept without outputs"
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
        page = tmp_path / f"{path.stem}.html"
        page.write_text(_as_page(notebook), encoding="utf-8")
        with Opened(browser, page) as opened:
            assert opened.page.locator("main svg").count() > 0, path.name
            assert opened.page.evaluate(EMPTY_CHARTS) == [], path.name
            assert opened.complaints == [], path.name


def _as_page(notebook: Any) -> str:
    """Returns a page of the cell outputs, each in a scrollable box, as notebook viewers show them."""
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    boxes = [data.get("image/svg+xml") or data.get("text/html") or "" for data in shown]
    return "<!doctype html><meta charset='utf-8'><title>outputs</title><main>" + "".join(
        f"<div style='overflow-x: auto'>{box}</div>" for box in boxes
    )


def test_every_run_has_a_report_that_opens_by_itself(story: dict[str, Result], project: Project) -> None:
    for name, says in (("better", "Pushed as version 2"), ("broken model", "Not pushed"), ("blocked", "Stopped")):
        page = (project.folder / story[name].summary["report"]).read_text(encoding="utf-8")
        assert says in page, name
        assert "<script src" not in page
        assert 'rel="stylesheet"' not in page


def test_compare_says_exactly_which_row_changed(story: dict[str, Result], project: Project) -> None:
    before, after = (story[name].summary["run_id"] for name in ("better", "resumed"))
    asked = project.plumbline("compare", before, after, "--dataset", "flights", "--json")
    assert asked.code == 0, asked.err
    found = asked.summary
    assert found["verdict"] == "data-centric"
    (span,) = found["spans"]
    assert (span["span"], span["change"]) == (2, "changed")
    assert {name: span["by_row"][name] for name in ("added", "removed", "changed")} == {
        "added": 0, "removed": 0, "changed": 1,
    }  # fmt: skip
    assert list(span["by_row"]["shown"][0]["cells"]) == ["distance"]


def test_downstream_of_a_span_names_the_models_that_saw_it(story: dict[str, Result], project: Project) -> None:
    asked = project.plumbline("downstream", "2", "--dataset", "flights", "--json")
    assert asked.code == 0, asked.err
    pushed = {step.summary["pushed"] for name, step in story.items() if name != "changed cell"} - {None}
    assert {row["version"] for row in asked.summary["versions"]} >= pushed


def test_the_drift_of_all_runs_can_be_asked_for(story: dict[str, Result], project: Project) -> None:
    chart = project.folder / "drift.svg"
    asked = project.plumbline("drift", "--history", "--dataset", "flights", "--chart", str(chart))
    assert asked.code == 0, asked.err
    assert "late" in asked.out
    assert "prior shift" in asked.out
    assert chart.read_text(encoding="utf-8").startswith("<svg")


def test_gc_spares_what_the_registry_uses(story: dict[str, Result], project: Project) -> None:
    asked = project.plumbline("gc", "--dataset", "flights", "--keep", "1", "--json")
    assert asked.code == 0, asked.err
    live = project.plumbline("lineage", "live", "--dataset", "flights", "--json").summary["run_id"]
    assert live in {kept["run_id"] for kept in asked.summary["kept"]}


def test_lineage_of_what_is_not_there(story: dict[str, Result], project: Project) -> None:
    asked = project.plumbline("lineage", "99", "--dataset", "flights")
    assert asked.code == 2
    assert len(asked.err.splitlines()) == 1
    assert "99" in asked.err
