"""The two labelers: conventions, slips, and who labels first."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.steel_labelers import CONVENTIONS, INSTRUCTION, LABELERS, by_convention, first_labels, label
from data.steel_sheets import CLASSES, CONTRASTS, SIZES, SpanPlan, plan_span

README = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plan() -> SpanPlan:
    """20,000 photographs."""
    return plan_span(7, 1, 20_000)


def test_instruction_names_every_class():
    assert set(INSTRUCTION) == set(CLASSES)


def test_readme_tells_shares_instruction_and_conventions():
    plans = [plan_span(7, span, 1600) for span in range(1, 6)]
    table = pd.concat([plan.table for plan in plans])
    labels = pd.concat([first_labels(plan) for plan in plans])
    rules = {(c.defect, labeler): c for labeler, conventions in CONVENTIONS.items() for c in conventions}
    for name, share in table["defect"].value_counts(normalize=True).items():
        cells = [""] * 2
        for place, labeler in enumerate(LABELERS):
            if rule := rules.get((str(name), labeler)):
                cells[place] = f" `{rule.called}` if its {rule.parameter} is below {rule.below}"
        line = f"| `{name}` | {share:.1%} | {INSTRUCTION[str(name)]} |{cells[0]} |{cells[1]} |".replace("%", "", 1)
        assert line in README
    differ = (labels["labeler_1"] != labels["labeler_2"]).mean()
    wrong = (labels["defect"].to_numpy() != table["defect"].to_numpy()).mean()
    assert f"disagree on {differ:.1%}".replace("%", " %") in README
    assert f"{wrong:.1%} of the".replace("%", " %") in README


def test_conventions_depend_on_drawn_parameters():
    table = pd.DataFrame(
        [
            ("water_spot", 0.3, 0.129, "none", "water_spot"),
            ("water_spot", 0.3, 0.13, "water_spot", "water_spot"),
            ("rolled_in_scale", 0.5, 0.179, "patches", "rolled_in_scale"),
            ("pitted_surface", 0.319, 0.2, "pitted_surface", "inclusion"),
            ("pitted_surface", 0.32, 0.2, "pitted_surface", "pitted_surface"),
            ("crease", 0.5, 0.189, "crease", "scratch"),
            ("oil_spot", 0.259, 0.2, "oil_spot", "water_spot"),
            ("inclusion", 0.15, 0.1, "inclusion", "inclusion"),
            ("none", np.nan, np.nan, "none", "none"),
        ],
        columns=["defect", "size", "contrast", "first", "second"],
    )
    assert by_convention(table, "labeler_1").tolist() == table["first"].tolist()
    assert by_convention(table, "labeler_2").tolist() == table["second"].tolist()


def test_every_limit_divides_its_class():
    for conventions in CONVENTIONS.values():
        for convention in conventions:
            low, high = {"size": SIZES, "contrast": CONTRASTS}[convention.parameter][convention.defect]
            assert low < convention.below < high and convention.called in set(CLASSES) - {convention.defect}


@pytest.mark.parametrize("labeler", LABELERS)
def test_slips_are_2_percent_to_any_class_and_the_rest_follows_the_convention(plan: SpanPlan, labeler: str):
    slips = label(plan, labeler) != by_convention(plan.table, labeler)
    assert 0.017 < slips.mean() < 0.023  # 2 % +- 3 standard errors
    assert set(label(plan, labeler)[slips]) == set(CLASSES)


def test_slips_of_the_labelers_are_independent(plan: SpanPlan):
    both = [label(plan, labeler) != by_convention(plan.table, labeler) for labeler in LABELERS]
    assert (both[0] & both[1]).mean() < 0.002  # 0.0004 is expected


def test_labels_that_are_trained_on_come_from_one_labeler_per_sheet_in_turn(plan: SpanPlan):
    labels = first_labels(plan)
    assert list(labels) == ["labeler_1", "labeler_2", "defect"]
    even = plan.table["sheet"] % 2 == 0
    assert labels.loc[even, "defect"].equals(labels.loc[even, "labeler_1"])
    assert labels.loc[~even, "defect"].equals(labels.loc[~even, "labeler_2"])


def test_labelers_disagree_often_and_each_is_mostly_right(plan: SpanPlan):
    labels = first_labels(plan)
    assert 0.15 < (labels["labeler_1"] != labels["labeler_2"]).mean() < 0.27
    for name in labels:
        assert 0.85 < (labels[name] == plan.table["defect"]).mean() < 0.93, name
