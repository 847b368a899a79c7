import numpy as np
import pytest

from components.error_analysis.binning import CategoricalColumn, Column
from components.error_analysis.diagnosis import TrainingRows, diagnose_slices
from components.error_analysis.settings import ErrorAnalysisSettings
from components.error_analysis.slice_search import weak_slices
from tests.components.error_analysis import made_up


@pytest.fixture(scope="module")
def weak(world):
    """A search that found carrier=UA, and its rows."""
    noisy = world.with_flipped(world.where(carrier="UA"), 0.25)
    search = weak_slices(noisy.found, noisy.columns, ErrorAnalysisSettings(min_rows=100))
    assert [one.slice for one in search.slices] == ["carrier=UA"]
    return search, noisy


def asked(weak, columns: dict[str, Column], doubtful=None, listed=1.0, total=None):
    search, noisy = weak
    return diagnose_slices(search.slices, search.cuts, noisy.columns, TrainingRows(columns, doubtful, listed, total))[0]


@pytest.fixture(scope="module")
def before():
    """Training rows with the distribution of the eval rows."""
    return made_up.world(seed=1)


def test_doubtful_labels(weak, before):
    inside, chance = before.where(carrier="UA"), np.random.default_rng(0).random(made_up.ROWS)
    found = asked(weak, before.columns, chance < np.where(inside, 0.2, 0.02))
    assert found.cause == "labels"
    assert found.train_rows == inside.sum() and found.train_share == pytest.approx(inside.mean())
    assert found.doubtful == pytest.approx(0.2, abs=0.03)
    assert found.doubtful_elsewhere == pytest.approx(0.02, abs=0.01)
    assert found.next.startswith("check its labels: ")


def test_share_of_issues_is_extrapolated_if_only_some_are_listed(weak, before):
    doubtful = before.where(carrier="UA") & (np.arange(made_up.ROWS) % 10 == 0)
    assert asked(weak, before.columns, doubtful, 0.5).doubtful == pytest.approx(0.2, abs=0.03)


def test_moved_inputs(weak, before):
    temp = np.where(before.where(carrier="UA"), 0.0, before.columns["temp"])
    found = asked(weak, {**before.columns, "temp": temp})
    assert (found.cause, found.moved) == ("inputs", ("temp",))
    assert "check the values of temp in these rows" in found.next


def test_inputs_that_drifted_in_all_rows_are_no_cause(weak, before):
    assert asked(weak, {**before.columns, "temp": before.columns["temp"] + 1}).moved == ()


def test_too_few_rows(weak, before):
    few = ~before.where(carrier="UA") | (np.arange(made_up.ROWS) % 5 == 0)
    columns = {
        name: CategoricalColumn(column.codes[few], column.names)
        if isinstance(column, CategoricalColumn)
        else column[few]
        for name, column in before.columns.items()
    }
    found = asked(weak, columns)
    assert found.cause == "rows"
    assert found.next.startswith(f"collect more rows of carrier=UA: train has {found.train_rows:,}")


def test_rows_of_a_sample_are_extrapolated(weak, before):
    inside = before.where(carrier="UA")
    found = asked(weak, before.columns, total=3 * made_up.ROWS)
    assert found.train_rows == 3 * inside.sum()
    assert f"about {found.train_rows:,} training rows" in found.next
    assert "about" not in asked(weak, before.columns, total=made_up.ROWS).next


def test_no_training_row_in_the_slice(weak, before):
    columns = {**before.columns, "carrier": CategoricalColumn(np.zeros(made_up.ROWS, int), ("AA",))}
    found = asked(weak, columns, np.zeros(made_up.ROWS, bool))
    assert (found.cause, found.train_rows, found.doubtful) == ("rows", 0, None)


@pytest.mark.parametrize("audited", [True, False])
def test_hard(weak, before, audited):
    doubtful = np.random.default_rng(0).random(made_up.ROWS) < 0.05
    found = asked(weak, before.columns, doubtful if audited else None)
    assert found.cause == "hard"
    assert ("no more suspected label errors" in found.next) == audited
