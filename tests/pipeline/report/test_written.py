"""The files: a report beside its run, the list of all runs, two runs side by side."""

import pytest

from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.report.compare_page import compare_page, write_compare
from pipeline.report.history_page import history_page, write_history
from pipeline.report.write import rewrite_report, write_report
from tests.pipeline.report.a_run import EVIL, GATE, RUN, drift, left_behind, summary
from tests.pipeline.report.read_page import Page


def test_the_file_appears_where_it_belongs(tmp_path):
    home = left_behind(tmp_path)
    path = write_report(home, summary())
    assert path == home / "reports" / RUN / "report.html"
    assert rewrite_report(home, RUN).read_text() == path.read_text()
    assert [found.name for found in sorted(path.parent.iterdir())] == ["report.html", "summary.json"]
    with pytest.raises(UsageError, match="no such run"):
        rewrite_report(home, "r0")


def test_history(tmp_path):
    with pytest.raises(UsageError, match="no run yet"):
        history_page(tmp_path)
    home = left_behind(tmp_path)
    blocked = {"metrics": {}, "champion": None, "pushed": None, "stopped": GATE}
    for run_id, span, changes in (("20261121T100000Z-bbbb", 5, {"pushed": 5}), ("20261121T110000Z-cccc", 6, blocked)):
        told = summary(run_id=run_id, spans={"train": [2], "eval": [span]}, **changes)
        write_json(home / "reports" / run_id / "summary.json", told)
    write_report(home, summary())
    path = write_history(home)
    page = Page(path.read_text())
    assert path == home / "reports" / "runs.html"
    assert [a["href"] for a in page.named("a")] == ["#main", f"{RUN}/report.html"]
    assert {"version 4", "version 5", "stopped", "2026-11-21 10:00 UTC"} <= set(page.texts)
    assert "3 runs" in path.read_text()
    # Elsewhere, links would lead nowhere.
    assert f"{RUN}/report.html" not in write_history(home, tmp_path / "x.html").read_text()


def test_compare(tmp_path):
    home = left_behind(tmp_path)
    other = summary(
        run_id="20261121T100000Z-bbbb",
        fingerprints={"data": "e" * 64, "code": "c" * 64},
        drift=[drift("carrier", 0.5, 0.02), drift(EVIL, 0.5, 0.02)],
        metrics={"auc": 0.8},
    )
    write_json(home / "reports" / other["run_id"] / "summary.json", other)
    page = Page(compare_page(home, RUN, other["run_id"]))
    assert {"data fingerprint", "d" * 12, "e" * 12, "+0.0500", EVIL} <= set(page.texts)
    assert "code fingerprint" not in page.texts
    assert f"plumbline compare {RUN} {other['run_id']} --dataset {home.name} --intervals" in page.texts
    assert ", better" not in page.texts  # two figures do not say so
    assert any("come from the data" in text for text in page.texts)
    assert write_compare(home, RUN, RUN).name == f"compare-{RUN}-{RUN}.html"
    assert "None: data, code" in compare_page(home, RUN, RUN)
