"""A root and a registry that somebody else wrote: their names lead nowhere, and their charts and files run nothing."""

import json

import pyarrow as pa
import pytest

from components.registry.registry import Registry
from components.shared.errors import InputError, PlumblineError, UsageError
from components.shared.files import write_json
from components.table_reading.readers import read_batches
from components.table_reading.spans import find_spans
from pipeline.metadata.summary_files import summary_of_run
from pipeline.process.error_messages import as_error
from pipeline.report.chart_cache import is_drawing
from pipeline.report.history import read_runs
from pipeline.report.history_page import history_page
from pipeline.report.write import write_report
from pipeline.run_history.garbage_collection import _folder
from pipeline.run_history.run_names import run_named
from pipeline.run_history.runs import history
from tests.pipeline.report.a_run import summary

NAMES = ["../../escaped", "/tmp/escaped", "..", "a/b", "x\n", "\x1b[2J"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_written_and_read_in_its_own_folder_alone(tmp_path, name):
    home = tmp_path / "runs" / "flights"
    write_json(home / "reports" / "r1" / "summary.json", summary(run_id=name))
    write_json(tmp_path / "escaped" / "summary.json", summary(run_id=name))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is not the summary of run r1"):
        summary_of_run(home, "r1")
    with pytest.raises(UsageError, match="is not a plain name"):
        summary_of_run(home, name)
    with pytest.raises(UsageError, match="is not a plain name"):
        write_report(home, summary(run_id=name))
    assert read_runs(home) == ((), 1)
    assert [(run.run_id, run.state) for run in history(home)] == [("r1", "unreadable")]
    assert sorted(tmp_path.rglob("*")) == before


def test_the_page_of_runs_links_to_its_own_folders_alone(tmp_path):
    write_json(tmp_path / "reports" / "r1" / "summary.json", summary(run_id="r1"))
    (tmp_path / "reports" / "r1" / "report.html").write_text("")
    evil = tmp_path / "reports" / "javascript:alert(1)"
    write_json(evil / "summary.json", summary(run_id="r2"))
    (evil / "report.html").write_text("")
    page = history_page(tmp_path)
    assert 'href="r1/report.html"' in page
    assert "javascript:" not in page


def test_a_registry_names_a_run_that_is_no_path(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_text("x")
    registry = Registry(tmp_path / "registry")
    registry.push(model, {"run_id": "../../x"})
    with pytest.raises(UsageError, match="is not a plain name"):
        run_named(tmp_path, "live", registry)


def test_a_version_with_a_link_out_of_the_registry_is_not_read(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_text("x")
    registry = Registry(tmp_path / "registry")
    registry.push(model, {})
    secret = tmp_path / "secret"
    secret.write_text("x")
    file = registry.path(1) / "saved_model.pb"
    file.unlink()
    file.symlink_to(secret)  # the same bytes: a checksum alone would not tell
    for ask in (lambda: registry.verify(1), lambda: registry.fetch(1, tmp_path / "copy")):
        with pytest.raises(PlumblineError, match="is a link that leads out of the registry"):
            ask()
    assert not (tmp_path / "copy").exists()


def test_gc_leaves_alone_what_lies_behind_a_link(tmp_path):
    below = tmp_path / "artifacts"
    below.mkdir()
    other = tmp_path / "other" / "examples" / "1"
    other.mkdir(parents=True)
    (below / "ArrowExampleGen").symlink_to(tmp_path / "other")
    (below / "Trainer" / "model" / "2").mkdir(parents=True)
    assert _folder(str(below / "ArrowExampleGen" / "examples" / "1"), below) is None
    assert _folder(str(below / "Trainer" / "model" / "2"), below) == below / "Trainer" / "model" / "2"
    assert _folder(str(below / ".." / ".." / "x" / "y"), below) is None


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"></svg>',
        '<svg><a href="javascript:alert(1)"><text>x</text></a></svg>',
        "<svg><foreignObject><body/></foreignObject></svg>",
        '<svg><g style="background:url(http://x)"></g></svg>',
        "<img src=x>",
        '<svg></svg><form action="http://x">',
        "<svg><!-- <script> --></svg>",
    ],
)
def test_a_chart_that_was_replaced_is_drawn_anew(svg):
    assert not is_drawing(svg)


@pytest.mark.filterwarnings("ignore:pickle-based", "ignore:pyarrow.PyExtensionType")  # Arrow says that it does not
def test_a_pickle_in_an_arrow_file_stays_bytes(tmp_path):
    """Arrow's old extension types unpickled what their metadata held (CVE-2023-47248)."""
    payload = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    about = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": payload}
    schema = pa.schema([pa.field("x", pa.int64(), metadata=about), pa.field("y", pa.int64())])
    with pa.OSFile(str(tmp_path / "span-1.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table({"x": [1, 2], "y": [3, 4]}, schema=schema))
    (file,) = find_spans(str(tmp_path), "span-{span}.arrow")
    try:
        for batch in read_batches(pa.fs.LocalFileSystem(), file, {}):
            json.dumps(batch.to_pydict(), default=str)
    except PlumblineError:
        pass
    except RuntimeError as exc:  # pyarrow_hotfix, which Beam loads on Python 3.10, refuses the file
        if not isinstance(as_error(exc), InputError):
            raise
    assert not (tmp_path / "ran").exists()
