"""The table [monitor]."""

from tests.pipeline.settings.test_config import SETTINGS, refusal
from tests.projects import load_settings


def test_the_metrics_that_are_measured_can_be_chosen(tmp_path):
    assert load_settings(tmp_path, SETTINGS).monitor.metrics == ()
    chosen = load_settings(tmp_path, f'{SETTINGS}\n[monitor]\nmetrics = ["log_loss"]\n')
    assert chosen.monitor.metrics == ("log_loss",)


def test_a_metric_of_another_task_is_named(tmp_path):
    said = refusal(tmp_path, f'{SETTINGS}\n[monitor]\nmetrics = ["auc", "rmse"]\n')
    assert "[monitor] metrics: rmse is none of a binary label; legal: auc, average_precision, f1, " in said
