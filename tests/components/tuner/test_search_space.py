"""Search spaces and their notation."""

import pytest

from components.tuner.search_space import DEFAULTS, Hyperparameter, around, nested, setting, space_of

TRAINING = {
    "dropout": 0.2,
    "hidden_units": [32],
    "batch_size": 512,
    "trees": {"num_leaves": 63, "l2": 10.0},
}


def test_each_model_has_its_own_settings() -> None:
    trees = {knob.name for knob in space_of({}, "trees")}
    network = {knob.name for knob in space_of({}, "network")}
    assert trees == {"trees.num_leaves", "trees.learning_rate", "trees.l2", "trees.colsample_bytree"}
    assert network == {"learning_rate", "hidden_units", "dropout", "weight_decay", "members", "batch_size"}
    assert {knob.name for knob in space_of({}, "blend")} == trees | network == set(DEFAULTS)


def test_given_range_replaces_the_default() -> None:
    asked = {
        "dropout": {"min": 0, "max": 0.3},
        "members": {"min": 2, "max": 6},
        "hidden_units": [[64], [32, 16], [64]],
        "batch_size": False,
        "epochs": [5, 10],
        "trees": {"num_leaves": {"min": 4, "max": 16, "log": False}},
    }
    space = {knob.name: knob for knob in space_of(asked, "blend")}
    assert space["dropout"] == Hyperparameter("dropout", 0.0, 0.3)
    assert space["members"] == Hyperparameter("members", 2.0, 6.0, whole=True, log=True)
    assert space["hidden_units"] == Hyperparameter("hidden_units", choices=((32, 16), (64,)))
    assert space["epochs"] == Hyperparameter("epochs", choices=(5, 10))
    assert space["trees.num_leaves"] == Hyperparameter("trees.num_leaves", 4.0, 16.0, whole=True)
    assert space["trees.l2"] == DEFAULTS["trees.l2"]
    assert "batch_size" not in space


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"leafs": [3]}, "leafs: unknown setting; legal: learning_rate, hidden_units"),
        ({"trees": {"leafs": [3]}}, "trees.leafs: unknown setting"),
        ({"trees": [3]}, "trees: must be a table"),
        ({"dropout": {"min": 0.5, "max": 0.1}}, "dropout: min 0.5 is greater than max 0.1"),
        ({"dropout": {"min": 0.5}}, "dropout: max is missing"),
        ({"dropout": {"min": 0.1, "max": 0.5, "step": 0.1}}, "dropout: step: unknown key; legal keys: min, max, log"),
        ({"dropout": {"min": "low", "max": 0.5}}, "dropout: min must be a number, not 'low'"),
        ({"dropout": {"min": True, "max": 0.5}}, "dropout: min must be a number, not True"),
        ({"dropout": 0.5}, "dropout: must be { min, max }, an array of values, or false, not 0.5"),
        ({"dropout": "low"}, "dropout: must be { min, max }"),
        ({"dropout": []}, "dropout: no value is given"),
        ({"members": [2, 2.5]}, "members: must be a whole number, not 2.5"),
        ({"trees": {"num_leaves": {"min": 2.5, "max": 3}}}, "trees.num_leaves: min must be a whole number, not 2.5"),
        ({"hidden_units": {"min": 8, "max": 64}}, "hidden_units: min and max do not apply"),
        ({"hidden_units": [64]}, "hidden_units: must be an array of whole numbers, not 64"),
        ({"hidden_units": [[64, "x"]]}, "hidden_units: must be an array of whole numbers, not [64, 'x']"),
        ({"weight_decay": {"min": 0, "max": 0.1}}, "weight_decay: min 0: a logarithmic scale begins above 0"),
        ({"weight_decay": {"min": 0, "max": 0.1, "log": 1}}, "weight_decay: log must be true or false, not 1"),
    ],
)
def test_invalid_space_is_refused_in_one_line(asked, said) -> None:
    with pytest.raises(ValueError, match="^[^\n]+$") as caught:
        space_of(asked, "blend")
    assert str(caught.value).startswith(said)


def test_settings_of_an_excluded_model_cannot_be_searched() -> None:
    with pytest.raises(ValueError, match="trees.num_leaves: model = 'network' does not have it"):
        space_of({"trees": {"num_leaves": [8]}}, "network")
    with pytest.raises(ValueError, match="nothing is left to search"):
        space_of({"trees": {name.removeprefix("trees."): False for name in DEFAULTS if "trees" in name}}, "trees")


def test_current_values_are_added_to_enumerations() -> None:
    space = (Hyperparameter("hidden_units", choices=((64,), (128,))), Hyperparameter("batch_size", choices=(256, 512)))
    assert [knob.choices for knob in around(space, TRAINING)] == [((32,), (64,), (128,)), (256, 512)]


def test_points_and_values() -> None:
    share, leaves = Hyperparameter("dropout", 0.1, 0.5), Hyperparameter("trees.num_leaves", 8, 128, whole=True)
    assert share.nearest(0.2) == 0.2
    assert share.nearest(0.9) == 0.5  # a present setting outside of the space stands at its edge
    assert share.value(0.123456) == 0.123
    assert Hyperparameter("dropout", 0.12345, 0.5).value(0.12345) == 0.12345  # rounding does not leave the space
    assert leaves.value(31) == 31
    sizes = Hyperparameter("hidden_units", choices=((32,), (64,)))
    assert [sizes.value(sizes.nearest(size)) for size in sizes.choices] == [(32,), (64,)]


def test_dotted_names_and_tables() -> None:
    assert nested({"dropout": 0.1, "trees.num_leaves": 8}) == {"dropout": 0.1, "trees": {"num_leaves": 8}}
    assert nested({"dropout": 0.1}) == {"dropout": 0.1}
    assert setting(TRAINING, "trees.num_leaves") == 63
    assert setting(TRAINING, "hidden_units") == (32,)
