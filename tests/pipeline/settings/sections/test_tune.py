"""The table [tune]: what is refused, and that it is off."""

from functools import partial
from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.fingerprints import code_fingerprint
from pipeline.settings.config import find_config, load_config
from pipeline.settings.sections.training import TrainingSection
from pipeline.settings.sections.tune import TuneSection, with_values
from tests.projects import load_flights

FLIGHTS = Path(__file__).parents[4] / "schemas" / "flights"


@pytest.fixture
def with_table(tmp_path):
    """Text to put behind the settings of the flights -> the Config."""
    return partial(load_flights, tmp_path)


def test_nothing_is_searched_unless_asked(with_table) -> None:
    assert with_table("").tune == TuneSection()
    assert with_table("").tune.trials == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tune]\ntrials = -1", r"\[tune\] trials: input should be greater than or equal to 0, not -1"),
        ("[tune]\nmax_rows = 500", r"\[tune\] max_rows: input should be greater than or equal to 10000"),
        ("[tune]\ntrails = 3", r"\[tune\] trails: unknown key; did you mean trials\? legal keys: trials, minutes"),
        ("[tune]\nalpha = 0", r"\[tune\] alpha: "),
        ('[tune]\nmetric = "rmse"', r"\[tune\] metric: rmse: no metric of a binary task; legal: log_loss, auc"),
        ("[tune.space]\nleaves = [3]", r"\[tune.space\] leaves: unknown setting; legal: learning_rate"),
        ("[tune.space]\ndropout = { min = 0.5, max = 0.1 }", r"\[tune.space\] dropout: min 0.5 is greater than max"),
        ("[tune.space]\nmembers = [2.5]", r"\[tune.space\] members: must be a whole number, not 2.5"),
        # the limits are those of [training] itself
        (
            "[tune.space]\ndropout = { min = 0.5, max = 1.0 }",
            r"\[tune.space\] dropout: 1.0: input should be less than 1",
        ),
        (
            "[tune.space.trees]\nnum_leaves = [8, 500]",
            r"\[tune.space\] trees.num_leaves: 500: input should be less than or",
        ),
        ("[tune.space]\nhidden_units = [[64], [0]]", r"\[tune.space\] hidden_units: \[0\]: input should be greater"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(with_table, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        with_table(text)
    assert "\n" not in str(caught.value)


def test_the_code_fingerprint_knows_of_a_search_alone() -> None:
    config = load_config(find_config("flights", FLIGHTS.parent))

    def tuning(**changed) -> str:
        return code_fingerprint(config.model_copy(update={"tune": TuneSection(**changed)}))

    off = code_fingerprint(config)
    assert tuning(seed=14, reuse=True) == off  # nothing is searched
    assert len({off, tuning(trials=8), tuning(trials=9), tuning(trials=8, seed=14)}) == 4
    assert tuning(trials=8, reuse=True) == tuning(trials=8)


def test_found_settings_take_their_place() -> None:
    found = with_values(TrainingSection(), {"dropout": 0.1, "hidden_units": [64, 32], "trees": {"num_leaves": 31}})
    assert (found.dropout, found.hidden_units, found.trees.num_leaves) == (0.1, (64, 32), 31)
    assert found.trees.l2 == TrainingSection().trees.l2
    assert found.epochs == TrainingSection().epochs
