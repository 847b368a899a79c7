"""[training] module_file is checked before anything runs, and everything that it is made of is in the fingerprints."""

import json
from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.cli import main
from pipeline.fingerprints import code_fingerprint, code_of, code_with
from pipeline.settings.config import Config, find_config, load_config
from pipeline.settings.custom_module import FUNCTIONS, parameters

MODULE = """
import json
import my_helper
from components.trainer.exporting import read_rows

def run_fn(fn_args):
    import my_late
"""
FOLDER = Path("schemas/flights")


@pytest.fixture
def own(project: Path) -> Path:
    """my_model.py, which imports my_helper.py, which imports my_deep.py, and later my_late.py; other.py is nobody's."""
    for name, text in {
        "my_model.py": MODULE,
        "my_helper.py": "from my_deep import DEPTH\n",
        "my_deep.py": "DEPTH = 1\n",
        "my_late.py": "",
        "other.py": "",
    }.items():
        (FOLDER / name).write_text(text)
    return name_it("my_model.py")


def name_it(value: str) -> Path:
    path = find_config("flights")
    path.write_text(path.read_text().replace("[training]\n", f"[training]\nmodule_file = {json.dumps(value)}\n", 1))
    return path


def test_it_travels_with_what_it_imports_from_its_folder(own: Path) -> None:
    found = load_config(own).own_module()
    assert found is not None
    assert set(found.digests) == {"my_model.py", "my_helper.py", "my_deep.py", "my_late.py"}
    assert (found.functions, found.components) == ({"run_fn"}, ("components.trainer.exporting",))
    assert parameters(found, "preprocessing_fn") == {}
    assert parameters(found, "run_fn") == {"module": found.packed}
    assert parameters(None, "run_fn") == {}


def test_none_is_named(project: Path) -> None:
    assert load_config(find_config("flights")).own_module() is None


@pytest.mark.parametrize("file", ["my_model.py", "my_helper.py", "my_deep.py", "my_late.py", "other.py"])
def test_a_character_changes_fingerprint_and_parameters(own: Path, file: str) -> None:
    def state() -> tuple[str, object]:
        config = load_config(own)
        return code_fingerprint(config), parameters(config.own_module(), "run_fn")

    before = state()
    assert state() == before
    (FOLDER / file).write_text((FOLDER / file).read_text() + "#")
    after = state()
    assert [one != other for one, other in zip(before, after, strict=True)] == [file != "other.py"] * 2


def test_what_it_imports_of_ours_is_in_the_code_of_its_step_alone(own: Path) -> None:
    found = load_config(own).own_module()
    trainer, transform = "components.trainer.training", "components.transform.preprocessing"
    assert code_with(found, "run_fn", trainer) == code_of(trainer, "components.trainer.exporting") != code_of(trainer)
    assert code_with(found, "preprocessing_fn", transform) == code_of(transform)
    assert code_with(None, "run_fn", trainer) == code_of(trainer)


@pytest.mark.parametrize(
    ("binding", "found"),
    [
        ("def preprocessing_fn(inputs): pass", {"preprocessing_fn"}),
        ("run_fn = print", {"run_fn"}),
        ("from my_deep import a as run_fn\ndef preprocessing_fn(i): pass", set(FUNCTIONS)),
    ],
)
def test_functions_however_they_come_to_be(own: Path, binding: str, found: set[str]) -> None:
    (FOLDER / "my_model.py").write_text(binding)
    module = load_config(own).own_module()
    assert module is not None
    assert module.functions == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def fit(): pass", r"my_model\.py: defines neither preprocessing_fn nor run_fn"),
        ("def f():\n    def run_fn(): pass", r"my_model\.py: defines neither"),
        ("\n\ndef run_fn(:", r"my_model\.py:3: is no valid Python"),
        ("def run_fn(a): pass\nimport my_package", r"imports .*my_package, a folder"),
        ("def run_fn(a): pass\nimport csv", r"csv\.py: has the name of another Python module"),
        ("def run_fn(a): pass\nimport pandas", r"pandas\.py: has the name of another Python module"),
        ("def run_fn(a): pass\nimport my_large", r"when packed with what it imports, more than the 64 KiB"),
    ],
)
def test_what_cannot_work_is_refused_on_one_line(own: Path, text: str, says: str) -> None:
    (FOLDER / "my_model.py").write_text(text)
    (FOLDER / "my_package").mkdir()
    (FOLDER / "my_package" / "__init__.py").write_text("")
    for name in ("csv.py", "pandas.py"):
        (FOLDER / name).write_text("")
    digits = "".join(f"x{number} = {hash((number, 'x')) & 0xFFFFFFFFFFFF}\n" for number in range(12_000))
    (FOLDER / "my_large.py").write_text(digits)
    with pytest.raises(ConfigError, match=says) as error:
        load_config(own)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("named", ["no_such.py", "schema.pbtxt", "."])
def test_a_file_that_is_none_is_refused(project: Path, named: str) -> None:
    path = name_it(named)
    with pytest.raises(ConfigError, match=r"\[training\] module_file: .* is no Python file; the path is relative to"):
        load_config(path)


def test_bytes_that_are_no_text_are_refused(own: Path) -> None:
    (FOLDER / "my_deep.py").write_bytes(b"x = '\xff'")
    with pytest.raises(ConfigError, match=r"my_deep\.py: is no valid Python"):
        load_config(own)


def test_a_tuner_for_a_model_that_is_not_ours_is_refused(own: Path) -> None:
    config = load_config(own)
    tuned: Config = config.model_copy(update={"tune": config.tune.model_copy(update={"trials": 3})})
    with pytest.raises(ConfigError, match=r"\[tune\] .*my_model\.py replaces"):
        tuned.own_module()


def test_one_asked_for_on_the_command_line_is_refused_before_anything_is_made(own: Path, capsys) -> None:
    assert main(["run", "--dataset", "flights", "--tune", "3"]) == 2
    assert "my_model.py replaces" in capsys.readouterr().err
    assert not Path("runs").exists()
