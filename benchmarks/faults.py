"""Detection of planted faults by stock TFX, Evidently and Plumbline.

    python -m benchmarks.faults [--span 4] [--another 5] [--seed 0] [--pairs 50] [--evidently-pairs 10]
                                [--tools tfx,evidently,plumbline,thresholds] [--json FILE]

One real span of flights is split at random into two halves. One half is the baseline and stays as it is. Each fault of
planted_faults.py is planted, alone, into the other half, and each tool compares the two CSV files:

- ExampleValidator: TFX's, with the curated schema. It never sees the baseline.
- DistributionValidator: TFX's, with the curated schema's drift comparators as its config; see stock_checks.py.
- Evidently: DataDriftPreset with its defaults, on all columns. It counts as soon as one column drifted, or when it
  refuses to compare; its verdict on the data set as a whole is given apart.
- Plumbline: `plumbline drift BASELINE CURRENT --slice origin --slice carrier`, else with its defaults.
- Plumbline with thresholds: the same with the flights' schema and settings, whose thresholds are meant for one month
  against the three before: what is usual between months does not count there.

A false alarm is no catch: a fault is caught by what a tool says about it and does not say of the same two halves
untouched. False alarms are counted on other random halves of the same span, without any fault: pairs with any finding.

Prints the matrix, a Markdown table, and then one JSON object: `span`, `another`, `seed`, `rows`, `faults` [{`name`,
`stands_for`, `touched` (share of the rows), `columns` (those that changed; none where rows came or went), `caught`
{tool: true or false}, `said` {tool: [[feature, kind, detail], ..]}, `names_it` {tool: does it name a column that
changed; null where rows came or went}}], `caught` {tool: number}, `false_alarms` {tool: {`pairs`, `alarms`,
`by_feature`}}, `evidently_dataset_drift` (faults for which Evidently called the whole data set drifted).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evidently_venv import environment, evidently_python
from benchmarks.planted_faults import Fault, all_faults, read_rows, share_touched, stricter_labels
from benchmarks.results import print_result
from benchmarks.stock_checks import Finding, StockChecks
from components.shared.errors import InputError, PlumblineError

DATASET = "flights"
SPANS = Path("data/flights")
SCHEMA = Path("schemas/flights/schema.pbtxt")
OURS = {"plumbline": "Plumbline", "thresholds": "Plumbline with thresholds"}
TOOLS = ["tfx", "evidently", *OURS]
COLUMNS = ["ExampleValidator", "DistributionValidator", "Evidently", *OURS.values()]
Findings = dict[str, list[list[Finding]]]  # tool -> for each pair what it found
Pair = tuple[Path, Path]


def main() -> int:
    """Plants, compares, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--span", type=int, default=4, help="of the flights (%(default)s)")
    parser.add_argument("--another", type=int, help="span that strangers come from (default: the one after)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=50, help="random halves without a fault (%(default)s)")
    parser.add_argument(
        "--evidently-pairs", type=int, default=10, help="of those for Evidently, 6 s each (%(default)s)"
    )
    parser.add_argument("--tools", default=",".join(TOOLS), help="which to run (%(default)s)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    chosen = options.tools.split(",")
    if not set(chosen) <= set(TOOLS):
        parser.error(f"--tools {options.tools}: legal: {', '.join(TOOLS)}")
    another = options.another or options.span % 12 + 1
    try:
        result = _run(options, another, chosen)
    except PlumblineError as error:
        print(f"benchmarks/faults: {error}", file=sys.stderr)
        return error.exit_code
    print(_matrix(result))
    print_result(result, options.json)
    return 0


def _run(options: argparse.Namespace, another: int, chosen: Sequence[str]) -> dict[str, Any]:
    for span in (options.span, another):
        if not _span(span).exists():
            raise InputError(f"{_span(span)} is not there; make it with: python -m data.flights")
    rows = read_rows(_span(options.span))
    faults = all_faults(read_rows(_span(another)), stricter_labels())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        baseline, current = _halves(rows, options.seed)
        planted = [fault.plant(current, np.random.default_rng([options.seed, i])) for i, fault in enumerate(faults)]
        one = _write(baseline, folder / "baseline.csv")
        pairs = [(one, _write(current, folder / "current.csv"))]
        pairs += [(one, _write(table, folder / f"{f.name}.csv")) for f, table in zip(faults, planted, strict=True)]
        found, dataset_drift = _find(pairs, chosen, "faults")
        described = [
            _described(fault, current, table, {tool: (lists[0], lists[i]) for tool, lists in found.items()})
            for i, (fault, table) in enumerate(zip(faults, planted, strict=True), start=1)
        ]
        calm = [_write_halves(rows, seed, folder) for seed in range(options.seed + 1, options.seed + 1 + options.pairs)]
        alarms = _false_alarms(calm, chosen, options.evidently_pairs)
    return {
        "span": options.span,
        "another": another,
        "seed": options.seed,
        "rows": {"baseline": len(baseline), "current": len(current)},
        "faults": described,
        "caught": {tool: sum(row["caught"][tool] for row in described) for tool in found},
        "false_alarms": alarms,
        "evidently_dataset_drift": [fault.name for fault, flag in zip(faults, dataset_drift[1:], strict=False) if flag],
    }


def _described(
    fault: Fault, before: pd.DataFrame, after: pd.DataFrame, found: dict[str, tuple[list[Finding], list[Finding]]]
) -> dict[str, Any]:
    """One fault's row of the result. `found` is tool -> findings on the untouched halves, and on the faulted ones."""
    changed = _changed_columns(before, after)
    new = {}
    for tool, (untouched, faulted) in found.items():
        known = {(feature, kind) for feature, kind, _ in untouched}
        new[tool] = [finding for finding in faulted if finding[:2] not in known]
    return {
        "name": fault.name,
        "stands_for": fault.stands_for,
        "touched": round(share_touched(before, after), 4),
        "columns": changed,
        "caught": {tool: bool(findings) for tool, findings in new.items()},
        "said": {tool: [list(finding) for finding in findings] for tool, findings in new.items()},
        "names_it": {tool: _names(findings, changed) for tool, findings in new.items()},
    }


def _names(findings: Sequence[Finding], columns: Sequence[str]) -> bool | None:
    """Whether some finding is about one of these columns; None where the fault is about rows."""
    return any(finding[0].split(" ")[0] in columns for finding in findings) if columns else None


def _changed_columns(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Columns whose cells differ; none where there are other rows, for then it is no matter of columns."""
    if len(before) != len(after) or not before.index.equals(after.index):
        return []
    names = dict.fromkeys([*before.columns, *after.columns])
    return [name for name in names if name not in before or name not in after or not before[name].equals(after[name])]


def _find(pairs: Sequence[Pair], chosen: Sequence[str], what: str) -> tuple[Findings, list[bool]]:
    """What every tool found in every pair, and Evidently's verdict on each data set as a whole."""
    found: Findings = {}
    dataset_drift: list[bool] = []
    if "tfx" in chosen:
        found |= _stock(pairs, what)
    if "evidently" in chosen:
        found["Evidently"], dataset_drift = _evidently(pairs, what)
    for key in [key for key in OURS if key in chosen]:
        lists = found[OURS[key]] = []
        for i, (baseline, current) in enumerate(pairs, start=1):
            lists.append(_ours(baseline, current, thresholds=key == "thresholds"))
            _progress(OURS[key], what, i, len(pairs))
    return found, dataset_drift


def _ours(baseline: Path, current: Path, thresholds: bool) -> list[Finding]:
    """What `plumbline drift` reports as drifted, or why it refuses the file."""
    from pipeline.drift.comparison import drift
    from pipeline.settings.config import find_config, load_config

    try:
        if thresholds:
            compared = drift(str(baseline), str(current), config=load_config(find_config(DATASET)))
        else:
            compared = drift(str(baseline), str(current), slices=["origin", "carrier"])
    except InputError as error:
        return [("", "refused", str(error))]
    found = [
        (f"{row.feature} ({row.slice})" if row.slice else row.feature, row.measure, row.detail)
        for row in compared.result.rows
        if row.drifted
    ]
    return found + [(mismatch.column, "misfit", f"{mismatch.count} values") for mismatch in compared.mismatches]


def _stock(pairs: Sequence[Pair], what: str) -> Findings:
    from pipeline.process.environment import configure_environment

    configure_environment()
    checks = StockChecks(SCHEMA)
    found: Findings = {"ExampleValidator": [], "DistributionValidator": []}
    known: dict[Path, Any] = {}
    for i, (baseline, current) in enumerate(pairs, start=1):
        if baseline not in known:
            known = {baseline: checks.statistics(baseline)}
        statistics = checks.statistics(current)
        found["ExampleValidator"].append(checks.example_validator(statistics))
        found["DistributionValidator"].append(checks.distribution_validator(known[baseline], statistics))
        _progress("TFX", what, i, len(pairs))
    return found


def _evidently(pairs: Sequence[Pair], what: str) -> tuple[list[list[Finding]], list[bool]]:
    python = evidently_python()
    found: list[list[Finding]] = []
    dataset_drift = []
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        named = [{"name": str(i), "baseline": str(one), "current": str(two)} for i, (one, two) in enumerate(pairs)]
        json.dump(named, file)
        file.flush()
        command = [str(python), str(Path(__file__).with_name("run_evidently.py")), file.name]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                answer = json.loads(line)
                drifted: list[Finding] = [(column, "drift", "") for column in answer["drifted"]]
                found.append(drifted + ([("", "refused", answer["error"])] if answer["error"] else []))
                dataset_drift.append(answer["dataset_drift"])
                _progress("Evidently", what, len(found), len(pairs))
    if process.returncode != 0 or len(found) != len(pairs):
        raise PlumblineError(f"Evidently stopped after {len(found)} of {len(pairs)} pairs; its own words are above")
    return found, dataset_drift


def _false_alarms(pairs: Sequence[Pair], chosen: Sequence[str], evidently_pairs: int) -> dict[str, Any]:
    counted: dict[str, Any] = {}
    for tool in chosen:
        used = pairs[:evidently_pairs] if tool == "evidently" else pairs
        found, _ = _find(used, [tool], "halves without a fault")
        for name, lists in found.items():
            features = Counter(feature for findings in lists for feature in {finding[0] for finding in findings})
            alarms = sum(bool(findings) for findings in lists)
            counted[name] = {"pairs": len(used), "alarms": alarms, "by_feature": dict(features.most_common())}
    return counted


def _span(number: int) -> Path:
    return SPANS / f"span-{number:02d}.csv"


def _halves(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two random halves, each in the order of the span."""
    first = np.zeros(len(rows), dtype=bool)
    first[np.random.default_rng(seed).permutation(len(rows))[: len(rows) // 2]] = True
    return rows[first], rows[~first]


def _write_halves(rows: pd.DataFrame, seed: int, folder: Path) -> Pair:
    baseline, current = _halves(rows, seed)
    return _write(baseline, folder / f"calm-{seed}-a.csv"), _write(current, folder / f"calm-{seed}-b.csv")


def _write(rows: pd.DataFrame, path: Path) -> Path:
    rows.to_csv(path, index=False, encoding="utf-8")
    return path


def _progress(tool: str, what: str, done: int, of: int) -> None:
    if done % 10 == 0 or done == of:
        print(f"{tool}: {done} of {of} {what}", file=sys.stderr)


def _matrix(result: dict[str, Any]) -> str:
    """The Markdown table: a row for each fault, then how many were caught, then false alarms."""
    tools = [tool for tool in COLUMNS if tool in result["caught"]]
    ours = "Plumbline" in tools
    lines = ["| fault | rows touched | " + " | ".join(tools) + (" | what Plumbline said |" if ours else " |")]
    lines.append("|---" * (2 + len(tools) + ours) + "|")
    for row in result["faults"]:
        marks = ["yes" if row["caught"][tool] else "-" for tool in tools]
        said = [_said(row["said"]["Plumbline"])] if ours else []
        lines.append("| " + " | ".join([row["name"], f"{row['touched']:.1%}", *marks, *said]) + " |")
    blank = [""] * ours
    caught = [f"{result['caught'][tool]} of {len(result['faults'])}" for tool in tools]
    lines.append("| " + " | ".join(["**caught**", "", *caught, *blank]) + " |")
    alarms = ["{alarms} of {pairs}".format_map(result["false_alarms"][tool]) for tool in tools]
    lines.append("| " + " | ".join(["**false alarms**", "", *alarms, *blank]) + " |")
    return "\n".join(lines)


def _said(findings: Sequence[Sequence[str]]) -> str:
    """The first two findings, by feature and measure."""
    shown = ", ".join(f"{feature} {kind}".strip() for feature, kind, _ in findings[:2])
    return shown + (f" and {len(findings) - 2} more" if len(findings) > 2 else "")


if __name__ == "__main__":
    sys.exit(main())
