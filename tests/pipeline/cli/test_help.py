"""Help, versions and wrong calls: what a stranger sees first."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline.cli.command_line import build_parser, main
from pipeline.cli.parser import Parser, parse


def commands(parser: argparse.ArgumentParser) -> Iterator[Parser]:
    """The parsers of all commands that can be called."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)
            return
    assert isinstance(parser, Parser)
    yield parser


COMMANDS = {parser.prog.removeprefix("plumbline "): parser for parser in commands(build_parser())}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_description_and_examples_that_it_takes(name):
    parser = COMMANDS[name]
    assert parser.description and parser.description.endswith(".")
    examples = parser.get_default("examples")
    assert examples
    for example in examples:
        program, *words = shlex.split(example.partition(" > ")[0])
        assert program == "plumbline"
        parsed = parse(build_parser(), words)
        assert parsed.parser.prog == parser.prog
        assert f"  {example}" in parser.format_help()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained_and_every_command_has_the_common_options(name):
    parser = COMMANDS[name]
    assert all(action.help for action in parser._actions)
    assert {"--quiet", "--verbose", "--debug"} <= set(parser.options())


def test_version_names_the_stack(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("plumbline ") and "tfx 1.21" in out and f"Python {sys.version_info.major}." in out


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("rnus", "plumbline: rnus: no such command; did you mean runs? legal: init, run, replay, runs, "),
        ("qqq", "plumbline: qqq: no such command; legal: init, run, replay, "),
        ("run --dataset flights --spann 3", "plumbline: run: --spann: no such option; did you mean --span?; see "),
        ("run --dataset flights --zz", "plumbline: run: --zz: no such option; see `plumbline run --help`"),
        ("runs --dataset flights x", "plumbline: runs: x: one argument too many; see `plumbline runs --help`"),
        ("drift a b --rule fixd", "plumbline: drift: fixd: no such value of --rule; did you mean fixed? legal: "),
        ("schema dif --dataset flights", "plumbline: schema: dif: no such command; did you mean diff? legal: "),
        ("run", "plumbline: run: the following arguments are required: --dataset; see `plumbline run --help`"),
        ("runs --dataset flights -q -v", "plumbline: runs: argument -v/--verbose: not allowed with argument -q"),
        ("ru\x1b[31mn", "plumbline: ru\\x1b[31mn: no such command; "),
    ],
)
def test_a_wrong_call_is_one_line_with_the_nearest_name(capsys, call, line):
    with pytest.raises(SystemExit) as ended:
        main(call.split(" "))
    assert ended.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(line)


@pytest.mark.parametrize("command", ["run", "runs", "gc"])
def test_a_misspelt_dataset_is_told_from_one_without_runs(capsys, command):
    assert main([command, "--dataset", "flight"]) == 2
    assert "schemas/flight/pipeline.toml: no such dataset; did you mean flights?" in capsys.readouterr().err


def test_a_misspelt_column_is_told_with_the_nearest_name(capsys, tmp_path):
    (tmp_path / "t.csv").write_text("late,origin\n1,EWR\n0,JFK\n")
    assert main(["audit", str(tmp_path / "t.csv"), "--label", "Lat"]) == 2
    assert "--label Lat: no such column; did you mean late? " in capsys.readouterr().err


def test_verbose_adds_the_time_on_stderr_only(capsys):
    assert main(["runs", "--dataset", "flights", "--root", "nowhere", "--verbose"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("plumbline runs: ")


def test_a_former_option_means_the_present_one_and_warns(capsys):
    parsed = parse(build_parser(), ["audit", "t.csv", "--labelers", "a,b"])
    assert parsed.annotators == "a,b"
    assert capsys.readouterr().err == (
        "plumbline: warning: --labelers is now --annotators; the former name works until version 0.3.0\n"
    )
    assert "--labelers" not in COMMANDS["audit"].format_help()


SCRIPT = """
source "$1"
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_plumbline; echo "${COMPREPLY[*]}"; }
try plumbline ru
try plumbline run --dataset fl
try plumbline schema ""
try plumbline drift --rule ""
"""


def test_bash_completes_commands_datasets_and_choices(tmp_path):
    script = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "completion", "bash"], capture_output=True, check=True
    ).stdout
    (tmp_path / "completion.bash").write_bytes(script)
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT, "bash", str(tmp_path / "completion.bash")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["run runs", "flights", "diff update", "calibrated fixed"]
