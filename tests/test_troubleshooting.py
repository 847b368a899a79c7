"""docs/troubleshooting.md quotes messages as the code writes them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
NOT_OURS = ("GLIBC", "libgomp", "pyfarmhash", "init", "block", "by", "when", "[kubeflow] environment")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if not set(row[0]) <= set("-|") and row[0] != "you see"]


def quoted() -> list[str]:
    found = [two or one for row in rows() for two, one in re.findall(r"``\s(.+?)\s``|`([^`]+)`", row[0])]
    return [text for text in found if not text.startswith(NOT_OURS)]


@cache
def literals() -> tuple[str, ...]:
    """Every text in the code; of an f-string with … for what is filled in."""
    found = []
    for file in (path for package in ("pipeline", "components") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return tuple(found)


def test_every_row_says_what_why_and_what_to_do():
    assert len(rows()) > 70
    assert [row for row in rows() if len(row) != 3 or not all(row)] == []


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_in_the_code(message):
    parts = [part.strip() for part in message.split("…") if len(part.strip(" :;,.('")) > 2]
    assert parts
    pattern = re.compile(".*?".join(map(re.escape, parts)), re.DOTALL)
    assert any(pattern.search(text) for text in literals()), message
