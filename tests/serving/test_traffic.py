import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from serving.traffic import arm_of, key_hash

KEYS = [f"customer-{number}".encode() for number in range(100_000)]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.25, 0.5])
@pytest.mark.parametrize("salt", ["", "3f2a", "another canary"])
def test_the_share_of_the_keys_is_binomial(share: float, salt: str) -> None:
    canary = sum(arm_of(key, salt, share) == "canary" for key in KEYS)
    low, high = binom.interval(0.999, len(KEYS), share)
    assert low <= canary <= high


def test_share_0_is_no_key_and_share_1_every_key() -> None:
    assert {arm_of(key, "s", 0.0) for key in KEYS[:1000]} == {"live"}
    assert {arm_of(key, "s", 1.0) for key in KEYS[:1000]} == {"canary"}
    assert {arm_of(key, "s", 1) for key in KEYS[:10]} == {"canary"}


@given(st.binary(max_size=100), st.text(max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_moves_keys_to_the_canary_only(key: bytes, salt: str, one: float, other: float) -> None:
    if arm_of(key, salt, min(one, other)) == "canary":
        assert arm_of(key, salt, max(one, other)) == "canary"


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5])
def test_the_baseline_is_as_large_as_the_canary(share: float) -> None:
    baseline = sum(arm_of(key, "salt", share) == "baseline" for key in KEYS)
    low, high = binom.interval(0.999, len(KEYS), share)
    assert low <= baseline <= high


def test_all_live_requests_are_the_baseline_of_a_canary_of_more_than_half() -> None:
    assert {arm_of(key, "s", 0.7) for key in KEYS[:1000]} == {"baseline", "canary"}


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="outside of 0 to 1"):
        arm_of(b"k", "s", share)


def test_the_arm_is_the_same_in_another_process() -> None:
    code = (
        "from serving.traffic import arm_of\n"
        "print(*(arm_of(f'customer-{number}'.encode(), 'salt', 0.3)[0] for number in range(2000)), sep='')"
    )
    for seed in ("0", "1"):  # of Python's own hash, which differs between processes
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        assert found.stdout.strip() == "".join(arm_of(key, "salt", 0.3)[0] for key in KEYS[:2000])


def test_the_hash_stays_what_it_was() -> None:
    # Another value would move callers between the arms when the server is updated in the middle of a canary.
    assert key_hash(b"customer-1", "salt") == 7541631563708492379


def test_another_salt_draws_other_keys() -> None:
    both = sum(arm_of(key, "a", 0.5) == arm_of(key, "b", 0.5) == "canary" for key in KEYS)
    low, high = binom.interval(0.999, len(KEYS), 0.25)
    assert low <= both <= high
