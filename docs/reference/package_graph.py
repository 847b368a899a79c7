"""The picture of the packages in docs/architecture.md, drawn from the imports in the code.

`python -m docs.reference.package_graph > docs/packages.svg` (`make reference`) renews it. It is a committed SVG: GitHub
and the documentation's site show it without a script, which for Mermaid would come from a CDN.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from components.shared.texts.svg import framed, svg_text
from pipeline.report.facts import ReportStep
from pipeline.report.graph import drawn_edges, layers

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "pipeline/cli": ("pipeline/cli", "the command plumbline"),
    "pipeline/notebook_views": ("pipeline/notebook_views", "tables and charts of notebooks"),
    "pipeline/doctor": ("pipeline/doctor", "checks and repairs"),
    "pipeline/runners": ("pipeline/runners", "local, kubeflow, dry_run, beam"),
    "pipeline/dag.py": ("pipeline/dag.py", "composes the components"),
    "pipeline/report": ("pipeline/report", "HTML pages"),
    "pipeline/export": ("pipeline/export", "MLflow"),
    "pipeline/run_history": ("pipeline/run_history", "finished runs"),
    "pipeline/labels": ("pipeline/labels", "audit, feedback, new spans"),
    "pipeline/drift": ("pipeline/drift", "tables without a run"),
    "pipeline/preflight": ("pipeline/preflight", "checks before a run"),
    "pipeline/onboarding": ("pipeline/onboarding", "init, schema"),
    "pipeline/settings": ("pipeline/settings", "pipeline.toml"),
    "pipeline/process": ("pipeline/process", "terminal, signals, disk"),
    "pipeline/metadata": ("pipeline/metadata", "ML Metadata"),
    "serving": ("serving", "model server"),
    "serving/request_log": ("serving/request_log", "rows, labels, files"),
    "monitor": ("monitor", "windows, alarms, retraining"),
    "components": ("components/*", "component.py and its core"),
    "components/table_reading": ("table_reading, registry, model_card", "libraries of components/"),
    "components/registry": ("table_reading, registry, model_card", "libraries of components/"),
    "components/model_card": ("table_reading, registry, model_card", "libraries of components/"),
    "components/shared": ("components/shared", "files, statistics, texts"),
}
"""Path of a package -> name and second line of its box. A module belongs to the longest path that it begins with;
modules of no package here, such as pipeline/demo, are not drawn."""

TALL, APART, ASIDE, THIN = 40, 24, 14, 12
LETTER = 6.4
"""Mean width of a letter, px, of the 12 px font; boxes are as wide as their longer line."""


def package_of(module: str) -> str | None:
    """Returns the name of a module's box, given its path without the suffix; None if it has none."""
    parts = module.split("/")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        if found := PACKAGES.get(path) or PACKAGES.get(f"{path}.py"):
            return found[0]
    return None


def imports(root: Path = ROOT) -> set[tuple[str, str]]:
    """Returns (importing, imported) of all imports between packages, those within functions included."""
    tops = {path.split("/")[0] for path in PACKAGES}
    found = set()
    for file in (file for top in sorted(tops) for file in (root / top).rglob("*.py")):
        importing = package_of(file.relative_to(root).with_suffix("").as_posix())
        for name in _imported(ast.parse(file.read_text(encoding="utf-8"))):
            imported = package_of(name.replace(".", "/")) if name.split(".")[0] in tops else None
            if importing and imported and importing != imported:
                found.add((importing, imported))
    return found


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from pipeline import dag` imports the module pipeline.dag.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def steps(edges: set[tuple[str, str]]) -> list[ReportStep]:
    """Returns the packages in topological order, each with those that import it as its inputs.

    Raises:
      ValueError: Packages import each other in a circle.
    """
    left = list(dict.fromkeys(name for name, _ in PACKAGES.values()))
    found: list[ReportStep] = []
    while left:
        ready = [name for name in left if not any(importer in left for importer, other in edges if other == name)]
        if not ready:
            raise ValueError(f"packages import each other in a circle: {', '.join(left)}")
        for name in ready:
            found.append(ReportStep(name, "", 0.0, tuple(sorted(one for one, other in edges if other == name))))
        left = [name for name in left if name not in ready]
    return found


def picture() -> str:
    """Draws the packages from top to bottom; an arrow that follows from others is left out."""
    drawn = steps(imports())
    rows, ways = layers(drawn)
    about = dict(PACKAGES.values())
    widths = {name: _width(name, about[name]) if name in about else THIN for row in rows for name in row}
    totals = [sum(widths[name] + ASIDE for name in row) - ASIDE for row in rows]
    middles: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        x = (max(totals) - totals[index]) / 2 + ASIDE
        for name in row:
            middles[name] = (x + widths[name] / 2, index * (TALL + APART) + ASIDE)
            x += widths[name] + ASIDE
    width, height = max(totals) + 2 * ASIDE, len(rows) * (TALL + APART) - APART + 2 * ASIDE
    inner = _STYLE + f'<rect class="page" x="1" y="1" width="{width - 2:g}" height="{height - 2:g}" rx="8"/>'
    inner += "".join(_arrow([middles[name] for name in way]) for way in ways)
    inner += "".join(_box(name, about[name], widths[name], *middles[name]) for name in about)
    title = "; ".join(f"{one} imports {other}" for one, other in drawn_edges(drawn))
    return str(framed(inner, width, height, f"Packages: {title}", "packages")) + "\n"


_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;text-anchor:middle;fill:#222}.about{font-size:10.5px;fill:#666}"
    ".page{fill:#fff;stroke:#bbb}.box{fill:#eef3ff;stroke:#36c}.arrow{fill:none;stroke:#777;stroke-width:1.3}"
    ".end{fill:#777}</style>"
)


def _width(name: str, about: str) -> float:
    return round(max(len(name) * LETTER * 1.06, len(about) * LETTER * 0.9)) + 20


def _arrow(way: Sequence[tuple[float, float]]) -> str:
    path = ""
    for (x, y), (to_x, to_y) in pairwise(way):
        middle = (y + TALL + to_y) / 2
        path += f"{'L' if path else 'M'}{x:g},{y + TALL:g}C{x:g},{middle:g} {to_x:g},{middle:g} {to_x:g},{to_y:g}"
    x, y = way[-1]
    return f'<path class="arrow" d="{path}"/><path class="end" d="M{x - 4:g},{y - 7:g}h8l-4,7z"/>'


def _box(name: str, about: str, width: float, x: float, y: float) -> str:
    return (
        f'<rect class="box" x="{x - width / 2:g}" y="{y:g}" width="{width:g}" height="{TALL}" rx="6"/>'
        f'<text x="{x:g}" y="{y + 17:g}">{svg_text(name)}</text>'
        f'<text class="about" x="{x:g}" y="{y + 32:g}">{svg_text(about)}</text>'
    )


if __name__ == "__main__":
    sys.stdout.write(picture())
