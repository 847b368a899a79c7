"""docs/cli.md is what the parser says."""

from docs.checks.tracked import ROOT
from docs.reference.command_line import page
from pipeline.cli.command_line import build_parser


def test_the_page_is_the_one_that_the_code_generates():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page(), "run `make reference`"


def test_every_command_and_option_is_on_the_page():
    text = page()
    assert "\n## plumbline run\n" in text
    assert "\n## plumbline schema diff\n" in text
    assert "\n## plumbline export mlflow\n" in text
    assert "    plumbline compare RUN_A RUN_B --dataset NAME [OPTIONS]\n" in text
    assert "| `--compare RUN_A RUN_B` |" in text
    assert "| `SPAN\\|FILE` |" in text
    for line in build_parser().format_help().splitlines():
        name = line.strip().split("  ")[0]
        if line.startswith("    ") and " " not in name and name != "COMMAND" and not line.startswith("     "):
            assert f"\n## plumbline {name}" in text, name


def test_every_argument_has_a_meaning():
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.rstrip(" |").endswith("`")] == []
