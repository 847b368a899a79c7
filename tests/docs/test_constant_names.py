"""Limits have one form of name, MAX_… and MIN_…, so that a search finds them."""

import ast
import re

from docs.checks.tracked import ROOT, tracked

OTHER = re.compile(r"_?(?:MOST|LEAST|FEWEST)(?:_|$)")


def test_limits_are_named_max_and_min():
    found = [
        f"{name}:{node.lineno}: {node.id}"
        for name in tracked()
        if name.endswith(".py")
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and OTHER.match(node.id)
    ]
    assert not found
