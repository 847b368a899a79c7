"""Bad input at the command line: exit code 2, one line that names it, and nothing in metadata or registry."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.registry.registry import Registry
from pipeline.cli import main

SPAN = Path("data/flights/span-04.csv")
SETTINGS = Path("schemas/flights/pipeline.toml")
HOME = Path("runs/flights")


def state() -> dict[str, bytes]:
    """Metadata and registry, byte by byte."""
    found = [HOME / "metadata.sqlite", *(HOME / "registry").rglob("*")]
    return {str(path): path.read_bytes() for path in found if path.is_file()}


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def columns(change: Callable[[list[bytes]], list[bytes]], after: int = 0) -> Callable[[bytes], bytes]:
    """Changes the cells of every line from number `after` on; no cell of the sample is quoted."""

    def lines(content: bytes) -> bytes:
        rows = [line.split(b",") for line in content.splitlines()]
        return b"".join(b",".join(change(row) if i >= after else row) + b"\n" for i, row in enumerate(rows))

    return lines


@pytest.fixture(params=["a new root", "a root in use"])
def before(request, project) -> dict[str, bytes]:
    """The state before the command; in a root in use there is something to spoil."""
    if request.param == "a root in use":
        model = project / "model"
        model.mkdir()
        (model / "saved_model.pb").write_text("x")
        Registry(HOME / "registry").push(model, {"fingerprints": {}, "champion": None})
        (HOME / "metadata.sqlite").write_bytes(b"as it was")
    return state()


def refusal(capsys, *arguments: str, code: int = 2) -> str:
    """Runs a command that must fail; returns its one line."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("plumbline: ")
    return line.removeprefix("plumbline: ")


RUN = ("run", "--dataset", "flights")
BAD_DATA = {
    "missing span": (SPAN.unlink, ("--span", "4"), "span 4 does not exist; available: 1-3"),
    "missing span in the window": (Path("data/flights/span-02.csv").unlink, (), "span 2, needed to train for span 4"),
    "oldest span": (lambda: None, ("--span", "1"), "span 1 is the oldest"),
    "no folder": (lambda: None, ("--data", "nowhere"), "nowhere: no such folder"),
    "no spans": (lambda: None, ("--data", "schemas"), "schemas: no file matches span-{span}.csv"),
    "empty": (lambda: SPAN.write_bytes(b""), (), f"{SPAN}: is empty"),
    "header-only": (
        lambda: edit(SPAN, lambda content: content.splitlines(keepends=True)[0]),
        (),
        f"{SPAN}: holds a header but no rows",
    ),
    "header-only in train": (
        lambda: edit(Path("data/flights/span-01.csv"), lambda content: content.splitlines(keepends=True)[0]),
        (),
        "data/flights/span-01.csv: holds a header but no rows",
    ),
    "column missing": (
        lambda: edit(SPAN, columns(lambda row: row[:10] + row[11:])),
        (),
        f"{SPAN}: column 'distance' is missing",
    ),
    "label missing": (lambda: edit(SPAN, columns(lambda row: row[:-1])), (), f"{SPAN}: column 'late' is missing"),
    "wrong type": (
        lambda: edit(SPAN, replaced(b",711,", b",far,")),
        (),
        f"{SPAN}: column 'distance', row 2 (the header is row 1): invalid value 'far' where the schema says int64",
    ),
    "invalid UTF-8": (
        lambda: edit(SPAN, replaced(b",MDW,", b",\xffDW,")),
        (),
        f"{SPAN}: column 'dest', row 2 (the header is row 1): byte 0xff is not utf-8",
    ),
    "ragged": (lambda: edit(SPAN, replaced(b",MDW,", b",M,D,W,")), (), f"{SPAN}: row 2 has 30 cells"),
    "one class": (
        lambda: edit(SPAN, columns(lambda row: [*row[:-1], b"1"], after=1)),
        (),
        "the label column 'late' is '1' in all 1,000 rows of split eval",
    ),
    "no label": (
        lambda: edit(SPAN, columns(lambda row: [*row[:-1], b""], after=1)),
        (),
        "no row of split eval has a value in the label column 'late'",
    ),
    "a folder": (lambda: (SPAN.unlink(), SPAN.mkdir()), (), f"{SPAN}: a folder where a span file is expected"),
    "no window": (lambda: None, ("--window", "0"), "--window 0: must be at least 1"),
    "broken TOML": (lambda: edit(SETTINGS, lambda content: content + b"[["), (), f"{SETTINGS}: is no valid TOML"),
    "not UTF-8 TOML": (lambda: edit(SETTINGS, lambda content: content + b"#\xff"), (), f"{SETTINGS}: is no valid TOML"),
    "unknown key": (
        lambda: edit(SETTINGS, replaced(b"epochs", b"epoch")),
        (),
        f"{SETTINGS}: [training] epoch: unknown key; did you mean epochs? legal keys: module_file, ",
    ),
    "impossible value": (
        lambda: edit(SETTINGS, replaced(b'"warn"', b'"stop"')),
        (),
        f"{SETTINGS}: [gate] drift: input should be 'block' or 'warn', not 'stop'",
    ),
    "unknown column": (
        lambda: edit(SETTINGS, replaced(b'"dewp"', b'"dew"')),
        (),
        f"{SETTINGS}: [features]: 'dew' is not in schemas/flights/schema.pbtxt",
    ),
    "no schema": (
        Path("schemas/flights/schema.pbtxt").unlink,
        (),
        "schemas/flights/schema.pbtxt: no such file",
    ),
    "broken schema": (
        lambda: edit(Path("schemas/flights/schema.pbtxt"), lambda content: content + b"feature {"),
        (),
        "schemas/flights/schema.pbtxt: is not a valid schema",
    ),
    "schema not UTF-8": (
        lambda: edit(Path("schemas/flights/schema.pbtxt"), lambda content: content + b"\xff"),
        (),
        "schemas/flights/schema.pbtxt: cannot be read",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_run_refuses(before, capsys, case):
    spoil, arguments, message = BAD_DATA[case]
    spoil()
    line = refusal(capsys, *RUN, *arguments)
    assert message in line
    assert state() == before


def test_run_refuses_an_unknown_dataset_before_it_makes_anything(project, capsys):
    line = refusal(capsys, "run", "--dataset", "trains")
    assert line == "schemas/trains/pipeline.toml: no such dataset; available: flights"
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["runs", "report", "tuned", "gc"])
def test_a_mistyped_dataset_is_told_from_one_without_runs(project, capsys, command):
    line = refusal(capsys, command, "--dataset", "flight")
    assert line == "schemas/flight/pipeline.toml: no such dataset; did you mean flights? available: flights"
    assert "no such dataset" not in refusal(capsys, "runs", "--dataset", "flights")


def test_run_refuses_a_root_that_cannot_be_written(project, capsys):
    Path("file").write_text("")
    line = refusal(capsys, *RUN, "--root", "file/below")
    assert "file/below/flights: cannot be written (Not a directory)" in line
    assert Path("file").read_text() == ""


def test_run_refuses_a_registry_that_cannot_be_written(before, capsys):
    Path("file").write_text("")
    edit(SETTINGS, lambda content: content + b'[registry]\ndirectory = "file/registry"\n')
    assert "file/registry: cannot be written" in refusal(capsys, *RUN)
    assert state() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "x", "live": "one"}'])
