"""Whatever may change what TFX would do changes the key."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from components.arrow_example_gen.source import Source
from pipeline.inputs import Inputs, Paths
from pipeline.preflight.data_check import source_of
from pipeline.runners.local import run_key as key_module
from pipeline.runners.local.run_key import run_key
from pipeline.settings.config import Config, find_config, load_config

PATHS = Paths("schema.pbtxt", "artifacts", "registry")
INPUTS = Inputs(4, "data", 1, "id", "dvc", 0)


@dataclass(frozen=True)
class Run:
    config: Config
    source: Source
    paths: Paths = PATHS
    inputs: Inputs = INPUTS

    @property
    def key(self) -> str:
        return run_key(self.config, self.source, self.paths, self.inputs)


@pytest.fixture
def run(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    code = tmp_path / "code" / "pipeline"
    code.mkdir(parents=True)
    (code / "dag.py").write_text("x = 1\n")
    monkeypatch.setattr(key_module, "SOURCES", (code,))
    config = load_config(find_config("flights"))
    return Run(config, source_of(config, config.data.directory))


def settings(table: str, **changes: Any) -> Callable[[Run], Run]:
    def change(run: Run) -> Run:
        changed = getattr(run.config, table).model_copy(update=changes)
        return replace(run, config=run.config.model_copy(update={table: changed}))

    return change


def edited_schema(run: Run) -> Run:
    run.config.schema_path.write_text(run.config.schema_path.read_text() + "\n# a note\n")
    return run


def edited_code(run: Run) -> Run:
    (key_module.SOURCES[0] / "dag.py").write_text("x = 2\n")
    return run


def new_module(run: Run) -> Run:
    (key_module.SOURCES[0] / "more.py").write_text("")
    return run


def corrected(run: Run) -> Run:
    Path("data/flights/corrections.csv").write_text("id,field,value,reason,by,when\n")
    return replace(run, source=replace(run.source, corrections="data/flights/corrections.csv"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(settings("training", epochs=99), id="training"),
        pytest.param(settings("evaluation", min_slice_rows=7), id="evaluation"),
        pytest.param(settings("drift", alpha=0.5), id="drift"),
        pytest.param(settings("gate", drift="block"), id="gate"),
        pytest.param(settings("audit", folds=3), id="audit"),
        pytest.param(settings("tune", trials=2), id="tune"),
        pytest.param(settings("metadata", kind="mysql"), id="metadata"),
        pytest.param(settings("beam", profile="flink"), id="beam"),
        pytest.param(settings("beam", args=("--direct_num_workers=2",)), id="beam arguments"),
        pytest.param(edited_schema, id="schema"),
        pytest.param(edited_code, id="code"),
        pytest.param(new_module, id="new module"),
        pytest.param(lambda run: replace(run, source=replace(run.source, sample=0.5)), id="sample"),
        pytest.param(lambda run: replace(run, source=replace(run.source, window=1)), id="window"),
        pytest.param(corrected, id="corrections"),
        *(
            pytest.param(lambda run, name=name: replace(run, inputs=replace(run.inputs, **{name: "9"})), id=name)
            for name in (field.name for field in fields(Inputs))
        ),
        *(
            pytest.param(lambda run, name=name: replace(run, paths=replace(run.paths, **{name: "9"})), id=name)
            for name in (field.name for field in fields(Paths))
        ),
    ],
)
def test_each_change_is_another_key(run: Run, change: Callable[[Run], Run]) -> None:
    before = run.key
    assert change(run).key != before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(settings("canary", alpha=0.5), id="canary"),
        pytest.param(settings("serving", max_rows=7), id="serving"),
        pytest.param(settings("request_log", sample=0.5), id="request log"),
    ],
)
def test_what_is_read_after_a_run_is_no_part_of_the_key(run: Run, change: Callable[[Run], Run]) -> None:
    before = run.key
    assert change(run).key == before


def test_another_library(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run.key
    monkeypatch.setattr(key_module, "stack_versions", lambda: {"tensorflow": "9"})
    assert run.key != before


def test_a_module_of_ones_own(run: Run) -> None:
    own = run.config.path.with_name("mine.py")
    own.write_text("def run_fn(fn_args):\n    return 1\n")
    before = replace(run, config=settings("training", module_file="mine.py")(run).config)
    first = before.key
    own.write_text("def run_fn(fn_args):\n    return 2\n")
    assert before.key != first


def test_nothing_changed(run: Run) -> None:
    config = load_config(find_config("flights"))
    again = Run(config, source_of(config, config.data.directory))
    assert again.key == run.key
