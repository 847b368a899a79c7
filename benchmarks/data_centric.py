"""The data-centric loop on the flights, through the pipeline's own commands: noise, audit, corrections, run, compare.

    python -m benchmarks.data_centric [--data data/flights] [--span N] [--window 3] [--noise 0.2] [--look SHARE]
                                      [--sample] [--json FILE]

Labels of the train window are flipped at random, a share `--noise` of them in all, late flights three times as often as
punctual ones or nearly so: P(flip | late) = 2 * noise. The eval span keeps its true labels. Then

    baseline        a run on the noisy labels
    model-centric   the same data with a bigger model and other settings: several tried, and the best *on the eval
                    split* counts, which is more than an honest search could reach
    data-centric    the same code: the rows that `plumbline audit` doubts most are looked at, a share `--look` of all
                    rows (as many as are wrong, by default), and those whose label is wrong get a line in
                    corrections.csv. The true labels stand in for the person; how many rows were looked at and how many
                    corrected is counted
    every label     the ceiling: all planted errors corrected

Each is `plumbline run` on a copy of the code, so that nothing else changes. Every difference to the baseline is of the
two models on the same eval rows, with its 95 % interval by paired bootstrap (compare_intervals.py). Prints a
table like that of A. Ng's talk (From Model-centric to Data-centric AI, 2021), then one JSON object. `--sample` takes
the committed sample (1,000 rows a span) and one setting: it shows that the loop runs, not what it gains.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.environment import settle

REPOSITORY = Path(__file__).resolve().parents[1]
LABEL, ID = "late", "row_id"
TRIED: tuple[dict[str, Any], ...] = (
    {"hidden_units": [512, 256, 128], "epochs": 8},
    {"hidden_units": [512, 256], "epochs": 8, "learning_rate": 0.0005, "dropout": 0.4},
    {"hidden_units": [1024, 512], "epochs": 6, "dropout": 0.5, "weight_decay": 0.01},
)
"""Settings of [training] that the model-centric attempt tries."""
SHOWN = ("auc", "average_precision", "f1")
"""Not accuracy: three flights of four are punctual, and who calls all of them punctual has 74 %."""


class Project:
    """A folder with a copy of the code and of schemas/flights, and noisy spans."""

    def __init__(self, folder: Path, window: int) -> None:
        self.folder = folder
        self.settings = folder / "schemas" / "flights" / "pipeline.toml"
        self.corrections = self.settings.with_name("corrections.csv")
        for name in ("pipeline", "components", "schemas/flights"):
            shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.corrections.unlink(missing_ok=True)
        text = re.sub(r"(?m)^directory = .*$", 'directory = "spans"', self.settings.read_text())
        self.settings.write_text(re.sub(r"(?m)^window = .*$", f"window = {window}", text))
        self._as_it_was = self.settings.read_text()

    def run(self, training: dict[str, Any] | None = None) -> str:
        """`plumbline run` with some settings of [training] changed; the run's id."""
        text = self._as_it_was
        for key, value in (training or {}).items():
            head, body = text.split("[training]\n", 1)
            table, rest = re.split(r"(?m)^(?=\[)", body, maxsplit=1)
            table = re.sub(rf"(?m)^{key} = .*\n", "", table)
            text = f"{head}[training]\n{key} = {json.dumps(value)}\n{table}{rest}"
        self.settings.write_text(text)
        command = [sys.executable, "-m", "pipeline.cli", "run", "--dataset", "flights", "--json"]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        self.settings.write_text(self._as_it_was)
        if done.returncode:
            sys.exit(f"benchmarks/data_centric: a run failed: {done.stderr.strip()[-1000:]}")
        return str(json.loads(done.stdout)["run_id"])


