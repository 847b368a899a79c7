import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import UsageError
from pipeline.drift.history import DriftHistory, load_history
from pipeline.drift.history_table import history_table


def row(feature: str, distance: float, threshold: float | None = 0.1, **more: Any) -> dict[str, Any]:
    known = {
        "feature": feature,
        "measure": "chebyshev",
        "distance": distance,
        "threshold": threshold,
        "drifted": threshold is not None and distance > threshold,
        "detail": "",
    }
    return {**known, **more}


def keep(root: Path, run_id: str, train: list[int], evaluation: list[int], drift: Any, data: str = "d") -> Path:
    """The fields of a run's summary that the history reads."""
    path = root / "shop" / "reports" / run_id / "summary.json"
    path.parent.mkdir(parents=True)
    summary = {"run_id": run_id, "spans": {"train": train, "eval": evaluation}, "drift": drift}
    path.write_text(json.dumps({**summary, "fingerprints": {"data": data}}), encoding="utf-8")
    return path


@pytest.fixture
def history(tmp_path) -> DriftHistory:
    """Spans 2 to 4. bought: 1 of 3; price: KS and missing; city: in one slice."""
    price = {"measure": "kolmogorov_smirnov"}
    keep(
        tmp_path, "20260102T000000Z-aa", [1], [2],
        [row("city", 0.01), row("price", 0.05, **price), row("bought", 0.02, role="label")],
    )  # fmt: skip
    keep(
        tmp_path, "20260103T000000Z-aa", [1, 2], [3],
        [
            row("city", 0.02), row("city", 0.3, 0.15, slice="shop=EWR", detail="'x' was 10.0%, is 40.0%"),
            row("price", 0.25, **price), row("price", 0.3, measure="missing"), row("bought", 0.2, role="label"),
        ],
    )  # fmt: skip
    keep(
        tmp_path, "20260104T000000Z-aa", [2, 3], [4],
        [
            row("city", 0.03), row("price", 0.2, **price), row("price", 0.2, measure="missing"),
            row("bought", 0.1, role="label"), row("late_comer", 0.0),
        ],
    )  # fmt: skip
    return load_history(tmp_path, "shop")


def test_time_series_are_parallel_to_the_ascending_spans(history):
    assert [one.span for one in history.compared] == [2, 3, 4]
    trend = history.trend("price", "kolmogorov_smirnov")
    assert [found.distance for found in trend.rows] == [0.05, 0.25, 0.2]
    assert trend.drifted == (1, 2)
    assert history.trend("late_comer", "chebyshev").rows[:2] == (None, None)
    assert history.trend("city", "chebyshev", "shop=EWR").drifted == (1,)


def test_time_series_of_an_unknown_feature_is_empty(history):
    trend = history.trend("nothing", "chebyshev")
    assert trend.rows == (None, None, None)
    assert trend.drifted == ()
    assert trend.newest is None


def test_label_comes_first_then_features_by_number_of_drifted_spans(history):
    assert [trend.feature for trend in history.main] == ["bought", "price", "city", "late_comer"]


def test_kolmogorov_smirnov_represents_a_numeric_feature(history):
    assert {trend.feature: trend.measure for trend in history.main}["price"] == "kolmogorov_smirnov"
    others = [(trend.feature, trend.measure, trend.slice) for trend in history.others]
    assert others == [("price", "missing", ""), ("city", "chebyshev", "shop=EWR")]


GOLDEN = """\
shop: Drift of 3 spans: label bought shifted in 1, most in span 3; 1 of 3
features drifted, price most often, in 2
Distance of each span from its baseline; * drifted, + drifted in another measure
or slice.

feature     measure      threshold span 2      3      4
bought      prior shift      0.100  0.020  0.200* 0.100
price       KS               0.100  0.050  0.250* 0.200*
city        Chebyshev        0.100  0.010  0.020+ 0.030
late_comer  Chebyshev        0.100      -      -  0.000

other measures
  price: missing in spans 3-4, at most 0.300 > 0.100

slices
  city in shop=EWR: Chebyshev in span 3, 0.300 > 0.150 ('x' was 10.0%, is 40.0%)"""


