import pytest

from components.registry.champion import champion_for
from components.shared.errors import UsageError

FIRST, SECOND = {"data": "d1", "code": "c"}, {"data": "d2", "code": "c"}


def test_no_champion_without_a_registry_or_a_version(registry, place):
    assert champion_for(registry, FIRST) is None
    assert place.files() == {}  # asking makes nothing
    registry.create()
    assert champion_for(registry, FIRST) is None


def test_live_version_is_the_champion_of_another_run(registry, model):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    assert champion_for(registry, SECOND) == 1
    assert champion_for(registry, {"data": "d1", "code": "other"}) == 1
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    assert champion_for(registry, {"data": "d3", "code": "c"}) == 2


def test_live_version_of_unknown_origin_is_the_champion(registry, model):
    registry.push(model("a"), {})
    assert champion_for(registry, FIRST) == 1


def test_repeated_run_gets_the_champion_of_the_first_run(registry, model):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    assert champion_for(registry, FIRST) is None
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    assert champion_for(registry, SECOND) == 1
    assert champion_for(registry, FIRST) == 2  # not the live version's run


def test_deleted_champion_is_none(registry, model, place):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    registry.push(model("b"), {"fingerprints": SECOND, "champion": 1})
    place.delete("1")
    assert champion_for(registry, SECOND) is None


def test_missing_live_version_is_named(registry, model, place):
    registry.push(model("a"), {"fingerprints": FIRST, "champion": None})
    place.delete("1")
    with pytest.raises(UsageError, match="version 1 does not exist"):
        champion_for(registry, SECOND)
