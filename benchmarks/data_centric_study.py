"""Which wrong labels hurt, and which checks of them help: every scenario of data_centric.py, without the pipeline.

    python -m benchmarks.data_centric_study [--data data/flights] [--span 6] [--window 1] [--noise 0.2] [--seeds 3]
                                            [--look SHARE] [--json FILE]

The model is the quick one of the label audit (boosting) on the train window, judged on the eval span with its true
labels: seconds instead of minutes for an answer, at the price that it is not the pipeline's model. As many rows are
checked as labels are wrong (or `--look` of all), and wrong ones get their true label:

    audit      the rows that the audit holds for worst, of all rows
    by class   the same share of the rows of either given label, the worst of each
    random     any rows
    source     all rows of the carrier or airport that the scenario is about: mended where it broke

Prints a Markdown table of means over seeds, in points of 100, and one JSON object: `rows` [{scenario, flipped, arm,
checked, wrong (share of the checked), late (share of the corrected that were late), auc, average_precision, f1}].
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.clean_vs_collect import worst
from benchmarks.data_centric_noise import LABEL, SCENARIOS, flips
from components.label_audit.encoding import EncodedFeatures, FeatureTypes, encode_features
from components.label_audit.label_issues import find_class_issues
from components.label_audit.models import fit_classifier
from components.label_audit.settings import LabelAuditSettings
from components.shared.files import write_json
from pipeline.settings.config import load_config

METRICS = ("auc", "average_precision", "f1")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--span", type=int, default=6)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--look", type=float, help="share of the train rows that is checked (default: what is wrong)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    config = load_config(Path("schemas/flights/pipeline.toml"))
    kinds = FeatureTypes(config.features.categorical, config.features.numeric, config.features.cyclical)
    spans = range(options.span - options.window, options.span + 1)
    frames = [pd.read_csv(options.data / f"span-{span:02d}.csv") for span in spans]
    train = pd.concat(frames[:-1], ignore_index=True)
    encoded = encode_features(pd.concat(frames, ignore_index=True), kinds)
    evaluated = frames[-1][LABEL].to_numpy(np.int64)
    import sklearn.ensemble  # noqa: F401 - before the limit of threads, which reaches only libraries that are loaded

    gathered: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for seed in range(options.seeds):
        for name in SCENARIOS:
            wrong = flips(name, train, options.noise, seed)
            with threadpool_limits(1):
                for arm, found in arms(name, train, encoded, evaluated, wrong, options.look, seed).items():
                    gathered[name, arm].append({"flipped": float(wrong.mean()), **found})
            print(f"seed {seed + 1} of {options.seeds}: {name}", file=sys.stderr, flush=True)
    rows = [
        {
            "scenario": name,
            "arm": arm,
            **{key: float(np.nanmean([one[key] for one in each])) if key in each[0] else None for key in KEYS},
        }
        for (name, arm), each in gathered.items()
    ]
    result = {"span": options.span, "window": options.window, "seeds": options.seeds, "rows": rows}
    if options.json:
        write_json(options.json, result)
    print(table(rows))
    print(json.dumps(result))


KEYS = ("flipped", "checked", "wrong", "late", *METRICS)


def arms(
    name: str,
    train: pd.DataFrame,
    encoded: EncodedFeatures,
    evaluated: np.ndarray,
    wrong: np.ndarray,
    look: float | None,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Metrics of every arm, and what it checked."""
    truth = train[LABEL].to_numpy(np.int64)
    given = np.where(wrong, 1 - truth, truth)
    part = encoded.of(np.arange(len(train)))
    judged = find_class_issues(pd.Series(given), part, LabelAuditSettings(seed=seed))
    quality = np.ones(len(train))
    quality[judged.rows] = judged.quality
    count = int(wrong.sum()) if look is None else round(look * len(train))
    scenario = SCENARIOS[name]
    looked = {
        "audit": worst(quality)[:count],
        "by class": worst(quality, given)[:count],
        "random": np.random.default_rng(seed).permutation(len(train))[:count],
    }
    if scenario.column:
        looked["source"] = np.flatnonzero(train[scenario.column].isin(scenario.values))
    found: dict[str, dict[str, float]] = {
        "clean": metrics(encoded, truth, evaluated, seed),
        "noisy": metrics(encoded, given, evaluated, seed),
    }
    for arm, rows in looked.items():
        mended = given.copy()
        mended[rows] = truth[rows]
        corrected = rows[wrong[rows]]
        found[arm] = {
            "checked": float(len(rows)),
            "wrong": float(wrong[rows].mean()),
            "late": float(truth[corrected].mean()) if len(corrected) else 0.0,
            **metrics(encoded, mended, evaluated, seed),
        }
    return found


def metrics(encoded: EncodedFeatures, labels: np.ndarray, evaluated: np.ndarray, seed: int) -> dict[str, float]:
    """Of the quick model that learnt `labels` of the first rows, on the others, in points of 100."""
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    padded = np.r_[labels, np.zeros(len(evaluated), np.int64)]
    predict = fit_classifier("boosting", encoded, padded, 2, np.arange(len(labels)), seed)
    late = predict(np.arange(len(labels), len(padded)))[:, 1]
    return {
        "auc": 100 * float(roc_auc_score(evaluated, late)),
        "average_precision": 100 * float(average_precision_score(evaluated, late)),
        "f1": 100 * float(f1_score(evaluated, late > 0.5)),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """A line an arm; differences to the noisy labels."""
    base = {row["scenario"]: row for row in rows if row["arm"] == "noisy"}
    lines = [
        "| scenario | flipped | arm | checked | of them wrong | corrected: late | AUC | AP | F1 at 0.5 |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        start = base[row["scenario"]]
        of = [
            f"{row[metric]:.2f}" if row is start else f"{row[metric] - start[metric]:+.2f}"
            for metric in METRICS
        ]  # fmt: skip
        checks = ["", "", ""]
        if row["checked"] is not None:
            checks = [f"{row['checked']:,.0f}", f"{row['wrong']:.0%}", f"{row['late']:.0%}"]
        cells = [row["scenario"], f"{row['flipped']:.1%}", row["arm"], *checks, *of]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
