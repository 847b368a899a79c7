import json

import pytest

from components.shared.errors import UsageError
from components.shared.files import write_bytes, write_json
from pipeline.metadata.summary_files import summary_of_run
from pipeline.report.gather import gather_report_data
from pipeline.report.history import read_past, read_runs
from pipeline.report.statistics import read_features
from tests.pipeline.report.a_run import (
    ERRORS,
    EVALUATION,
    RUN,
    TRAINING,
    evaluated,
    feature_stats,
    left_behind,
    summary,
)


@pytest.fixture
def home(tmp_path):
    told = summary(
        components=[
            {"id": "ArrowExampleGen", "state": "executed", "seconds": 2.0},
            {"id": "StatisticsGen", "state": "cached", "seconds": 0.1},
            {"id": "Trainer", "state": "skipped", "seconds": 0.0},
        ]
    )
    return left_behind(tmp_path, told)


def test_statistics_by_hand(tmp_path):
    for split in ("train", "eval"):
        write_bytes(tmp_path / f"Split-{split}" / "FeatureStats.pb", feature_stats().SerializeToString())
    carrier, temp = read_features(tmp_path)
    assert (carrier.name, carrier.kind, list(carrier.splits)) == ("carrier", "category", ["train", "eval"])
    side = carrier.splits["eval"]
    assert side.missing == pytest.approx(0.1)
    assert [(bar.value, bar.share) for bar in side.bars] == [("AA", pytest.approx(2 / 3)), ("UA", pytest.approx(1 / 3))]
    assert side.statistics["distinct"] == 2
    assert (temp.kind, temp.splits["train"].missing) == ("number", 0.0)
    assert [(bar.low, bar.high, bar.share) for bar in temp.splits["train"].bars] == [(0, 10, 0.75), (10, 20, 0.25)]


def test_a_share_is_of_all_values_not_of_those_that_were_kept(tmp_path):
    statistics = feature_stats()
    statistics.datasets[0].features[0].string_stats.common_stats.tot_num_values = 600  # a long tail was dropped
    write_bytes(tmp_path / "Split-train" / "FeatureStats.pb", statistics.SerializeToString())
    assert read_features(tmp_path)[0].splits["train"].bars[0].share == pytest.approx(0.1)


def test_everything_that_a_run_left_behind(home):
    found = gather_report_data(home, summary_of_run(home, RUN))
    assert [feature.name for feature in found.features] == ["carrier", "temp"]
    assert [(step.id, step.state, step.inputs, step.outputs) for step in found.steps] == [
        ("ArrowExampleGen", "executed", (), ("examples",)),
        ("StatisticsGen", "cached", ("ArrowExampleGen",), ("statistics",)),
        ("Trainer", "skipped", (), ()),
    ]
    assert (found.files[0].name, found.files[0].unlabelled) == ("s1.csv", 2)
    assert found.settings["ArrowExampleGen"] == {"source": {"label": "late", "ids": ["row_id"]}}
    assert found.label == "late"
    assert found.curves == {}
    assert found.gone == ()
    assert [run.span for run in found.past] == [4]


def test_what_the_evaluator_the_error_analysis_and_the_trainer_recorded(home):
    folder = evaluated(home)
    now = gather_report_data(home, summary_of_run(home, RUN))
    assert (now.evaluation, now.errors, now.training, now.gone) == (EVALUATION, ERRORS, TRAINING, ())
    assert now.slices["origin=LGA"]["auc"] == 0.7
    write_json(folder / "errors.json", ERRORS["slices"])  # as it was before there was more to say
    write_json(folder / "training.json", ["a trainer of one's own"])
    earlier = gather_report_data(home, summary_of_run(home, RUN))
    assert (earlier.errors, earlier.training, earlier.gone) == ({"slices": ERRORS["slices"]}, {}, ())
    for name in ("errors.json", "training.json"):
        (folder / name).unlink()
    gone = gather_report_data(home, summary_of_run(home, RUN))
    assert (gone.errors, gone.training) == ({"slices": summary()["weakest_slices"]}, {})
    assert gone.gone == ("ErrorAnalysis.errors",)


def test_of_a_module_of_ones_own_the_digests_are_settings_and_its_text_is_not(home):
    own = {"file": "my_model.py", "files": {"my_model.py": "ab" * 32}, "source": "x" * 999}
    evaluated(home, Trainer={"custom_config": json.dumps({"module": own, "code": "c"})})
    found = gather_report_data(home, summary_of_run(home, RUN)).settings["Trainer"]["custom_config"]
    assert found == {"module": {"file": "my_model.py", "files": {"my_model.py": "ab" * 32}}}


def test_what_was_deleted_since_is_named(home):
    for path in sorted((home / "artifacts" / "statistics").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    found = gather_report_data(home, summary_of_run(home, RUN))
    assert found.features == ()
    assert found.gone == ("StatisticsGen.statistics",)


def test_without_a_store_there_is_the_summary(tmp_path):
    found = gather_report_data(tmp_path / "flights", summary())
    assert [step.id for step in found.steps] == ["Ingest", "Schema", "Statistics", "Trainer"]
    assert not found.features
    assert [run.run_id for run in found.past] == [RUN]


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such run"):
        summary_of_run(tmp_path, "r1")
    (tmp_path / "reports" / "r1").mkdir(parents=True)
    (tmp_path / "reports" / "runs.html").write_text("")
    with pytest.raises(UsageError, match="no such run"):
        summary_of_run(tmp_path, "runs.html")
    (tmp_path / "reports" / "r1" / "summary.json").write_text("{")
    with pytest.raises(UsageError, match="damaged or cut short"):
        summary_of_run(tmp_path, "r1")


def test_the_past_is_the_newest_run_of_each_span_up_to_this_one(tmp_path):
    for run_id, span in (("a1", 4), ("a2", 5), ("a3", 4), ("a4", 6)):
        write_json(
            tmp_path / "reports" / run_id / "summary.json",
            summary(run_id=run_id, spans={"train": [1], "eval": [span]}),
        )
    (tmp_path / "reports" / "a0").mkdir()
    (tmp_path / "reports" / "a0" / "summary.json").write_text("killed")
    assert [run.run_id for run in read_runs(tmp_path)[0]] == ["a1", "a2", "a3", "a4"]
    assert read_runs(tmp_path)[1] == 1  # counted, not shown
    assert [run.run_id for run in read_past(tmp_path)] == ["a3", "a2", "a4"]
    assert [run.run_id for run in read_past(tmp_path, "a2")] == ["a1", "a2"]
