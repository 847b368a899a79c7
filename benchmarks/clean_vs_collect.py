"""Clean or collect? 500 examples with 12 % wrong labels: clean them, or collect another 500 that are as noisy?

    python -m benchmarks.clean_vs_collect [--seeds 30] [--data DIR] [--json FILE] [--figure FILE] [--from FILE]

A. Ng (From Model-centric to Data-centric AI, 2021): both are about equally effective. Here on the flights (two classes
that overlap; test AUC) and on scikit-learn's digits (ten that do not; test accuracy). A seed draws the rows, their
order and the flips; everything is compared within the seed, intervals are over seeds at 95 % (Student's t), the ratio
of gains by Fieller's theorem. Wrong labels, exactly 12 % of every 125 rows, of two kinds:

    uniform   every row alike, towards any other class alike
    class     up to three times as often in the last class as in the first, always towards the next class

Models: `boosting`, with which the label audit judges, and `logistic`. The arms, besides learning curves of clean and
noisy labels:

    clean       the 500, all 60 wrong labels corrected: 500 labels checked
    collect     another 500 rows, as noisy: 500 labels made
    audit-k     the k of the 500 that the label audit holds for worst are checked, wrong ones corrected from the truth
    by-class-k  the same, but the same share of every given class, the worst of each
    random-k    k of the 500 at random are checked

Prints tables and one JSON object: `seeds` (done), `curves` [{data, model, labels, rows, mean, low, high}], `gains`
[{data, model, noise, arm, checked, mean, low, high, per_100 (gain for 100 labels checked or made)}], `ratios` [{data,
model, noise, ratio, low, high, why}] (clean / collect), `found` [{data, noise, checked, audit, by-class, random}]
(wrong labels among the checked, mean). Metrics are in points of 100. `--json` is kept up to date after every seed. The
digits' seeds draw from the same 1,797 images: their intervals are about these.
"""

import argparse
import json
import sys
import time
import warnings
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.charts import figure, save
from benchmarks.clean_vs_collect_gains import mean_of, ratio_of
from benchmarks.label_noise import digits
from components.label_audit.confident_learning import find_label_issues
from components.label_audit.cross_validation import predicted_probabilities
from components.label_audit.encoding import EncodedFeatures, FeatureTypes, encode_features
from components.label_audit.grouped_folds import duplicate_groups, plan_folds
from components.label_audit.models import Model, fit_classifier
from components.label_audit.settings import LabelAuditSettings
from components.shared.errors import PlumblineError
from components.shared.files import write_json
from pipeline.settings.config import load_config

NOISE = 0.12
BLOCK = 125
"""Rows of which the same number is wrong, so that every size of the curves is exactly as noisy."""
BASE, COLLECTED = 500, 1000
SIZES = (125, 250, 500, 1000)
CHECKED = (60, 120)
KINDS = ("uniform", "class")
MODELS: tuple[Model, ...] = ("boosting", "logistic")
WAYS = ("audit", "by-class", "random")
"""Of choosing what is checked."""
POOL, TEST = 60_000, 5_000
"""Flights drawn from and judged on."""
Scores = dict[tuple[str, str, str, int], list[float]]
"""(data, model, labels, rows or checked) -> one score a seed, in points of 100."""
Found = dict[tuple[str, str, int], list[list[int]]]
"""(data, noise, checked) -> one list a seed: wrong labels among the checked, by WAYS."""


@dataclass(frozen=True, eq=False)
class Source:
    """A data set.

    Attributes:
      encoded: Features of all rows.
      truth: Codes 0..K-1, taken as right, N.
      test: Rows judged on, fixed; None: those that a seed does not train on.
    """

    encoded: EncodedFeatures
    truth: np.ndarray
    test: np.ndarray | None

    @property
    def classes(self) -> int:
        """K."""
        return int(self.truth.max()) + 1


def main() -> int:
    """Measures, draws, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--figure", type=figure, help="draw the learning curves, .svg or .png")
    parser.add_argument("--from", dest="earlier", type=Path, help="an earlier --json, instead of measuring")
    options = parser.parse_args()
    if options.earlier and not options.earlier.is_file():
        parser.error(f"--from {options.earlier}: no such file")
    try:
        if options.earlier:
            result = json.loads(options.earlier.read_text())
        else:
            result = study({"flights": flights(options.data), "digits": images()}, options.seeds, options.json)
        if options.figure:
            from benchmarks.clean_vs_collect_chart import draw

            save(draw(result), options.figure)
    except PlumblineError as error:
        print(f"benchmarks/clean_vs_collect: {error}", file=sys.stderr)
        return error.exit_code
    print(tables(result))
    print(json.dumps(result))
    return 0


def flights(folder: Path) -> Source:
    """Flights of the whole year, drawn at random: POOL to train on, then TEST to judge on."""
    config = load_config(Path("schemas/flights/pipeline.toml"))
    kinds = FeatureTypes(config.features.categorical, config.features.numeric, config.features.cyclical)
    label = config.dataset.label
    spans = [pd.read_csv(path, usecols=[*kinds.names, label]) for path in sorted(folder.glob("span-*.csv"))]
    drawn = pd.concat(spans, ignore_index=True).sample(POOL + TEST, random_state=0, ignore_index=True)
    return Source(encode_features(drawn, kinds), drawn[label].to_numpy(np.int64), np.arange(POOL, POOL + TEST))


def images() -> Source:
    """scikit-learn's digits; a seed judges on the 797 that it does not train on."""
    encoded, truth = digits()
    return Source(encoded, truth, None)


