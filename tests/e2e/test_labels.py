"""Runs with spelling variants of labels and categories, with classes of one split only, and with schema changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main

pytestmark = pytest.mark.e2e

CASES = Path(__file__).parents[1] / "cases"


def said(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    """Returns the JSON object that a command with --json prints."""
    assert main([*command, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return found


def test_spellings_are_one_value_from_init_to_the_served_model(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(CASES / "lab_mixedcase.csv", keep_default_na=False)
    odd = np.arange(len(frame)) % 10
    frame["plan"] = np.where(odd == 0, frame.plan.str.upper(), np.where(odd == 1, frame.plan + " ", frame.plan))
    frame.to_csv("sales.csv", index=False)
    found = said(capsys, "init", "--data", "sales.csv", "--label", "left")
    assert {one["column"]: one["applied"] for one in found["spellings"]} == {"left": True, "plan": False}
    settings = Path("schemas/sales/pipeline.toml")
    lines = settings.read_text().splitlines()
    settings.write_text(
        "\n".join(line.removeprefix("# ") if "plan" in line or line.startswith('# "') else line for line in lines)
    )
    schema = Path("schemas/sales/schema.pbtxt")
    schema.write_text(schema.read_text().replace('  domain: "plan"\n', ""))
    summary = said(capsys, "run", "--dataset", "sales")
    assert summary["blessed"]
    assert summary["metrics"]["auc"] > 0.7

    import tensorflow as tf

    model = tf.saved_model.load(f"runs/sales/registry/{summary['pushed']}")
    asked = [(plan, "pro") for plan in ("PRO", "pro ", "pro")] + [("BASIC", "basic"), ("plus ", "plus")]

    def answers(plans: list[str]) -> np.ndarray:
        rows = len(plans)
        columns = {"age": tf.fill([rows], 40.0), "spend": tf.fill([rows], 500.0), "plan": tf.constant(plans)}
        by_name = model.signatures["serving_default"](**columns)["probability"].numpy()
        examples = []
        for plan in plans:
            example = tf.train.Example()
            example.features.feature["age"].int64_list.value.append(40)
            example.features.feature["spend"].float_list.value.append(500.0)
            example.features.feature["plan"].bytes_list.value.append(plan.encode())
            examples.append(example.SerializeToString())
        by_example = model.signatures["serve_examples"](examples=tf.constant(examples))["probability"].numpy()
        assert by_name == pytest.approx(by_example, abs=1e-6)
        return by_name

    assert answers([raw for raw, _ in asked]).tolist() == answers([meant for _, meant in asked]).tolist()
    assert len(set(answers(["pro", "basic", "unheard of"]).round(6).tolist())) == 3


def test_48_classes_of_which_some_are_in_eval_only(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, row = ["id,size,group,y"], 0
    draw = np.random.default_rng(3)
    for number in range(48):
        for _ in range(2 if number >= 20 else 40):
            lines.append(f"s{row:05},{number + draw.normal(scale=0.3):.3f},g{number % 6},class {number:02}")
            row += 1
    Path("t.csv").write_text("\n".join(lines) + "\n")
    said(capsys, "init", "--data", "t.csv", "--label", "y")
    summary = said(capsys, "run", "--dataset", "t")
    kinds = {one["kind"] for one in summary["anomalies"]}
    assert {"unseen_class", "vanished_class"} <= kinds
    verdict = json.loads(next(Path("runs/t").rglob("verdict.json")).read_text())
    rows, unseen = verdict["metrics"]["rows"], sum(verdict["unknown_labels"].values())
    assert unseen > 0
    assert rows + unseen == summary["rows"]["eval"]
    assert verdict["accuracy_with_unseen"] == pytest.approx(verdict["metrics"]["accuracy"] * rows / (rows + unseen))
    text = Path("schemas/t/pipeline.toml").read_text()
    Path("schemas/t/pipeline.toml").write_text(text.replace("[gate] ", '[gate]\nclasses = "block"\n# '))
    assert main(["run", "--dataset", "t"]) == 3
    assert "classes that no train row has" in capsys.readouterr().err


@pytest.mark.long
def test_a_champion_from_before_a_column_became_another_type_and_one_was_renamed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(5)
    Path("data").mkdir()
    for span in (1, 2, 3, 4):
        size = draw.integers(0, 100, 400)
        plan = draw.choice(["a", "b", "c"], 400, p=[0.6, 0.3, 0.1])
        left = (size + 30 * (plan == "a") + draw.normal(scale=15, size=400) > 70).astype(int)
        frame = pd.DataFrame({"size": size, "plan": plan, "left": left})
        if span == 4:
            frame = frame.assign(size=frame["size"] + 0.25).rename(columns={"plan": "tariff"})
            later = frame
        else:
            frame.to_csv(f"data/span-{span}.csv", index=False)
    said(capsys, "init", "--data", "data", "--label", "left", "--name", "sales")
    first = said(capsys, "run", "--dataset", "sales")
    assert first["pushed"]
    later.to_csv("data/span-4.csv", index=False)
    assert main(["schema", "update", "--dataset", "sales", "--accept", "all"]) == 0
    capsys.readouterr()
    second = said(capsys, "run", "--dataset", "sales")
    assert second["champion"]["version"] == first["pushed"]
    warnings = " ".join(second["warnings"])
    assert "are converted for it: size" in warnings
    assert "columns that the eval rows lack; it gets them as missing values: plan" in warnings
    assert second["champion"]["metrics"]["auc"] > 0.7
    shutil.rmtree("runs")


def test_annotators_reach_the_run_and_its_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Annotators' columns go from init through ingest to labels.json and the report; the model does not read them."""
    from pipeline.labels.audit import audit
    from pipeline.settings.config import load_config

    frame = pd.read_csv(CASES / "lab_mixedcase.csv", keep_default_na=False)
    draw = np.random.default_rng(4)
    truth = frame.left.str.lower().str.strip()
    for name, error in (("ann", 0.05), ("ben", 0.1), ("eve", 0.2)):
        other = np.where(truth == truth.iloc[0], next(one for one in truth if one != truth.iloc[0]), truth.iloc[0])
        given = np.where(draw.random(len(frame)) < error, other, truth)
        frame[name] = np.where(draw.random(len(frame)) < 0.3, "", given)
    Path("months").mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 3), 1):
        frame.iloc[rows].to_csv(f"months/sales-{number}.csv", index=False)
    said(capsys, "init", "--data", "months", "--label", "left", "--name", "sales", "--annotators", "ann,ben,eve")
    summary = said(capsys, "run", "--dataset", "sales")
    config = load_config(Path("schemas/sales/pipeline.toml"))
    assert not {"ann", "ben", "eve"} & set(config.features.names)
    found = summary["labels"]["agreement"]
    assert (found["rows"], [one["name"] for one in found["labelers"]]) == (
        summary["rows"]["train"],
        ["ann", "ben", "eve"],
    )
    # The command on the spans of `train` has the same figures, apart from the order of rows.
    Path("train").mkdir()
    for span in summary["spans"]["train"]:
        shutil.copy(f"months/sales-{span}.csv", "train")
    by_command = audit("train", config=config, labelers=["ann", "ben", "eve"]).to_json()["agreement"]
    for figure in ("alpha", "alpha_interval", "fleiss", "raw", "disagreeing", "by_class", "cohen"):
        assert found[figure] == json.loads(json.dumps(by_command[figure])), figure
    report = Path(summary["report"]).read_text()
    assert "Inter-annotator agreement" in report
    assert f"{found['alpha']:.3f}" in report
