"""The data-centric loop on the flights with the pipeline's commands: label noise, audit, corrections, run, compare.

    python -m benchmarks.data_centric [--scenarios uniform,class,carriers,outage,swapped] [--ways audit,random,source]
                                      [--data data/flights] [--span 6] [--window 3] [--noise 0.2] [--look SHARE]
                                      [--tries 3] [--sample] [--json FILE] [--markdown]

Labels of the train window get the noise of data_centric_noise.py; the eval span keeps its true labels. Compared are

    baseline        a run on the noisy labels
    model-centric   the same data with a larger model and other settings: several are tried, and the best *on the eval
                    split* counts, which is optimistically biased
    data-centric    the same code with corrected data; true labels simulate the reviewer. The number of reviewed rows is
                    that of wrong labels, or a share `--look`:
        audit       the rows that `plumbline audit --export` writes, lowest label quality first
        random      the same number of random rows, as a reference for the audit's ranking
        source      all rows of the carriers and airports in which the baseline run reports prior shift between train
                    and eval: the error is corrected at its source
    clean           upper bound: labels without noise

Each is `plumbline run` on a copy of the code; corrections are lines of corrections.csv. Every difference to the
baseline comes from `plumbline compare --intervals`: both models on the same eval rows, with a 95 % interval by paired
bootstrap. Prints a table like that of A. Ng's talk (From Model-centric to Data-centric AI, 2021) for each scenario,
then one JSON object; `--json` is updated after every scenario. `--sample` uses the committed sample (1,000 rows a
span), one scenario and one setting, as a smoke test. data_centric_study.py measures the same with a fast model and
several seeds.
"""

import argparse
import csv
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data_centric_noise import LABEL, SCENARIOS, flips
from benchmarks.data_centric_table import markdown, table
from benchmarks.results import keep
from components.arrow_example_gen.corrections_file import Correction, corrections_csv
from components.shared.files import write_text
from pipeline.process.environment import configure_environment

REPOSITORY = Path(__file__).resolve().parents[1]
ID = "row_id"
WAYS = ("audit", "random", "source")
TRIED: tuple[dict[str, Any], ...] = (
    {"hidden_units": [512, 256, 128], "epochs": 8},
    {"hidden_units": [512, 256], "epochs": 8, "learning_rate": 0.0005, "dropout": 0.4},
    {"hidden_units": [1024, 512], "epochs": 6, "dropout": 0.5, "weight_decay": 0.01},
)
"""Settings of [training] that the model-centric attempt tries."""


class Project:
    """A folder with a copy of the code and of schemas/flights, and spans with noisy labels."""

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

    def run(self, training: dict[str, Any] | None = None) -> dict[str, Any]:
        """`plumbline run` with some settings of [training] changed; its summary."""
        text = self._as_it_was
        for key, value in (training or {}).items():
            head, body = text.split("[training]\n", 1)
            table, rest = re.split(r"(?m)^(?=\[)", body, maxsplit=1)
            table = re.sub(rf"(?m)^{key} = .*\n", "", table)
            text = f"{head}[training]\n{key} = {json.dumps(value)}\n{table}{rest}"
        self.settings.write_text(text)
        try:
            summary: dict[str, Any] = json.loads(self.command("run", "--json"))
            return summary
        finally:
            self.settings.write_text(self._as_it_was)

    def export(self, limit: int) -> list[dict[str, str]]:
        """`plumbline audit train --export`: lines of corrections to be filled in, worst first, at most `limit`."""
        file = self.folder / "doubtful.csv"
        self.command("audit", "train", "--limit", str(limit), "--export", str(file))
        with file.open(newline="") as lines:
            return list(csv.DictReader(lines))

    def compared(self, before: str, after: str) -> dict[str, Any]:
        """`plumbline compare --intervals`: the verdict, rows relabelled, metrics and those of the airports."""
        found = json.loads(self.command("compare", before, after, "--intervals", "--json"))
        if found["intervals"] is None:
            sys.exit(f"benchmarks/data_centric: {found['without_intervals']}")
        slices = {name: each for name, each in found["intervals"]["slices"].items() if name.startswith("origin=")}
        relabelled = found["rows"]["relabelled"] if found["rows"] else None
        metrics = found["intervals"]["metrics"]
        return {"verdict": found["verdict"], "relabelled": relabelled, "metrics": metrics, "slices": slices}

    def command(self, name: str, *arguments: str) -> str:
        """What `plumbline NAME` prints on stdout; ends the benchmark if it fails."""
        command = [sys.executable, "-m", "pipeline.cli", name, *arguments, "--dataset", "flights"]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"benchmarks/data_centric: plumbline {name} failed: {done.stderr.strip()[-1000:]}")
        return done.stdout


