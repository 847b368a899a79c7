"""Downstream of a span, on a history of 14 runs."""

import json

import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import UsageError
from pipeline.run_history.downstream import downstream, downstream_text


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> History:
    """Run i trains on spans i to i+2 and is judged by i+3; every third is pushed; the last repeats the one before."""
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    for number in range(1, 14):
        made.add(train=range(number, number + 3), evaluation=number + 3, push=number % 3 == 1)
    made.add(train=range(13, 16), evaluation=16)
    return made


def _ask(history, asked):
    return downstream(history.store, asked, history.registry)


def test_which_live_models_saw_this_bad_month(history):
    found = _ask(history, "13")  # in train of runs 11 to 13 (and 14), in eval of run 10; runs 10 and 13 pushed
    ids = history.run_ids
    assert {use.run_id: (use.splits, use.pushed) for use in found.runs} == {
        ids[9]: (("eval",), 4),
        ids[10]: (("train",), None),
        ids[11]: (("train",), None),
        ids[12]: (("train",), 5),
        ids[13]: (("train",), found.runs[0].pushed),
    }
    roles = {version.version: (version.splits, version.roles) for version in found.versions}
    live = history.registry.labels().live
    assert roles[live] == (("train",), ("live",))
    assert downstream_text(found).startswith(f"13: version {live} (live; trained on)")


def test_a_month_that_no_model_in_use_saw(history):
    found = _ask(history, "1")
    assert [(use.run_id, use.splits) for use in found.runs] == [(history.run_ids[0], ("train",))]
    assert [(version.version, version.roles) for version in found.versions] == [(1, ())]
    assert "no live, canary or previous version used it" in downstream_text(found)
    printed = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert printed["data"] == printed["asked"] == "1"  # the second is the former name


def test_file_by_name_path_and_digest(history):
    by_span = _ask(history, "7")
    digest = by_span.files[0].sha256
    for asked in ("span-07.csv", "data/flights/span-07.csv", "/elsewhere/data/flights/span-07.csv", digest, digest[:8]):
        assert _ask(history, asked).runs == by_span.runs


def test_a_file_that_was_changed_is_two(tmp_path):
    made = History(tmp_path / "flights")
    made.add(train=[1], evaluation=2)
    made.add(train=[1], evaluation=2, edits={1: "corrected"})
    old, new = sorted(_ask(made, "1").files, key=lambda row: row.sha256 != _ask(made, "1").files[0].sha256)
    assert old.sha256 != new.sha256
    assert len(_ask(made, "1").runs) == 2
    assert len(_ask(made, old.sha256).runs) == 1


def test_registry_made_anew_has_no_roles_for_old_versions(tmp_path):
    made = History(tmp_path / "flights")
    made.add(train=[1], evaluation=2)
    made.registry.folder.rename(tmp_path / "old registry")
    made.add(train=[5], evaluation=6)  # version 1 again, and live
    (version,) = _ask(made, "1").versions
    assert (version.version, version.roles, version.in_registry) == (1, (), False)
    (version,) = _ask(made, "5").versions
    assert (version.version, version.roles, version.in_registry) == (1, ("live",), True)


@pytest.mark.parametrize("asked", ["99", "span-99.csv", "0123456789abcdef", "other/span-07.csv", ""])
def test_never_used(history, asked):
    with pytest.raises(UsageError, match=r"no run has used this span or file; used spans: 1, 2, 3"):
        _ask(history, asked)