def study(sources: dict[str, Source], seeds: int, keep: Path | None = None) -> dict[str, Any]:
    """Runs all arms on all sources; what is returned, and kept after every seed, is described on top."""
    import sklearn.ensemble  # before the limit of threads, which reaches only libraries that are loaded
    import sklearn.linear_model  # noqa: F401

    began = time.perf_counter()
    scores: Scores = defaultdict(list)
    found: Found = defaultdict(list)
    warnings.filterwarnings("ignore", category=UserWarning)
    result: dict[str, Any] = {}
    for seed in range(seeds):
        with threadpool_limits(1):  # so small tables gain nothing from threads
            for name, source in sources.items():
                once(name, source, seed, scores, found)
        result = {
            "noise": NOISE,
            "seeds": seed + 1,
            "metric": {name: metric_name(source) for name, source in sources.items()},
            **summed(scores),
            "found": [
                {"data": data, "noise": kind, "checked": k, **dict(zip(WAYS, np.mean(hits, axis=0), strict=True))}
                for (data, kind, k), hits in found.items()
            ],
            "seconds": round(time.perf_counter() - began, 1),
        }
        if keep:
            write_json(keep, result)
        print(f"seed {seed + 1} of {seeds}, {result['seconds']:.0f} s", file=sys.stderr)
    return result


def once(name: str, source: Source, seed: int, scores: Scores, found: Found) -> None:
    """All arms of one seed, appended to `scores` (data, model, labels, rows or checked) and `found`."""
    rng = np.random.default_rng(seed)
    everything = np.arange(len(source.truth))
    free = np.setdiff1d(everything, source.test) if source.test is not None else everything
    order = rng.permutation(free)
    rows = order[: max(SIZES)]
    test = source.test if source.test is not None else order[max(SIZES) :]
    part = source.encoded.of(rows)
    truth = source.truth[rows]
    base = np.arange(BASE)

    def judged(model: Model, labels: np.ndarray, learned: np.ndarray, what: str, count: int) -> None:
        given = source.truth.copy()
        given[rows] = labels
        fitted = fit_classifier(model, source.encoded, given, source.classes, rows[learned], seed)
        scores[name, model, what, count].append(score(fitted(test), source.truth[test]))

    for model in MODELS:
        for size in SIZES:
            judged(model, truth, np.arange(size), "clean", size)
    for kind in KINDS:
        noisy = with_noise(truth, source.classes, kind, rng)
        wrong = noisy != truth
        quality = qualities(part, noisy, base, source.classes, seed)
        ranked = worst(quality), worst(quality, noisy[base]), rng.permutation(BASE)
        for model in MODELS:
            for size in SIZES:
                judged(model, noisy, np.arange(size), kind, size)
        for checked in CHECKED:
            looked = {way: order[:checked] for way, order in zip(WAYS, ranked, strict=True)}
            found[name, kind, checked].append([int(wrong[at].sum()) for at in looked.values()])
            for way, at in looked.items():
                mended = noisy.copy()
                mended[at] = truth[at]
                for model in MODELS:
                    judged(model, mended, base, f"{way} {kind}", checked)