def test_run_refuses_broken_labels(project, capsys, content):
    (HOME / "registry").mkdir(parents=True)
    (HOME / "registry" / "labels.json").write_text(content)
    line = refusal(capsys, *RUN)
    assert "registry/labels.json: cannot be read" in line
    assert (HOME / "registry" / "labels.json").read_text() == content
    assert not (HOME / "metadata.sqlite").exists()


def test_run_refuses_labels_that_name_a_version_that_is_gone(project, capsys):
    (HOME / "registry").mkdir(parents=True)
    (HOME / "registry" / "labels.json").write_text('{"id": "x", "live": 7}')
    assert "registry: version 7 does not exist; available: none" in refusal(capsys, *RUN)
    assert not (HOME / "metadata.sqlite").exists()


HOLD = """
import fcntl, os, sys
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(str(os.getpid()))
    lock.flush()
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_run_refuses_a_root_where_a_run_is_under_way(before, capsys):
    HOME.mkdir(parents=True, exist_ok=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(HOME / ".run.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        line = refusal(capsys, *RUN)
    finally:
        holder.communicate("done\n")
    assert f"runs/flights: a run is already under way there (process {holder.pid})" in line
    assert state() == before


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("4", "5", "span 5 does not exist; available: 1-4"),
        ("1", "4", "span 1 is the oldest"),
        ("4", "3", "--from 4 --to 3: the last span lies before the first"),
    ],
)
def test_replay_refuses_before_its_first_run(before, capsys, first, last, message):
    assert message in refusal(capsys, "replay", "--dataset", "flights", "--from", first, "--to", last)
    assert state() == before


def test_with_json_a_refusal_is_the_same(project, capsys):
    SPAN.write_bytes(b"")
    assert f"{SPAN}: is empty" in refusal(capsys, *RUN, "--json")


def test_debug_shows_the_trace_before_the_line(project, capsys):
    SPAN.write_bytes(b"")
    assert main([*RUN, "--debug"]) == 2
    *trace, line = capsys.readouterr().err.splitlines()
    assert "Traceback (most recent call last):" in trace
    assert line.startswith("plumbline: ")
    assert "is empty" in line


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["run"], [*RUN, "--span", "new"], ["replay", "--dataset", "flights", "--from", "1"]]
)
def test_bad_usage_is_code_2(project, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "plumbline" in err
    assert "Traceback" not in err


QUICK = """
import json, sys
from pipeline.cli import main
assert main(["run", "--dataset", "nope"]) == 2
assert not {"pandas", "pyarrow", "ml_metadata"} & set(sys.modules), "settings are refused before data could be read"
codes = [main(["run", "--dataset", "flights", *more]) for more in json.loads(sys.argv[1])]
print(json.dumps([codes, sorted({"tensorflow", "tfx", "apache_beam"} & set(sys.modules))]))
"""


def test_a_refusal_does_not_wait_for_tensorflow(project):
    SPAN.write_bytes(b"")
    Path("file").write_text("")
    cases = [[], ["--span", "9"], ["--data", "nowhere"], ["--root", "file/below"], ["--window", "0"]]
    done = subprocess.run([sys.executable, "-c", QUICK, json.dumps(cases)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[2] * len(cases), []]
    assert len(done.stderr.splitlines()) == 1 + len(cases)