def main() -> None:
    """Runs the loop for each scenario and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="some of %(default)s")
    parser.add_argument("--ways", default="audit,source", help=f"some of {','.join(WAYS)} (%(default)s)")
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data" / "flights")
    parser.add_argument("--span", type=int, default=6, help="eval span; train are those before it")
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.2, help="of uniform and class (%(default)s)")
    parser.add_argument(
        "--look", type=float, help="share of the train rows that a person looks at (default: the wrong)"
    )
    parser.add_argument("--tries", type=int, default=len(TRIED), help="settings of the model-centric attempt")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--sample", action="store_true", help="the committed sample, one scenario and one setting")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    for option, legal in (("scenarios", tuple(SCENARIOS)), ("ways", WAYS)):
        chosen = getattr(options, option).split(",")
        if unknown := [name for name in chosen if name not in legal]:
            parser.error(f"--{option} {unknown[0]}: legal: {', '.join(legal)}")
        setattr(options, option, chosen)
    if options.sample:
        options.data, options.span, options.tries = REPOSITORY / "data" / "sample" / "flights", 4, 1
        options.scenarios = options.scenarios[:1]
    if not 1 <= options.tries <= len(TRIED):
        parser.error(f"--tries {options.tries}: legal: 1 to {len(TRIED)}")
    configure_environment()
    with tempfile.TemporaryDirectory() as folder:
        result = loops(Project(Path(folder), options.window), options)
    print("\n\n".join((markdown if options.markdown else table)(one) for one in result["scenarios"]))
    print(json.dumps(result))


def loops(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """A run on clean labels, then every scenario against it."""
    train = range(options.span - options.window, options.span)
    frames = read(options.data, train)
    rows = pd.concat(frames.values(), ignore_index=True)
    (project.folder / "spans").mkdir()
    shutil.copy(options.data / f"span-{options.span:02d}.csv", project.folder / "spans")
    write(project.folder, frames)
    _say(f"{len(rows):,} train rows")
    clean = str(project.run()["run_id"])
    _say(f"clean: run {clean}")
    scenarios: list[dict[str, Any]] = []
    result = {
        "data": "sample" if options.sample else options.data.name,
        "train": list(train),
        "eval": options.span,
        "rows": len(rows),
        "noise": options.noise,
        "seed": options.seed,
        "scenarios": scenarios,
    }
    for name in options.scenarios:
        wrong = plant(project.folder, frames, name, options.noise, options.seed)
        scenarios.append({"scenario": name, "says": SCENARIOS[name].says, **loop(project, options, clean, rows, wrong)})
        keep(result, options.json)
    return result


def loop(
    project: Project, options: argparse.Namespace, clean: str, rows: pd.DataFrame, wrong: frozenset[str]
) -> dict[str, Any]:
    """Runs all approaches on the noisy spans and compares each with the baseline.

    Args:
      project: The project with noisy labels.
      options: `ways`, `look`, `tries`, `seed`.
      clean: The run on true labels.
      rows: The train rows with their true labels.
      wrong: Ids of the rows with wrong labels.
    """
    truth = rows.set_index(ID)[LABEL].astype(int)
    project.corrections.unlink(missing_ok=True)
    summary = project.run()
    baseline = str(summary["run_id"])
    slices = drifted_slices(summary)
    _say(f"{len(wrong):,} labels wrong; baseline: run {baseline}")
    tried = []
    for settings in TRIED[: options.tries]:
        tried.append((settings, project.compared(baseline, project.run(settings)["run_id"])))
        _say(f"model-centric {settings}: auc {tried[-1][1]['metrics']['auc']['delta']:+.4f}")
    chosen, best = max(tried, key=lambda one: float(one[1]["metrics"]["auc"]["after"]))
    attempts = {"model-centric": {**best, "settings": chosen, "tried": len(tried)}}
    look = len(wrong) if options.look is None else round(options.look * len(truth))
    for way in options.ways:
        looked = look_at(project, way, slices, rows, look, options.seed)
        if not looked:
            continue
        corrected = [row for row in looked if row in wrong]
        correct(project, corrected, truth)
        attempts[f"data-centric, {way}"] = {
            "looked_at": len(looked),
            "corrected": len(corrected),
            "late_corrected": int(truth[corrected].sum()),
            **project.compared(baseline, project.run()["run_id"]),
        }
        project.corrections.unlink()
        _say(f"{way}: {len(looked):,} rows looked at, {len(corrected):,} of them wrong and corrected")
    attempts["clean"] = project.compared(baseline, clean)
    before = {name: one["before"] for name, one in attempts["clean"]["metrics"].items()}
    late_wrong = int(truth[list(wrong)].sum())
    return {"wrong": len(wrong), "late_wrong": late_wrong, "slices": slices, "baseline": before, "attempts": attempts}


def read(data: Path, spans: Sequence[int]) -> dict[int, pd.DataFrame]:
    """Span -> its rows, all texts."""
    return {span: pd.read_csv(data / f"span-{span:02d}.csv", dtype=str, keep_default_na=False) for span in spans}


def write(folder: Path, frames: dict[int, pd.DataFrame]) -> None:
    """Writes the train spans to spans/, and to train/ for the audit."""
    for name in ("spans", "train"):
        (folder / name).mkdir(exist_ok=True)
        for span, frame in frames.items():
            frame.to_csv(folder / name / f"span-{span:02d}.csv", index=False)


def plant(folder: Path, frames: dict[int, pd.DataFrame], name: str, noise: float, seed: int) -> frozenset[str]:
    """Writes the train spans with wrong labels; returns the ids of the rows that have one."""
    together = pd.concat(frames.values(), ignore_index=True)
    hit = flips(name, together, noise, seed)
    together[LABEL] = np.where(hit, np.where(together[LABEL] == "1", "0", "1"), together[LABEL])
    ends = np.cumsum([len(frame) for frame in frames.values()])
    write(folder, {span: together[end - len(frames[span]) : end] for span, end in zip(frames, ends, strict=True)})
    return frozenset(together[ID][hit])


def drifted_slices(summary: dict[str, Any]) -> list[str]:
    """Slices, "column=value", in which a run reports that the label's distribution moved between train and eval."""
    rows = [row for row in summary["drift"] if row["feature"] == LABEL and row["drifted"] and row["slice"]]
    return list(dict.fromkeys(row["slice"] for row in rows))


def look_at(project: Project, way: str, slices: Sequence[str], rows: pd.DataFrame, count: int, seed: int) -> list[str]:
    """Ids of the reviewed train rows; `slices`, "column=value", are those of the approach "source"."""
    if way == "audit":
        return [line["id"] for line in project.export(count)]
    if way == "random":
        return [str(row) for row in rows[ID].sample(count, random_state=seed)]
    chosen = np.zeros(len(rows), bool)
    for name in slices:
        column, value = name.split("=", 1)
        chosen |= (rows[column] == value).to_numpy()
    return [str(row) for row in rows.loc[chosen, ID]]


def correct(project: Project, rows: Sequence[str], truth: pd.Series) -> None:
    """Writes corrections.csv: the true label of each row."""
    today = datetime.date.today().isoformat()
    lines = [Correction(row, LABEL, str(truth[row]), "looked at", "true labels", today) for row in rows]
    write_text(project.corrections, corrections_csv(lines))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
