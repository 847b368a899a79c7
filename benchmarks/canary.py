"""False aborts and power of the canary analysis, beside Kayenta's rule and a fixed-horizon test.

    python -m benchmarks.canary [--runs 10000] [--fault-runs 1000] [--looks 50] [--batch 4000] [--share 0.25]
                                [--seed 0] [--scenario NAME]...

Each simulated canary gets `share` of the requests and is looked at after each of `looks` batches of `batch` requests.
In `null` it equals live (error rate 1 %, log-normal latencies of 20 ms, predictions in 10 bins, squared errors); in
`limit of harm` it is worse by what the policy does not yet call harm, in every check at once; the other scenarios have
one fault each, see canary_arms.SCENARIOS. The rules:

- "ours": serving.canary.decision with its default margins, every check required, also the metric.
- "kayenta": its Mann-Whitney classifier at 0.98 on the batches so far, one weight for each of five metrics, below 75
  ends the canary, 90 or more at the last look promotes it; on at most 1,000 canaries of each scenario.
- "fixed once": classical tests with Bonferroni at the last look. "fixed at each look": the same whenever looked at.

Prints a table, and as the last line on stdout one JSON object: `alpha`, `looks`, `batch`, `share`, `seconds`, and
`results` [{`scenario`, `rule`, `runs`, `ended` (share of canaries that the rule ends at some look before it promotes
them), `ended_low`, `ended_high` (95 % interval, Clopper-Pearson), `requests` (median number of canary requests until
then), `promoted`, `promoted_requests` (the same of promotions)}].
"""

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
from scipy.stats import beta

from benchmarks.canary_arms import NULL, SCENARIOS, Arm, draw
from benchmarks.canary_rules import Verdicts, fixed_horizon, kayenta, ours
from serving.canary.policy import CHECKS, CanaryPolicy

POLICY = CanaryPolicy(required=CHECKS)
CHUNK = 100
KAYENTA_RUNS = 1_000


def main() -> int:
    """Simulates and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="canaries of the scenarios without harm (%(default)s)")
    parser.add_argument("--fault-runs", type=int, default=1_000, help="canaries of each other scenario (%(default)s)")
    parser.add_argument("--looks", type=int, default=50, help="%(default)s")
    parser.add_argument("--batch", type=int, default=4_000, help="requests between looks, both arms (%(default)s)")
    parser.add_argument("--share", type=float, default=0.25, help="of the canary (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="only this one; repeatable")
    options = parser.parse_args()
    began = time.monotonic()
    results = []
    for name in options.scenario or SCENARIOS:
        found = simulate(name, options.runs if name in NULL else min(options.runs, options.fault_runs), options)
        results += found
        for one in found:
            print(
                f"{one['scenario']:<28}{one['rule']:<20}{one['runs']:>7,}  ended {one['ended']:7.2%}"
                f" after {one['requests'] or 0:>7,.0f}  promoted {one['promoted']:7.2%}"
                f" after {one['promoted_requests'] or 0:>7,.0f}",
                flush=True,
            )
    about = {"alpha": POLICY.alpha, "looks": options.looks, "batch": options.batch, "share": options.share}
    print(json.dumps({**about, "seconds": round(time.monotonic() - began, 1), "results": results}))
    return 0


def simulate(name: str, runs: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns the results of each rule in a scenario."""
    rng = np.random.default_rng([options.seed, list(SCENARIOS).index(name)])
    outcomes: dict[str, list[tuple[Any, Any]]] = {}
    for start in range(0, runs, CHUNK):
        size = min(CHUNK, runs - start)
        live, canary = draw(rng, SCENARIOS[name], size, options.looks, options.batch, options.share)
        requests = canary.requests.cumsum(axis=1)
        for rule, verdicts in rules(live, canary, with_kayenta=start < KAYENTA_RUNS).items():
            outcomes.setdefault(rule, []).append(_first(verdicts, requests))
    return [_result(name, rule, found) for rule, found in outcomes.items()]


def rules(live: Arm, canary: Arm, with_kayenta: bool) -> dict[str, Verdicts]:
    """Returns the verdicts of each rule."""
    found = {"ours": ours(live, canary, POLICY)}
    rejected = fixed_horizon(live, canary, POLICY.alpha)
    last = np.zeros_like(rejected)
    last[:, -1] = True
    found["fixed once"] = Verdicts(rejected & last, ~rejected & last)
    found["fixed at each look"] = Verdicts(rejected, ~rejected & last)
    if with_kayenta:
        judged = kayenta(live, canary)
        found["kayenta"] = Verdicts(judged.bad | (~judged.good & last), judged.good & last)
    return found


def _first(verdicts: Verdicts, requests: Any) -> tuple[Any, Any]:
    """Canary requests until the rule ended or promoted each canary, whichever came first; -1 for the other."""
    looks = requests.shape[1]
    when = [np.where(seen.any(axis=1), seen.argmax(axis=1), looks) for seen in (verdicts.bad, verdicts.good)]
    bad, good = when
    padded = np.concatenate([requests, np.full((len(requests), 1), -1)], axis=1)
    rows = np.arange(len(requests))
    return np.where(bad <= good, padded[rows, bad], -1), np.where(good < bad, padded[rows, good], -1)


def _result(scenario: str, rule: str, found: list[tuple[Any, Any]]) -> dict[str, Any]:
    ended, promoted = (np.concatenate(parts) for parts in zip(*found, strict=True))
    count, runs = int((ended >= 0).sum()), len(ended)
    return {
        "scenario": scenario,
        "rule": rule,
        "runs": runs,
        "ended": count / runs,
        "ended_low": float(beta.ppf(0.025, count, runs - count + 1)) if count else 0.0,
        "ended_high": float(beta.ppf(0.975, count + 1, runs - count)) if count < runs else 1.0,
        "requests": float(np.median(ended[ended >= 0])) if count else None,
        "promoted": float((promoted >= 0).mean()),
        "promoted_requests": float(np.median(promoted[promoted >= 0])) if (promoted >= 0).any() else None,
    }


if __name__ == "__main__":
    sys.exit(main())
