"""The check of names in docstrings: what it finds and what it leaves alone."""

from pathlib import Path

from docs.checks.docstring_names import check, names_of

FILES = {
    "components/rules.py": 'class Threshold:\n    """A bound."""\n\n\ndef find(bound):\n    local = 1\n',
    "components/text.py": '''"""What `rules.Bar` and rules.Judge were.

`rules.find`, `rules.Threshold`, `rules.py`, `tf.Example` and pandas' `DataFrame`; see `find`.
"""

import pandas as pd

FRAME = pd.DataFrame
"""A `DataFrame`, once an `OddThing`."""


def use(bound):
    """Uses.

    Args:
      bound: See `local`.
    """
    return FRAME, "rules.Bar in a text is no docstring"
''',
}


def test_names_that_are_gone_are_found_with_file_and_line(tmp_path: Path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(check(tmp_path, FILES, names_of(tmp_path, FILES))) == [
        "components/text.py:16: See `local`: nothing of this name is defined",
        "components/text.py:1: `rules.Bar`: no module defines Bar",
        "components/text.py:1: rules.Judge: no module defines Judge",
        "components/text.py:9: `OddThing`: no such name in the code",
    ]
