"""Changes of the aliases: what each one sets, and what it refuses."""

import json
from dataclasses import asdict, replace

import pytest

from components.registry.aliases import (
    Aliases,
    aliases_text,
    canary_started,
    canary_stopped,
    promoted,
    pushed,
    read_aliases,
    rolled_back,
    shadow_started,
    share_set,
)
from components.shared.errors import UsageError

LIVE = Aliases("x", live=2, previous=1)


def of(aliases: Aliases) -> tuple[int | None, int | None, int | None, float]:
    return aliases.live, aliases.canary, aliases.previous, aliases.share


def test_file_without_the_fields_of_a_canary_is_read():
    found = read_aliases(b'{"id": "x", "live": 3, "canary": 4, "previous": 2}')
    assert found == Aliases("x", live=3, canary=4, previous=2, share=0.0, shadow=None, step=None, key="", since="")


def test_fields_at_their_defaults_are_not_written():
    assert json.loads(aliases_text(LIVE)) == {"id": "x", "live": 2, "canary": None, "previous": 1}
    canary = canary_started(LIVE, 3, 0.25, step=0)
    written = json.loads(aliases_text(canary))
    assert {"share": 0.25, "step": 0, "key": canary.key}.items() <= written.items()
    assert read_aliases(aliases_text(canary).encode()) == canary


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": "0.1"}, {"share": True}, {"share": 1.5}, {"share": -0.1}, {"share": float("nan")}, {"step": 1.0},
        {"shadow": "3"}, {"key": None}, {"since": 3}, {"decided": True}, {"unknown": 1},
    ],
)  # fmt: skip
def test_invalid_fields_are_refused(wrong):
    with pytest.raises(TypeError):
        read_aliases(json.dumps({**asdict(LIVE), **wrong}).encode())


def test_canary_promotes_and_ends():
    canary = canary_started(LIVE, 3, 0.01, step=0)
    assert of(canary) == (2, 3, 1, 0.01)
    assert len(canary.key) == 16 and canary.since
    assert of(promoted(canary)) == (3, None, 2, 0.0)
    assert promoted(canary) == replace(LIVE, live=3, previous=2)  # neither key, step nor since is left


def test_rollback_ends_the_canary_first_then_returns_to_the_previous_version():
    canary = canary_started(LIVE, 3, 0.5)
    ended = rolled_back(canary)
    assert (of(ended), ended.decided) == ((2, None, 1, 0.0), 3)
    back = rolled_back(ended)
    assert (of(back), back.decided) == ((1, None, None, 0.0), 3)
    with pytest.raises(UsageError, match="neither a canary nor a previous version"):
        rolled_back(back)


def test_push_does_not_make_a_version_live_that_was_rolled_back():
    back = rolled_back(LIVE)
    assert pushed(back, 2) == back
    assert of(pushed(back, 3)) == (3, None, 1, 0.0)
    assert of(promoted(back, 2)) == (2, None, 1, 0.0)  # a person may


def test_push_that_waits():
    assert pushed(LIVE, 3, "none") == LIVE
    assert pushed(Aliases("x"), 1, "none").live == 1  # the first version has no live one to be compared with
    with pytest.raises(ValueError, match="alias canary: must be live or none"):
        pushed(LIVE, 3, "canary")


def test_push_while_a_canary_runs():
    canary = canary_started(LIVE, 3, 0.1)
    newer = pushed(canary, 4)
    assert (of(newer), newer.key) == ((4, 3, 2, 0.1), canary.key)
    assert newer.since > canary.since  # statistics against the former live version do not count
    assert of(pushed(canary, 3)) == (3, None, 2, 0.0)


def test_raised_share_keeps_the_key_and_a_new_canary_has_another():
    first = canary_started(LIVE, 3, 0.01, step=0)
    more = share_set(first, 0.05, step=1)
    assert (more.key, more.share, more.step) == (first.key, 0.05, 1)
    assert more.since > first.since
    assert share_set(more, 0.05, step=1) == more
    assert canary_started(more, 3, 0.2).key == first.key
    assert canary_started(canary_stopped(more), 3, 0.01).key != first.key


def test_shadow():
    shadow = shadow_started(LIVE, 3)
    assert (shadow.shadow, of(shadow)) == (3, of(LIVE))
    assert canary_stopped(shadow) == LIVE
    assert promoted(shadow, 3).shadow is None
    assert canary_started(shadow, 4, 0.1).shadow == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: canary_started(LIVE, 2, 0.1), "version 2: is live"),
        (lambda: canary_started(Aliases("x"), 2, 0.1), "no version is live"),
        (lambda: canary_started(canary_started(LIVE, 3, 0.1), 4, 0.1), "version 3 is the canary"),
        (lambda: canary_started(shadow_started(LIVE, 3), 3, 0.1), "is the shadow"),
        (lambda: canary_started(LIVE, 3, 0.0), "share 0.0: must be above 0 and at most 1"),
        (lambda: canary_started(LIVE, 3, 1.01), "share 1.01"),
        (lambda: canary_started(LIVE, 3, float("nan")), "share nan"),
        (lambda: share_set(LIVE, 0.1), "no version is the canary"),
        (lambda: shadow_started(LIVE, 2), "is live"),
        (lambda: shadow_started(canary_started(LIVE, 3, 0.1), 3), "is canary"),
        (lambda: canary_stopped(LIVE), "nothing to stop"),
        (lambda: promoted(LIVE), "no version is the canary"),
        (lambda: promoted(LIVE, 2), "is live already"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(UsageError, match=message):
        change()
