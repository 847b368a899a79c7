"""Shadow and live on the same rows, from a log that a writer has written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.canary.log_statistics import Task
from serving.canary.shadow_comparison import compare_shadow
from tests.serving.canary.test_log_statistics import ALIASES, answered, failed, label, log_of

ALIASES = replace(ALIASES, canary=None, share=0.0, since="", shadow=4)


def both(id_: str, live, shadow, **more):
    outputs = {"output": more.pop("output", "probability")}
    names = more.pop("classes", None)
    extra = {} if names is None else {"classes": names}
    return (
        answered(id_, live, version=2, label="live", **outputs, **extra),
        answered(id_, shadow, version=4, label="shadow", **outputs, **extra),
    )


def test_pairs_of_a_binary_model(tmp_path: Path):
    log = log_of(
        tmp_path,
        *both("a", [0.2, 0.6], [0.3, 0.5]),
        *both("b", [0.5], [0.8]),
        answered("alone", [0.9], version=2, label="live"),
        answered("old", [0.9], version=1, label="shadow"),
        answered("c", [0.1], version=2, label="live"),
        failed("c", 500, version=4, label="shadow"),
    )
    label(tmp_path, {("a", 0): "1", ("b", 0): "1"})
    found = compare_shadow(log, ALIASES, Task("binary", "1"))
    assert (found.rows, found.requests, found.errors) == (3, 3, 1)
    differences = np.array([0.1, -0.1, 0.3])
    assert found.prediction.mean == pytest.approx(0.1)
    half = 1.95996 * differences.std(ddof=1) / np.sqrt(3)
    assert (found.prediction.low, found.prediction.high) == pytest.approx((0.1 - half, 0.1 + half), rel=1e-4)
    assert found.absolute == pytest.approx(0.5 / 3)
    assert found.loss.rows == 2
    assert found.loss.mean == pytest.approx(((0.7**2 - 0.8**2) + (0.2**2 - 0.5**2)) / 2)
    assert "below 0 is better" in found.to_text() and "3 rows that both predicted" in found.to_text()


def test_rows_whose_id_is_there_twice_have_no_partner(tmp_path: Path):
    log = log_of(tmp_path, *both("a", [0.2], [0.3]), *both("a", [0.4], [0.5]), *both("b", [0.5], [0.8]))
    assert compare_shadow(log, ALIASES, Task("binary", "1")).rows == 1


def test_classes(tmp_path: Path):
    names = np.array([[b"x", b"y"]] * 2, object)
    log = log_of(
        tmp_path,
        *both("a", [[0.6, 0.4], [0.3, 0.7]], [[0.9, 0.1], [0.8, 0.2]], output="probabilities", classes=names),
    )
    label(tmp_path, {("a", 0): "x", ("a", 1): "x"})
    found = compare_shadow(log, ALIASES, Task("multiclass"))
    assert found.prediction.mean == 0.5 and found.absolute is None
    assert found.loss.mean == -0.5  # the second row is right with the shadow only
    assert "another class in 50 %" in found.to_text()


def test_a_log_without_predictions_of_the_shadow(tmp_path: Path):
    log = log_of(tmp_path, answered("a", [0.2], version=2, label="live"))
    found = compare_shadow(log, ALIASES, Task("binary", "1"))
    assert (found.rows, found.requests, found.prediction.mean, found.absolute) == (0, 0, None, None)
    assert "0 rows that both predicted" in found.to_text()
    assert compare_shadow(log_of(tmp_path / "empty"), ALIASES, Task("regression")).rows == 0
