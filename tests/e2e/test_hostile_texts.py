"""Column names, categories, labels and ids with markup, formulas and control characters, in every output."""

import csv
import json
import random
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.cli import main

SCRIPT = "<script>alert(1)</script>"
IMAGE = "\"><img src=x onerror=alert(1)>'"
CLEAR = "red\x1b[2J\x1b]0;title\x07"
REVERSED = "abc\u202edlrow"
FORMULA = '=HYPERLINK("http://x","y")'
LINES = "one\nversion 9 (live), made by run x\ntwo"
MARKDOWN = "[x](javascript:alert(1)) |`# **b**"
TEXTS = (SCRIPT, IMAGE, CLEAR, REVERSED, FORMULA, LINES, MARKDOWN, "{{ 7*7 }}", "$HOME`id`", "'; drop table x; --")
LABEL = f"late {SCRIPT} \x1b[31m"
YES, NO = f"yes {IMAGE}", "no\x1b[2J\u202e"
REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def write(path: Path, rows: int, seed: int, moved: bool) -> None:
    """Writes a number that determines the label, noise and categories; all names and texts are from TEXTS."""
    draw = random.Random(seed)
    names = [
        f"id {FORMULA}",
        *(f"n{place} {text}" for place, text in enumerate(TEXTS[:4])),
        f"c {SCRIPT}",
        f"d {LINES}",
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([*names, LABEL])
        for row in range(rows):
            x = [f"{draw.gauss(2.0 if moved else 0.0, 1):.3f}" for _ in range(4)]
            category = draw.choice(TEXTS[:3] if moved else TEXTS)
            label = YES if float(x[0]) + draw.gauss(0, 0.7) > (2.0 if moved else 0.0) else NO
            writer.writerow([f"=1+{seed}{row}", *x, category, draw.choice(TEXTS[:5]), label])


class Tags(HTMLParser):
    """Parses a page as a browser does."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.bad = 0, []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.bad += [(tag, name) for name, _ in attrs if name.startswith("on")]
        self.bad += [(tag, value) for name, value in attrs if name in ("href", "src") and ":" in (value or "")]
        self.bad += [(tag, "")] if tag in ("img", "iframe", "object", "embed", "form", "b") else []


def assert_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.scripts <= 1, path
    assert [one for one in tags.bad if one != ("link", "data:,")] == [], path
    assert_characters(text, path)
    assert "Content-Security-Policy" in text


def assert_characters(text: str, where: object) -> None:
    found = {c for c in text if c in REORDERING or (unicodedata.category(c) == "Cc" and c not in "\n\t")}
    assert not found, (where, found)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, str, str]]]:
    """Returns command -> exit code, stdout, stderr; the working directory is the project."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(folder / "data.csv", 1500, 1, moved=False)
        write(folder / "other.csv", 1500, 2, moved=True)
        yield {}


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == 0, (arguments, err)
    for text in (out, err):
        assert all(c == "\n" or c.isprintable() for c in text), (arguments, text)
        # No value begins a line of its own.
        assert not [line for line in text.splitlines() if line.startswith(("version 9", "two"))], (arguments, text)
    return out, err


def test_hostile_texts_stay_texts(outputs, capsys, tmp_path):
    ran(capsys, "init", "--data", "data.csv", "--label", LABEL, "--name", "hostile")
    settings = Path("schemas/hostile/pipeline.toml")
    text = settings.read_text(encoding="utf-8")
    assert_characters(text, settings)
    text = re.sub(r"(?m)^slices = .*", f"slices = [[{json.dumps(f'c {SCRIPT}')}]]", text)
    text = re.sub(r"(?m)^(epochs|patience) = .*", r"\1 = 2", text)
    text = re.sub(r'(?m)^anomalies = "block"', 'anomalies = "warn"', text)
    settings.write_text(text, encoding="utf-8")

    ran(capsys, "run", "--dataset", "hostile")
    home = Path("runs/hostile")
    (run,) = (path.parent.name for path in home.glob("reports/*/summary.json"))
    ran(capsys, "runs", "--dataset", "hostile")
    ran(capsys, "runs", "--dataset", "hostile", "--html")
    ran(capsys, "report", "--dataset", "hostile")
    ran(capsys, "report", "--dataset", "hostile", "--compare", run, run)
    ran(capsys, "compare", run, run, "--dataset", "hostile")
    ran(capsys, "lineage", "live", "--dataset", "hostile")
    ran(capsys, "downstream", "data.csv", "--dataset", "hostile")
    ran(capsys, "gc", "--dataset", "hostile")
    ran(capsys, "drift", "data.csv", "other.csv", "--all", "--slice", f"c {SCRIPT}")
    ran(capsys, "drift", "--history", "--dataset", "hostile", "--chart", str(home / "drift.svg"))
    ran(capsys, "audit", "data.csv", "--dataset", "hostile", "--export", "corrections.csv")
    settings.write_text(text.replace('pattern = "data.csv"', 'pattern = "other.csv"'), encoding="utf-8")
    ran(capsys, "schema", "diff", "--dataset", "hostile")

    pages = [*home.rglob("*.html"), *home.rglob("*.svg")]
    assert {path.name for path in pages} >= {"report.html", "runs.html", "model_card.html", "drift.svg"}
    for page in pages:
        if page.suffix == ".html":
            assert_page(page)
        else:
            svg = page.read_text(encoding="utf-8")
            assert "<script" not in svg
            assert_characters(svg, page)
    for markdown in home.rglob("*.md"):
        text = markdown.read_text(encoding="utf-8")
        assert_characters(text, markdown)
        outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
        assert not re.search(r"(?<!\\)<\w", outside), markdown
        assert "](javascript" not in outside.replace("\\]", ""), markdown
    with Path("corrections.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert len(cells) > 6
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]


def test_the_export_is_applied_to_the_rows_that_it_names(outputs, capsys):
    with Path("corrections.csv").open(newline="", encoding="utf-8") as file:
        header, first, *_ = csv.reader(file)
    decided = dict(zip(header, first, strict=True)) | {"value": NO, "by": "ann", "when": "2026-11-21"}
    with Path("schemas/hostile/corrections.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([header, list(decided.values())])
    settings = Path("schemas/hostile/pipeline.toml")
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('pattern = "other.csv"', 'pattern = "data.csv"'), encoding="utf-8")
    ran(capsys, "run", "--dataset", "hostile")
    newest = max(Path("runs/hostile/reports").glob("*/summary.json"))
    assert json.loads(newest.read_text(encoding="utf-8"))["corrections"][0]["relabelled"] in (0, 1)
    assert json.loads(newest.read_text(encoding="utf-8"))["corrections"]


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", ".hidden", "x\x1b[2J", "x\n"])
@pytest.mark.parametrize(
    "command", [("run",), ("runs",), ("report",), ("gc",), ("lineage", "live"), ("compare", "a", "b"), ("tuned",)]
)
def test_a_dataset_is_a_plain_name(outputs, capsys, command, name):
    assert main([*command, "--dataset", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.isprintable()
    assert "not a plain name" in line or "no such dataset" in line