def test_the_table(history):
    assert history_table(history, 80) == GOLDEN


def test_severe_drift_is_marked(tmp_path):
    graded = [row("city", 0.9, severity="severe"), row("price", 0.2, severity="moderate")]
    keep(tmp_path, "20260102T000000Z-aa", [1], [2], graded)
    found = load_history(tmp_path, "shop")
    text = history_table(found, 80)
    assert "* drifted, ! severely, + drifted" in " ".join(text.split())
    assert ("0.900!" in text, "0.200*" in text) == (True, True)
    assert [one["severities"] for one in found.to_json()["courses"]] == [["severe"], ["moderate"]]


def test_a_long_history_shows_the_last_spans_that_fit(tmp_path):
    for span in range(2, 42):
        keep(tmp_path, f"20260101T0000{span:02}Z-aa", [span - 1], [span], [row("a" * 60, span / 1000)])
    history = load_history(tmp_path, "shop")
    for width in (20, 80, 100, 120, 500):
        lines = history_table(history, width).splitlines()
        assert max(map(len, lines)) <= min(max(width, 80), 120)
        assert any(line.startswith("The last ") and "of 40 spans" in line for line in lines)
        assert any(line.endswith(" 41") for line in lines)
    assert "aaa…" in history_table(history)


def test_columns_are_aligned_for_names_in_any_script(tmp_path):
    names = ["温度", "naïve", "two\nlines\x1b[2J", "x"]
    keep(tmp_path, "r1", [1], [2], [row(name, 0.123) for name in names])
    text = history_table(load_history(tmp_path, "shop"))
    assert "\x1b" not in text
    assert "two lines\\x1b[2J" in text
    wide = next(line for line in text.splitlines() if line.startswith("温度"))
    narrow = next(line for line in text.splitlines() if line.startswith("x "))
    assert len(narrow) - len(wide) == 2  # each of the two takes two columns of a terminal


def test_newest_run_of_a_span_that_reached_the_drift_check_is_used(tmp_path):
    keep(tmp_path, "20260101T000000Z-aa", [1], [2], [row("x", 0.1)])
    keep(tmp_path, "20260102T000000Z-aa", [1], [2], [row("x", 0.2)])
    keep(tmp_path, "20260103T000000Z-aa", [1], [2], [])  # failed while ingesting
    (one,) = load_history(tmp_path, "shop").compared
    assert one.run_id == "20260102T000000Z-aa"
    assert one.train == (1,)


def test_data_without_spans_are_sorted_by_time_without_duplicate_data(tmp_path):
    keep(tmp_path, "20260101T000000Z-aa", [0], [0], [row("x", 0.1)], data="first")
    keep(tmp_path, "20260102T000000Z-aa", [0], [0], [row("x", 0.2)], data="second")
    keep(tmp_path, "20260103T000000Z-aa", [0], [0], [row("x", 0.2)], data="second")
    history = load_history(tmp_path, "shop")
    assert [(one.name, one.run_id[:8]) for one in history.compared] == [("#1", "20260101"), ("#2", "20260103")]
    assert "Drift of 2 runs: 1 of 1 features drifted, x most often, in 1" in history_table(history)