def main() -> None:
    """Goes round the loop once and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data" / "flights")
    parser.add_argument("--span", type=int, default=6, help="eval span; train are those before it")
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--look", type=float, help="share of the train rows that a person looks at (default: --noise)")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--sample", action="store_true", help="the committed sample and one setting")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    settle()
    if options.sample:
        options.data, options.span = REPOSITORY / "data" / "sample" / "flights", 4
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), options.window)
        result = loop(project, options)
    print(table(result))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


def loop(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """Plants noise, runs every attempt, compares each with the baseline."""
    train = range(options.span - options.window, options.span)
    truth, wrong = plant(project.folder, options.data, train, options.span, options.noise, options.seed)
    look = round(len(truth) * (options.noise if options.look is None else options.look))
    _say(f"{len(truth):,} train rows, {len(wrong):,} labels flipped")

    baseline = project.run()
    _say(f"baseline: run {baseline}")
    tried = []
    for settings in TRIED[: 1 if options.sample else None]:
        tried.append((settings, _compared(project, baseline, project.run(settings))))
        _say(f"model-centric {settings}: auc {tried[-1][1]['metrics']['auc']['delta']:+.4f}")
    chosen, model_centric = max(tried, key=lambda one: float(one[1]["metrics"]["auc"]["after"]))

    doubtful = _doubtful(project, train, look)
    corrected = [row for row in doubtful if row in wrong]
    _say(f"audit: {len(doubtful):,} rows looked at, {len(corrected):,} of them wrong and corrected")
    correct(project, corrected, truth)
    data_centric = _compared(project, baseline, project.run())
    correct(project, sorted(wrong), truth)
    ceiling = _compared(project, baseline, project.run())
    return {
        "data": "sample" if options.sample else options.data.name,
        "train": list(train),
        "eval": options.span,
        "noise": options.noise,
        "rows": len(truth),
        "flipped": len(wrong),
        "looked_at": len(doubtful),
        "corrected": len(corrected),
        "late_flipped": sum(truth[row] for row in wrong),
        "late_corrected": sum(truth[row] for row in corrected),
        "baseline": {name: one["before"] for name, one in data_centric["metrics"].items()},
        "model_centric": {**model_centric, "settings": chosen, "tried": len(tried)},
        "data_centric": data_centric,
        "every_label": ceiling,
    }


def plant(
    project: Path, data: Path, train: Sequence[int], evaluation: int, noise: float, seed: int
) -> tuple[dict[str, int], set[str]]:
    """Copies the spans, with labels flipped in those of `train`; also to train/, for the audit.

    Returns:
      Row id -> true label, and the ids whose label was flipped.
    """
    frames = {span: pd.read_csv(data / f"span-{span:02d}.csv", dtype=str, keep_default_na=False) for span in train}
    late = np.concatenate([(frame[LABEL] == "1").to_numpy() for frame in frames.values()])
    often = min(2 * noise, 0.9)
    seldom = max(noise - often * late.mean(), 0.0) / (1 - late.mean())
    flipped = np.random.default_rng(seed).random(len(late)) < np.where(late, often, seldom)
    truth, wrong, at = {}, set(), 0
    for folder in ("spans", "train"):
        (project / folder).mkdir()
    for span, frame in frames.items():
        mine = flipped[at : at + len(frame)]
        at += len(frame)
        truth.update(zip(frame[ID], frame[LABEL].astype(int), strict=True))
        wrong.update(frame[ID][mine])
        frame.loc[mine, LABEL] = np.where(frame[LABEL][mine] == "1", "0", "1")
        for folder in ("spans", "train"):
            frame.to_csv(project / folder / f"span-{span:02d}.csv", index=False)
    shutil.copy(data / f"span-{evaluation:02d}.csv", project / "spans")
    return truth, wrong


def _doubtful(project: Project, train: Sequence[int], look: int) -> list[str]:
    """Ids of the `look` rows whose labels `plumbline audit` doubts most, worst first; fewer if it doubts fewer."""
    from pipeline.audit_command import audit
    from pipeline.config import load_config

    found = audit(str(project.folder / "train"), config=load_config(project.settings), limit=look)
    assert found.labels is not None
    return [str(issue.id) for issue in found.labels.issues]


def correct(project: Project, rows: Sequence[str], truth: dict[str, int]) -> None:
    """Writes corrections.csv: the true label of each row."""
    from components.arrow_example_gen.corrections_file import Correction, corrections_csv
    from components.files import write_text

    today = datetime.date.today().isoformat()
    lines = [Correction(row, LABEL, str(truth[row]), "doubted by the audit", "true labels", today) for row in rows]
    write_text(project.corrections, corrections_csv(lines))


def _compared(project: Project, baseline: str, run: str) -> dict[str, Any]:
    from pipeline.lineage import open_store
    from pipeline.lookback.compare_runs import compare_runs

    home = project.folder / "runs" / "flights"
    found = compare_runs(open_store(home / "metadata.sqlite"), home, baseline, run, with_intervals=True)
    if found.intervals is None:
        sys.exit(f"benchmarks/data_centric: {found.without_intervals}")
    assert found.rows is not None
    return {
        "verdict": found.verdict,
        "relabelled": found.rows.relabelled,
        "metrics": {name: asdict(one) for name, one in found.intervals.metrics.items()},
        "slices": {
            name: {metric: asdict(one) for metric, one in metrics.items()}
            for name, metrics in found.intervals.slices.items()
            if name.startswith("origin=")
        },
    }


def table(result: dict[str, Any]) -> str:
    """The talk's table: a line an attempt, gains with their intervals, in points of 100."""
    lines = [
        f"train on spans {result['train']}, {result['rows']:,} rows, {result['flipped']:,} labels flipped; judged on "
        f"span {result['eval']}, true labels",
        f"{result['looked_at']:,} rows looked at, {result['corrected']:,} of them wrong and corrected: "
        f"{result['late_corrected']:,} of the {result['late_flipped']:,} late flights called punctual, and "
        f"{result['corrected'] - result['late_corrected']:,} of the "
        f"{result['flipped'] - result['late_flipped']:,} punctual ones called late",
        "",
        f"{'':<16}" + "".join(f"{name:>28}" for name in SHOWN),
        f"{'baseline':<16}" + "".join(f"{100 * result['baseline'][name]:>28.2f}" for name in SHOWN),
    ]
    for name in ("model_centric", "data_centric", "every_label"):
        cells = []
        for metric in SHOWN:
            one = result[name]["metrics"][metric]
            ends = "" if one["low"] is None else f" [{100 * one['low']:+.2f}, {100 * one['high']:+.2f}]"
            cells.append(f"{100 * one['delta']:+.2f}{ends}")
        lines.append(f"{name.replace('_', '-'):<16}" + "".join(f"{cell:>28}" for cell in cells))
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
