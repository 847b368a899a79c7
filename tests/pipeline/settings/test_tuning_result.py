"""What a search found, for the runs after it: told, written into pipeline.toml, or re-used."""

from codecs import BOM_UTF8
from pathlib import Path

import pytest

from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.cli import main
from pipeline.fingerprints import code_fingerprint
from pipeline.settings.config import load_config
from pipeline.settings.sections.tune import TuneSection
from pipeline.settings.tuning_result import FILE, TuningResult, in_force, keep, last, trained_with, write
from pipeline.settings.tuning_result_text import edited, in_short
from tests.projects import flights_project

FOUND = {
    "settings": {"dropout": 0.1, "hidden_units": [128, 64], "trees": {"num_leaves": 31}},
    "adopted": True,
    "metric": "log_loss",
    "before": 0.4123,
    "after": 0.4051,
    "best": 0.4051,
    "trials": [
        {"settings": {}, "score": 0.4123, "seconds": 2.0, "failed": None},
        {"settings": {"dropout": 0.1, "hidden_units": [128, 64], "trees.num_leaves": 31}, "score": 0.4051,
         "seconds": 2.5, "failed": None},
        {"settings": {"dropout": 0.4}, "score": None, "seconds": 0.5, "failed": "out of memory"},
    ],
}  # fmt: skip
STAYS = FOUND | {"settings": {}, "adopted": False, "after": 0.4123}


@pytest.fixture
def config(place):
    flights_project(place)
    return load_config(Path("schemas/flights/pipeline.toml"))


def reusing(config, **tune):
    return config.model_copy(update={"tune": TuneSection(reuse=True, **tune)})


def test_in_one_line() -> None:
    assert in_short(FOUND) == (
        "3 trials (1 failed), log loss 0.4123 -> 0.4051: dropout 0.1, hidden_units [128, 64], trees.num_leaves 31"
    )
    assert in_short(FOUND, most=1).endswith(": dropout 0.1 and 2 more")
    assert in_short(STAYS).endswith(
        "log loss 0.4123: settings unchanged; the best trial, 0.4051, is not significantly better"
    )
    assert in_short(STAYS | {"best": 0.4123}).endswith("log loss 0.4123: settings unchanged")
    assert "log loss none -> 0.4051" in in_short(FOUND | {"before": None})


def test_it_is_kept_and_told(config, tmp_path, capsys) -> None:
    home = tmp_path / "runs" / "flights"
    assert main(["tuned", "--dataset", "flights"]) == 2
    assert "no hyperparameter search yet" in capsys.readouterr().err
    keep(home, config, FOUND, "run-1", "data-1")
    assert main(["tuned", "--dataset", "flights"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == in_short(FOUND)
    assert [line.split()[0] for line in lines[3:]] == ["1", "0", "2"]  # the best first, the failed last
    (home / FILE).write_text("{")
    assert main(["tuned", "--dataset", "flights"]) == 2
    assert "delete it and repeat the search" in capsys.readouterr().err


def test_it_is_written_into_the_settings(config, tmp_path, capsys) -> None:
    keep(tmp_path / "runs" / "flights", config, FOUND, "run-1", "data-1")
    before = config.path.read_text()
    assert main(["tuned", "--dataset", "flights", "--write"]) == 0
    after = load_config(config.path)
    assert after.training == trained_with(config, FOUND).training
    assert after.model_copy(update={"training": config.training}) == config
    assert code_fingerprint(after) != code_fingerprint(config)
    kept = [line for line in before.splitlines() if line in config.path.read_text().splitlines()]
    assert kept == before.splitlines()  # flights names none of the three: nothing else is touched
    # Found for what stood there before: not a second time, and not for a run that re-uses.
    assert main(["tuned", "--dataset", "flights", "--write"]) == 2
    assert "was changed after the search" in capsys.readouterr().err


def test_a_clusters_result_is_written_too(config, tmp_path) -> None:
    write_json(tmp_path / "best_settings.json", FOUND)
    arguments = ["tuned", "--dataset", "flights", "--write", "--file"]
    assert main([*arguments, str(tmp_path / "best_settings.json")]) == 0
    assert load_config(config.path).training.trees.num_leaves == 31
    assert main([*arguments, str(config.path)]) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"settings": {"dropuot": 0.1}}, "the search result is not legal in [training]: dropuot: unknown key"),
        ({"settings": {"dropout": 1.5}}, "the search result is not legal in [training]: input should be less than 1"),
        ({"settings": {"trees": 3}}, "not a best_settings.json (AttributeError: "),
        ({"trials": [{"score": 0.1}]}, "not a best_settings.json (KeyError: "),
    ],
)
def test_what_is_no_result_of_a_search_is_refused_and_nothing_is_written(
    config, tmp_path, capsys, changes, says
) -> None:
    before = config.path.read_bytes()
    write_json(tmp_path / "other.json", FOUND | changes)
    assert main(["tuned", "--dataset", "flights", "--write", "--file", str(tmp_path / "other.json")]) == 2
    assert says in capsys.readouterr().err
    assert config.path.read_bytes() == before


