"""Time and memory of `plumbline init` on large messy CSV files, made by program.

    python -m benchmarks.init_size [--rows N] [--columns N] [--json FILE]

Of eight kinds of columns, in turn: whole numbers with a word in one row of 5,000, amounts as `€ 1.234,56`, percentages,
dates as `31.12.2013` with one that there is not, codes with leading zeros, five categories in two spellings each, lists
`a|b|c`, and names that hardly come twice. The delimiter is a semicolon, a title line is above the header, a total below
the rows, the encoding is Windows-1252. The label is `yes` or `no`.

Prints one JSON object as the last line: rows, columns, megabytes of the file, seconds, cpu_seconds, peak_mb, and kinds
[kind -> columns] as init found them.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.finished_run import command_line
from benchmarks.measured import measure
from benchmarks.results import print_result
from components.shared.errors import PlumblineError
from pipeline.process.environment import configure_environment

CELLS = 1 << 22
"""Made at a time."""


def main() -> int:
    """Writes a file, measures; prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=8, help="without the label")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    configure_environment()
    with tempfile.TemporaryDirectory(prefix="plumbline-init-") as temporary:
        folder = Path(temporary)
        write_messy(folder / "messy.csv", options.rows, options.columns)
        size = (folder / "messy.csv").stat().st_size
        try:
            took = measure(command_line("init", "--data", "messy.csv", "--label", "left"), folder)
        except PlumblineError as error:
            print(f"benchmarks/init_size: {error}", file=sys.stderr)
            return error.exit_code
    told = json.loads(took.stdout)
    kinds = Counter(column["kind"] if column["feature"] else "left out" for column in told["columns"])
    del kinds["left out"]  # the label, and what is named among `left_out`
    found = {"rows": told["rows"], "columns": options.columns, "megabytes": round(size / 1e6), **took.to_json()}
    print_result(found | {"kinds": dict(kinds), "left_out": len(told["left_out"])}, options.json)
    return 0


def write_messy(path: Path, rows: int, columns: int) -> None:
    """Writes the file; see the head of this file."""
    random = np.random.default_rng(0)
    names = [f"c{number}" for number in range(columns)]
    with path.open("w", encoding="cp1252", newline="") as file:
        file.write(f"Kunden nach Größe{';' * columns}\r\n")
        file.write(";".join([*names, "left"]) + "\r\n")
        step = max(CELLS // columns, 1)
        for start in range(0, rows, step):
            count = min(step, rows - start)
            table = {name: _cells(number % 8, start, count, random) for number, name in enumerate(names)}
            table["left"] = np.where(random.random(count) < 0.3, "yes", "no")
            pd.DataFrame(table).to_csv(file, sep=";", index=False, header=False, lineterminator="\r\n")
        file.write(f"Summe{';' * columns}\r\n")


def _cells(kind: int, start: int, count: int, random: np.random.Generator) -> np.ndarray:
    numbers = random.integers(0, 100_000, count)
    if kind == 0:
        cells = numbers.astype(str).astype(object)
        cells[numbers % 5_000 == 7] = "unbekannt"
        return cells
    if kind == 1:
        return np.array([f"€ {n:,}".replace(",", ".") + f",{n % 90 + 10}" for n in range(10_000)], object)[
            numbers // 10
        ]
    if kind == 2:
        return np.array([f"{n // 10},{n % 10}%" for n in range(1_000)], object)[numbers // 100]
    if kind == 3:
        days = pd.date_range("2010-01-01", periods=5_000).strftime("%d.%m.%Y").to_numpy(object)
        cells = days[numbers // 20]
        if start == 0:
            cells[min(9, count - 1)] = "31.02.2013"
        return cells
    if kind == 4:
        return np.array([f"{n:05}" for n in range(2_000)], object)[numbers // 50]
    if kind == 5:
        return np.array(["Köln", "KÖLN", "Ulm", "ulm", "Mainz", "mainz ", "Kiel", "kiel", "Bonn", "BONN"], object)[
            numbers // 10_000
        ]
    if kind == 6:
        items = ("rot", "grün", "blau", "gelb")
        sets = ["|".join(item for bit, item in enumerate(items) if n >> bit & 1) for n in range(1, 16)]
        return np.array(sets, object)[numbers % 15]
    syllables = np.array(["an", "ber", "lo", "mi", "ra", "sen", "tu", "vel", "ka", "do"], object)
    parts = [syllables[random.integers(0, 10, count)] for _ in range(7)]
    return parts[0] + parts[1] + parts[2] + " " + parts[3] + parts[4] + parts[5] + parts[6]


if __name__ == "__main__":
    sys.exit(main())
