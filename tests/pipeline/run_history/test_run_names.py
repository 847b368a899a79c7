"""One grammar for naming a run."""

import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import UsageError
from pipeline.run_history.run_names import run_named


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> History:
    """Three runs: of span 4, which pushed version 1; of span 5; and one that left no summary."""
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    made.add(train=[1, 2, 3], evaluation=4)
    made.add(train=[2, 3, 4], evaluation=5, push=False)
    made.add(train=[2, 3, 4], evaluation=5, push=False, until="Trainer")
    return made


@pytest.mark.parametrize("name", ["live", "champion", "1", "v1", "span-4", "span4", "span=4"])
def test_the_first_run(made, name):
    assert run_named(made.home, name, made.registry) == made.run_ids[0]


@pytest.mark.parametrize("name", ["last", "span-5"])
def test_the_second_run(made, name):
    assert run_named(made.home, name, made.registry) == made.run_ids[1]


def test_ids_and_their_unique_beginnings(made):
    for run_id in made.run_ids[:2]:
        moment, suffix = run_id.split("-")
        assert run_named(made.home, run_id) == run_id
        assert run_named(made.home, suffix) == run_id
        assert run_named(made.home, moment) == run_id


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("9", "no such run in .*; legal: last, champion, a version, span-4, or the beginning of an id"),
        ("v9", "version 9 does not exist"),
        ("canary", "no version is canary"),
        ("span-9", "span 9: no run in .* evaluated on it"),
        ("2026", "run 2026: is ambiguous, 2 runs in "),
        ("0101T", "no such run"),  # the middle of an id is no beginning
        ("", "no such run"),
        ("../../x", "no such run"),
    ],
)
def test_what_is_no_run(made, name, why):
    with pytest.raises(UsageError, match=why):
        run_named(made.home, name, made.registry)


def test_a_run_without_a_summary_and_a_root_without_runs(made, tmp_path):
    with pytest.raises(UsageError, match="no such run"):
        run_named(made.home, made.run_ids[2], made.registry)
    with pytest.raises(UsageError, match="no run yet that has ended"):
        run_named(tmp_path, "last", made.registry)
    with pytest.raises(UsageError, match="has no summary of the run that pushed it"):
        run_named(tmp_path, "live", made.registry)
