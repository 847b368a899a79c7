from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.settings.config import Config
from tests.projects import load_settings

SETTINGS = """
[dataset]
name = "d"
label = "y"
task = "{task}"
[data]
directory = "spans"
[features]
numeric = ["n"]
[evaluation]
{evaluation}
"""


def load(folder: Path, evaluation: str, task: str = "binary") -> Config:
    return load_settings(folder, SETTINGS.format(evaluation=evaluation, task=task))


def test_defaults(tmp_path):
    found = load(tmp_path, "").evaluation
    assert (found.linear_baseline, found.sensitive, found.max_disparity, found.threshold_metric) == (
        "warn",
        (),
        {},
        "f1",
    )


def test_all_of_it(tmp_path):
    text = 'linear_baseline = "block"\nsensitive = ["origin"]\nmax_disparity = { true_positive_rate = 0.1 }\n'
    found = load(tmp_path, text + "threshold_metric = { precision = 0.8 }").evaluation
    assert (found.linear_baseline, found.sensitive) == ("block", ("origin",))
    assert (found.max_disparity, found.threshold_metric) == ({"true_positive_rate": 0.1}, {"precision": 0.8})


def test_the_evaluator_takes_what_the_settings_give(tmp_path):
    import json

    from components.evaluator.blessing import ValidationThresholds

    settings = load(tmp_path, 'sensitive = ["origin"]\nslices = [["a"]]\ntolerance = { auc = 0.01 }').evaluation
    bar = ValidationThresholds(**json.loads(settings.model_dump_json(exclude={"slices"})))
    assert (list(bar.sensitive), bar.tolerance, bar.min_slice_rows, bar.threshold_metric) == (
        ["origin"],
        {"auc": 0.01},
        500,
        "f1",
    )


@pytest.mark.parametrize(
    ("evaluation", "task", "said"),
    [
        (
            'linear_baseline = "stop"',
            "binary",
            "[evaluation] linear_baseline: input should be 'block' or 'warn', not 'stop'",
        ),
        (
            'sensitive = ["o"]',
            "regression",
            "[evaluation] sensitive: only a binary label is decided by a threshold; take it out",
        ),
        (
            'threshold_metric = "accuracy"',
            "multiclass",
            "[evaluation] threshold_metric: only a binary label is decided by a threshold; take it out",
        ),
        (
            'threshold_metric = "auc"',
            "binary",
            "[evaluation] threshold_metric: must be f1, accuracy, balanced_accuracy, or { precision = 0.8 }, not 'auc'",
        ),
        (
            "threshold_metric = { precision = 80.0 }",
            "binary",
            "[evaluation] threshold_metric: precision must lie between 0 and 1, not 80",
        ),
        (
            "slice_tolerance = { recall = 0.02 }",
            "binary",
            "[evaluation] slice_tolerance: no slices are evaluated; name columns in slices, or take it out",
        ),
        (
            "max_disparity = { precision = 0.1 }",
            "binary",
            "[evaluation] max_disparity: between what? name columns as sensitive, or take it out",
        ),
        (
            'sensitive = ["o"]\nmax_disparity = { tpr = 0.1 }',
            "binary",
            "[evaluation] max_disparity: tpr is no rate; legal: positive_rate, true_positive_rate, "
            "false_positive_rate, precision, bias",
        ),
    ],
)
def test_what_is_refused(tmp_path, evaluation, task, said):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, evaluation, task)
    assert str(error.value) == f"{tmp_path / 'pipeline.toml'}: {said}"
