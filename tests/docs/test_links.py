"""The check of links: what leads nowhere is named, what leads somewhere is not."""

from pathlib import Path

import pytest

from docs.checks.links import anchors, check, not_in_navigation

PAGE = """# A page

[text]({link})

```
[another](nowhere.md)
```

`[a third](nowhere.md)`

## One, two & `three`

## Twice

## Twice
"""


def wrong(root: Path, text: str) -> list[str]:
    files = {
        "docs/page.md": text,
        "docs/other.md": "# Other\n\n## A heading\n",
        "pipeline/cli.py": "",
        "README.md": "# Top\n",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    anchors.cache_clear()
    return list(check(root.resolve(), ["docs/page.md"], frozenset(files)))


@pytest.mark.parametrize(
    "link",
    [
        "other.md", "other.md#a-heading", "../README.md#top", "../pipeline", "../pipeline/cli.py", "#twice", "#twice-1",
        "#one-two--three", "#one-two-three", "https://example.com/nowhere", "mailto:a@example.com",
    ],
)  # fmt: skip
def test_links_that_lead_somewhere(tmp_path: Path, link: str):
    assert wrong(tmp_path, PAGE.format(link=link)) == []


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("nowhere.md", "docs/page.md:3: nowhere.md: no such file"),
        ("other.md#nothing", "docs/page.md:3: other.md#nothing: no heading of docs/other.md has this anchor"),
        ("#nothing", "docs/page.md:3: #nothing: no heading of docs/page.md has this anchor"),
        ("../../outside.md", "docs/page.md:3: ../../outside.md: leads out of the repository"),
        ("../pipeline/gone.py", "docs/page.md:3: ../pipeline/gone.py: no such file"),
    ],
)
def test_links_that_lead_nowhere(tmp_path: Path, link: str, says: str):
    assert wrong(tmp_path, PAGE.format(link=link)) == [says]


def test_a_file_that_is_named_must_exist(tmp_path: Path):
    text = "# A page\n\nSee `pipeline/cli.py` and\n`pipeline/gone.py`; `data/flights/span-01.csv` is made.\n"
    assert wrong(tmp_path, text) == ["docs/page.md:4: pipeline/gone.py: no such file"]


def test_names_of_the_api_page_must_be_defined(tmp_path: Path):
    (tmp_path / "pipeline").mkdir(parents=True, exist_ok=True)
    text = "::: pipeline.cli\n\n::: pipeline.cli.main\n\n::: pipeline.gone.main\n"
    assert wrong(tmp_path, text) == [
        "docs/page.md:3: pipeline.cli.main: no module defines it",
        "docs/page.md:5: pipeline.gone.main: no module defines it",
    ]


def test_pages_that_the_site_does_not_list_are_named():
    navigation = "theme: x.md\nnav:\n  - index.md\n  - How-to:\n      - Drift: drift.md\n"
    assert list(not_in_navigation(["README.md", "docs/drift.md", "docs/x.md"], navigation)) == [
        "docs/x.md: not in the navigation of deploy/docs/mkdocs.yml"
    ]


def test_pictures_are_checked(tmp_path: Path):
    assert wrong(tmp_path, "![A [nested] text](gone.svg)\n") == ["docs/page.md:1: gone.svg: no such file"]
