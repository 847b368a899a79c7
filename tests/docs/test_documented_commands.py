"""Every `plumbline` command in a code block of the documentation is accepted by the parser; make targets exist."""

import re
import shlex
from collections.abc import Iterator

import pytest

from docs.checks.tracked import ROOT, tracked
from pipeline.cli.command_line import build_parser

GENERATED = {"docs/cli.md", "docs/settings.md"}


def code_lines(text: str) -> Iterator[str]:
    """Lines of fenced and indented code, without comments, continued lines joined."""
    fenced, block = False, []
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or re.match(r" {4,}\S", line):
            block.append(line.strip())
    joined = "\n".join(block).replace("\\\n", " ")
    for line in joined.splitlines():
        yield re.sub(r"\s{2,}#.*$|\s+# .*$", "", line)


def commands() -> list[tuple[str, str]]:
    """(page, command) of all pages; command lines of synopses ([--option], ...) are left out."""
    found = []
    for page in tracked():
        if not page.endswith(".md") or page in GENERATED:
            continue
        for line in code_lines((ROOT / page).read_text(encoding="utf-8")):
            for part in re.split(r"\s*(?:;|&&|\|)\s+", line):
                match = re.match(r"(?:\$ )?(?:\.venv/bin/)?(plumbline .+|make [a-z-]+)$", part.strip())
                if match and "[" not in match[1] and "…" not in match[1]:
                    found.append((page, match[1]))
    return found


def test_there_are_commands():
    assert len([one for one in commands() if one[1].startswith("plumbline")]) > 45


@pytest.mark.parametrize(("page", "command"), [one for one in commands() if one[1].startswith("plumbline")])
def test_a_command_is_accepted(page: str, command: str, capsys: pytest.CaptureFixture[str]):
    words = [word for word in shlex.split(command)[1:] if word != "&"]
    try:
        build_parser().parse_args(words)
    except SystemExit:
        pytest.fail(f"{page}: {command}: {capsys.readouterr().err.splitlines()[-1]}")


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {command.split()[1] for _, command in commands() if command.startswith("make ")}
    assert {"run-local", "test", "docs"} <= named
    assert named - targets == set()


def test_the_readme_is_a_landing_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert "\n    make run-local " in text
    assert "\n    make test " in text
