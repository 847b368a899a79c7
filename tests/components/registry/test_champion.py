import pytest

from components.registry.champion import champion_for
from components.shared.errors import UsageError

FIRST, SECOND = {"data": "d1", "code": "c"}, {"data": "d2", "code": "c"}


def test_without_a_registry_or_a_version_there_is_none(registry, place):
    assert champion_for(registry, FIRST) is None
    assert place.files() == {}  # asking makes nothing
    registry.create()
    assert champion_for(registry, FIRST) is None


def test_the_live_version_is_the_champion_of_another_run(registry, model):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    assert champion_for(registry, SECOND) == 1
    assert champion_for(registry, {"data": "d1", "code": "other"}) == 1
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    assert champion_for(registry, {"data": "d3", "code": "c"}) == 2


def test_a_live_version_of_unknown_origin_is_the_champion(registry, model):
    registry.push(model("a"), {})
    assert champion_for(registry, FIRST) == 1


def test_a_repeated_run_meets_the_champion_that_it_met_first(registry, model):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    assert champion_for(registry, FIRST) is None
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    assert champion_for(registry, SECOND) == 1
    assert champion_for(registry, FIRST) == 2  # not the live version's run


def test_a_champion_that_was_deleted_is_none(registry, model, place):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    place.delete("1")
    assert champion_for(registry, SECOND) is None


def test_a_live_version_that_is_gone_is_named(registry, model, place):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    place.delete("1")
    with pytest.raises(UsageError, match="version 1 is not there"):
        champion_for(registry, SECOND)