def test_a_file_of_windows_keeps_its_line_ends_and_its_bom(config) -> None:
    config.path.write_bytes(BOM_UTF8 + config.path.read_bytes().replace(b"\n", b"\r\n"))
    write(load_config(config.path), TuningResult(FOUND))
    after = config.path.read_bytes()
    assert after.startswith(BOM_UTF8)
    assert after.count(BOM_UTF8) == 1
    assert after.count(b"\n") == after.count(b"\r\n") > 0
    assert load_config(config.path).training.dropout == 0.1


def test_nothing_found_writes_nothing(config) -> None:
    before = config.path.read_bytes()
    assert "nothing to write" in write(config, TuningResult(STAYS))
    assert config.path.read_bytes() == before


def test_reuse_is_asked_for_and_ends_with_what_it_was_found_for(config, tmp_path) -> None:
    keep(tmp_path, config, FOUND, "run-1", "data-1")
    assert in_force(config, tmp_path, "data-2") == (config, None)
    taken, earlier = in_force(reusing(config, trials=8), tmp_path, "data-2")
    assert earlier == last(tmp_path)
    assert taken.training.trees.num_leaves == 31
    assert taken.tune.trials == 0
    assert code_fingerprint(taken) == code_fingerprint(trained_with(config, FOUND))
    # The search itself, on its own data, comes from the cache.
    searching = reusing(config, trials=8)
    assert in_force(searching, tmp_path, "data-1") == (searching, None)
    edited_since = reusing(config).model_copy(update={"training": config.training.model_copy(update={"members": 2})})
    assert in_force(edited_since, tmp_path, "data-2") == (edited_since, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[training]\ndropout = 0.2  # a lot\n", "[training]\ndropout = 0.1  # a lot\n"),
        ("[training]\n", "[training]\ndropout = 0.1\n"),
        ("[training]\nseed = 1\n\n# next\n[audit]\n", "[training]\nseed = 1\ndropout = 0.1\n\n# next\n[audit]\n"),
        ("[audit]\nfolds = 5\n", "[audit]\nfolds = 5\n\n[training]\ndropout = 0.1\n"),
        ("[tune]\ndropout = 9\n[ training ] # it\n", "[tune]\ndropout = 9\n[ training ] # it\ndropout = 0.1\n"),
    ],
)  # fmt: skip
def test_text_is_edited_where_it_stands(before: str, after: str) -> None:
    assert edited(before, {"dropout": 0.1}) == after


def test_tables_and_arrays() -> None:
    before = "[training]\nhidden_units = [8]\n[training.trees]\nl2 = 1.0\n"
    after = "[training]\nhidden_units = [16, 8]\n[training.trees]\nl2 = 0.5\nnum_leaves = 9\n"
    assert edited(before, {"hidden_units": [16, 8], "trees": {"l2": 0.5, "num_leaves": 9}}) == after


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("[training]\ntrees = { num_leaves = 3 }\n", {"trees": {"num_leaves": 9}}),
        ("training.dropout = 0.2\n", {"dropout": 0.1}),
        ("[training]\nhidden_units = [\n  8,\n]\n", {"hidden_units": [16]}),
    ],
)
def test_what_is_not_understood_is_left_alone(text: str, settings) -> None:
    with pytest.raises(ValueError, match="set by hand: "):
        edited(text, settings)


def test_a_file_that_cannot_be_edited_is_a_users_error(config) -> None:
    config.path.write_text("training.dropout = 0.2\n")
    with pytest.raises(UsageError, match=r"pipeline.toml: the layout of \[training\] cannot be edited"):
        write(config, TuningResult(FOUND))