def with_noise(truth: np.ndarray, classes: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Labels of which NOISE of every BLOCK rows are wrong.

    uniform: every row alike, the new label any other class. class: a row is drawn with a weight that rises evenly from
    0.5 in the first class to 1.5 in the last, and the new label is the next class.
    """
    given = truth.copy()
    weight = np.ones(classes) if kind == "uniform" else np.linspace(0.5, 1.5, classes)
    for start in range(0, len(truth), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(truth)))
        chance = weight[truth[block]]
        hit = rng.choice(block, round(NOISE * len(block)), replace=False, p=chance / chance.sum())
        steps = rng.integers(1, classes, len(hit)) if kind == "uniform" else 1
        given[hit] = (truth[hit] + steps) % classes
    return given


def qualities(part: EncodedFeatures, labels: np.ndarray, rows: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """The audit's quality of each label; it sees these rows and their labels, nothing else."""
    own = part.of(rows)
    given = labels[rows]
    settings = LabelAuditSettings(seed=seed)
    models = settings.models(len(rows), classes)
    folds = plan_folds(duplicate_groups(own), given, settings.folds, settings.limit(models, classes), seed)
    return find_label_issues(given, predicted_probabilities(own, given, classes, folds, models, seed)).quality


def worst(quality: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Rows by quality, worst first; with `labels`, by the share of the rows of the same label that are worse."""
    if labels is None:
        return np.argsort(quality, kind="stable")
    place = np.empty(len(quality))
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        place[mine[np.argsort(quality[mine], kind="stable")]] = (np.arange(len(mine)) + 0.5) / len(mine)
    return np.argsort(place, kind="stable")


def score(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """AUC of two classes, accuracy of more, in points of 100."""
    from sklearn.metrics import roc_auc_score

    if probabilities.shape[1] == 2:
        return 100 * float(roc_auc_score(truth, probabilities[:, 1]))
    return 100 * float((probabilities.argmax(axis=1) == truth).mean())


def metric_name(source: Source) -> str:
    """What `score` measures."""
    return "AUC" if source.classes == 2 else "accuracy"


def summed(scores: Scores) -> dict[str, Any]:
    """Curves, gains and ratios of the scores of `once`."""
    curves = [
        {"data": data, "model": model, "labels": what, "rows": count, **asdict(mean_of(values))}
        for (data, model, what, count), values in scores.items()
        if what in ("clean", *KINDS)
    ]
    gains, ratios = [], []
    for data, model in dict.fromkeys((key[0], key[1]) for key in scores):
        for kind in KINDS:
            base = np.asarray(scores[data, model, kind, BASE])
            arms: dict[str, tuple[int, str, int]] = {
                "clean": (BASE, "clean", BASE),
                "collect": (COLLECTED - BASE, kind, COLLECTED),
            }
            for k in CHECKED:
                arms |= {f"{way}-{k}": (k, f"{way} {kind}", k) for way in WAYS}
            by_arm = {}
            for arm, (labels, what, count) in arms.items():
                by_arm[arm] = np.asarray(scores[data, model, what, count]) - base
                gain = asdict(mean_of(by_arm[arm]))
                per = 100 * gain["mean"] / labels
                gains.append(
                    {"data": data, "model": model, "noise": kind, "arm": arm, "checked": labels, **gain, "per_100": per}
                )
            ratios.append(
                {"data": data, "model": model, "noise": kind, **asdict(ratio_of(by_arm["clean"], by_arm["collect"]))}
            )
    return {"curves": curves, "gains": gains, "ratios": ratios}


def tables(result: dict[str, Any]) -> str:
    """Markdown: gains over the noisy 500 in points, with intervals; then points for 100 labels."""
    levels = {(row["data"], row["model"], row["labels"], row["rows"]): row["mean"] for row in result["curves"]}
    gains = {(row["data"], row["model"], row["noise"], row["arm"]): row for row in result["gains"]}
    arms = list(dict.fromkeys(row["arm"] for row in result["gains"]))
    lines = [
        f"| data, model, noise | {BASE} noisy | clean | collect | clean / collect | "
        + " | ".join(arms[2:])
        + " |\n|---|" + "---:|" * (len(arms) + 2)
    ]  # fmt: skip
    for row in result["ratios"]:
        key = row["data"], row["model"], row["noise"]
        cells = [_with_ends(gains[(*key, arm)]) for arm in arms]
        low, high = row["low"], row["high"]
        ends = f" [{low:.2f}, {high:.2f}]" if low is not None else f" ({row['why']})"
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        cells[2:2] = [ratio + ends]
        lines.append(f"| {', '.join(key)} | {levels[(*key, BASE)]:.2f} | " + " | ".join(cells) + " |")
    lines += ["", "Points for 100 labels checked or made:", ""]
    lines += ["| data, model, noise | " + " | ".join(arms) + " |\n|---|" + "---:|" * len(arms)]
    for row in result["ratios"]:
        key = row["data"], row["model"], row["noise"]
        each = " | ".join(f"{gains[(*key, arm)]['per_100']:+.2f}" for arm in arms)
        lines.append(f"| {', '.join(key)} | {each} |")
    lines += [
        "",
        "Wrong labels among those checked (of 60):",
        "",
        "| data, noise, checked | " + " | ".join(WAYS) + " |",
    ]
    lines += ["|---|" + "---:|" * len(WAYS)]
    for row in result["found"]:
        hits = " | ".join(f"{row[way]:.1f}" for way in WAYS)
        lines.append(f"| {row['data']}, {row['noise']}, {row['checked']} | {hits} |")
    return "\n".join(lines)


def _with_ends(row: dict[str, Any]) -> str:
    ends = "" if row["low"] is None else f" [{row['low']:+.2f}, {row['high']:+.2f}]"
    return f"{row['mean']:+.2f}{ends}"


if __name__ == "__main__":
    sys.exit(main())
