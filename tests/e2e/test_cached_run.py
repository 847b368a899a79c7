"""A fully cached run without TFX gives the same records as the same run by TFX's launcher."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project, Result

LOADS = "loading TensorFlow and TFX"


@pytest.fixture(scope="module")
def runs(project: Project) -> dict[str, Result]:
    cold = project.run()
    shutil.rmtree(project.home / "cache" / "runs")  # without a record it is TFX's launcher that finds everything cached
    return {"cold": cold, "by TFX": project.run(), "by record": project.run()}


def test_only_the_last_one_loads_nothing(runs: dict[str, Result]) -> None:
    assert [result.code for result in runs.values()] == [0, 0, 0], [result.err for result in runs.values()]
    assert {name: LOADS in result.err for name, result in runs.items()} == {
        "cold": True, "by TFX": True, "by record": False,
    }  # fmt: skip


def test_summaries_are_the_same(runs: dict[str, Result]) -> None:
    """Summaries are equal except names, seconds and the champion, which a first run and its cached repetitions lack."""
    summaries = [told(runs[name].summary) for name in ("by TFX", "by record")]
    assert summaries[0] == summaries[1]
    assert {component["state"] for component in runs["by record"].summary["components"]} == {"cached"}


def told(summary: dict[str, Any]) -> dict[str, Any]:
    own = ("run_id", "report", "log", "seconds")
    components = [(component["id"], component["state"]) for component in summary["components"]]
    return {**{name: value for name, value in summary.items() if name not in own}, "components": components}


def test_metadata_is_the_same(runs: dict[str, Result], project: Project) -> None:
    with closing(sqlite3.connect(project.home / "metadata.sqlite")) as database:
        records = [recorded(database, runs[name].summary["run_id"]) for name in ("by TFX", "by record")]
    assert len(records[0]["executions"]) == len(runs["cold"].summary["components"])
    assert records[0] == records[1]


def recorded(database: sqlite3.Connection, run_id: str) -> dict[str, Any]:
    """Returns all records of a run in the store, without execution ids, random names and times."""

    def rows(query: str, *values: Any) -> list[Any]:
        return sorted(database.execute(query, values).fetchall(), key=repr)

    ((run,),) = rows(
        "SELECT c.id FROM Context c JOIN Type t ON t.id = type_id WHERE t.name = 'pipeline_run' AND c.name = ?", run_id
    )
    executions = []
    for (execution,) in sorted(rows("SELECT execution_id FROM Association WHERE context_id = ?", run)):
        executions.append(
            {
                "execution": rows("SELECT type_id, last_known_state FROM Execution WHERE id = ?", execution),
                "properties": rows(
                    "SELECT name, is_custom_property, int_value, double_value, string_value, byte_value, proto_value, "
                    "bool_value FROM ExecutionProperty WHERE execution_id = ?",
                    execution,
                ),
                "events": rows(
                    "SELECT artifact_id, type, is_index_step, step_index, step_key FROM Event "
                    "JOIN EventPath ON event_id = Event.id WHERE execution_id = ?",
                    execution,
                ),
                "contexts": rows(
                    "SELECT context_id FROM Association WHERE execution_id = ? AND context_id != ?", execution, run
                ),
            }
        )  # fmt: skip
    return {
        "executions": executions,
        "artifacts": rows("SELECT artifact_id FROM Attribution WHERE context_id = ?", run),
        "parents": rows("SELECT parent_context_id FROM ParentContext WHERE context_id = ?", run),
    }


def test_its_report_is_written(runs: dict[str, Result], project: Project) -> None:
    page, by_tfx = ((project.folder / runs[name].summary["report"]).read_text() for name in ("by record", "by TFX"))
    assert page.count("<svg") == by_tfx.count("<svg") > 3
    assert runs["by record"].summary["run_id"] in page


def test_other_commands_see_it(runs: dict[str, Result], project: Project) -> None:
    assert project.plumbline("lineage", "--dataset", "flights", "live").code == 0
    listed = project.plumbline("runs", "--dataset", "flights", "--json").summary["runs"]
    assert [run["run_id"] for run in listed] == [result.summary["run_id"] for result in reversed(runs.values())]
    one, other = (runs[name].summary["run_id"] for name in ("cold", "by record"))
    assert "neither data nor code changed" in project.plumbline("compare", "--dataset", "flights", one, other).out


def test_a_missing_result_is_made_anew(runs: dict[str, Result], project: Project) -> None:
    (folder,) = (project.home / "artifacts" / "ErrorAnalysis" / "errors").iterdir()
    shutil.rmtree(folder)
    result = project.run()
    assert result.code == 0, result.err
    assert LOADS in result.err
    assert "ErrorAnalysis" in result.states("executed")
    assert "Trainer" in result.states("cached")
    assert LOADS not in project.run().err  # what was made anew is a record, too


def test_another_setting_is_another_run(runs: dict[str, Result], project: Project) -> None:
    project.set("[data] window", "1")
    result = project.run()
    assert result.code == 0, result.err
    assert "Trainer" in result.states("executed")
    project.set("[data] window", "2")
    assert Path(project.run().summary["report"]).name == "report.html"