def test_the_newest_run_decides_whether_there_are_spans(tmp_path):
    keep(tmp_path, "20260101T000000Z-aa", [0], [0], [row("x", 0.1)])
    keep(tmp_path, "20260102T000000Z-aa", [1], [2], [row("x", 0.2)])
    assert [one.span for one in load_history(tmp_path, "shop").compared] == [2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"spans": {"train": [1], "eval": [2]}}',
        b'{"spans": {"train": [1], "eval": []}, "drift": [{}]}',
        b'{"spans": {"train": [1], "eval": [2]}, "drift": null}',
        b'{"spans": {"train": [1], "eval": [2]}, "drift": ["x"]}',
        json.dumps({"spans": {"train": [1], "eval": [2]}, "drift": [row("x", float("nan"))]}).encode(),
        json.dumps({"spans": {"train": [1], "eval": [2]}, "drift": [row("x", 10**400)]}).encode(),
        b"[" * 100_000,
    ],
)
def test_a_damaged_summary_is_skipped_and_counted(tmp_path, content):
    keep(tmp_path, "20260101T000000Z-aa", [1], [2], [row("x", 0.1)])
    path = keep(tmp_path, "20260102T000000Z-aa", [1], [2], [row("x", 0.2)])
    path.write_bytes(content)
    history = load_history(tmp_path, "shop")
    assert [one.run_id for one in history.compared] == ["20260101T000000Z-aa"]
    assert history.unreadable == 1
    assert history_table(history).endswith("1 unreadable summary skipped")


def test_truncated_summaries_are_skipped(tmp_path):
    path = keep(tmp_path, "r1", [1], [2], [row("x", 0.1)])
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert load_history(tmp_path, "shop") == DriftHistory("shop", (), 1)


def test_a_run_in_progress_does_not_count_as_unreadable(tmp_path):
    keep(tmp_path, "20260101T000000Z-aa", [1], [2], [row("x", 0.1)])
    (tmp_path / "shop" / "reports" / "20260102T000000Z-aa").mkdir()
    (tmp_path / "shop" / "reports" / "note.txt").write_text("mine")
    (tmp_path / "shop" / "reports" / "20260103T000000Z-aa" / "summary.json").mkdir(parents=True)
    history = load_history(tmp_path, "shop")
    assert len(history.compared) == 1
    assert history.unreadable == 1  # the folder in place of a summary


def test_missing_reports_are_a_usage_error_with_a_remedy(tmp_path):
    with pytest.raises(UsageError, match="shop/reports: no runs found .*`plumbline replay`"):
        load_history(tmp_path, "shop")
    (tmp_path / "shop" / "reports").mkdir(parents=True)
    assert history_table(load_history(tmp_path, "shop")) == "No run has reached the drift check yet."


def test_label_of_summaries_without_roles_is_given_by_the_caller(tmp_path):
    keep(tmp_path, "r1", [1], [2], [row("a", 0.5), row("bought", 0.05)])
    assert [trend.feature for trend in load_history(tmp_path, "shop").main] == ["a", "bought"]
    told = load_history(tmp_path, "shop", label="bought")
    assert [trend.feature for trend in told.main] == ["bought", "a"]
    assert "label bought never shifted" in told.finding()


def test_distances_without_threshold_are_shown(tmp_path):
    keep(tmp_path, "r1", [1], [2], [row("a", 0.5, None), row("b", 0.0, 0.0), row("c", 0.1, 0.0)])
    history = load_history(tmp_path, "shop")
    assert [trend.feature for trend in history.main] == ["c", "a", "b"]
    assert "a         Chebyshev            -  0.500" in history_table(history)


def test_the_json(history):
    found = json.loads(json.dumps(history.to_json(), allow_nan=False))
    assert found["dataset"] == "shop"
    assert found["runs"][0] == {"run_id": "20260102T000000Z-aa", "span": 2, "train": [1]}
    assert found["courses"][0] == {
        "feature": "bought",
        "measure": "chebyshev",
        "slice": "",
        "role": "label",
        "main": True,
        "distances": [0.02, 0.2, 0.1],
        "thresholds": [0.1, 0.1, 0.1],
        "drifted": [False, True, False],
        "severities": [None, None, None],
        "details": ["", "", ""],
    }
    assert {len(trend["distances"]) for trend in found["courses"]} == {3}
    assert sum(trend["main"] for trend in found["courses"]) == 4
    assert found["courses"][-1]["distances"] == [None, None, 0.0]
