"""Functions of a packed module: imports, clean-up afterwards, and error messages."""

import sys
from pathlib import Path

import pytest

from components.shared.custom_module import call, packed
from components.shared.errors import ConfigError, InputError

HELPER = "FACTOR = 3\n\ndef broken(value):\n    return value['x']\n"
MODULE = """import my_helper

def times(value):
    import my_late
    return value * my_helper.FACTOR + my_late.MORE

def two(one, other):
    return one, other

def any_number(*values):
    return values

def fails(value):
    return my_helper.broken(value)

def leaves(value):
    raise SystemExit

def refuses(value):
    from components.shared.errors import InputError
    raise InputError("the label is odd")
"""
SOURCES = {"my_module.py": MODULE, "my_helper.py": HELPER, "my_late.py": "MORE = 1\n"}


def test_module_is_called_with_its_imports_and_leaves_nothing_behind() -> None:
    path, names = list(sys.path), {"my_module", "my_helper", "my_late"}
    assert call(packed("my_module.py", SOURCES), "times", 4) == 13
    assert sys.path == path
    assert not names & sys.modules.keys()
    # Another text under the same names; nothing of the first is cached.
    assert call(packed("my_module.py", SOURCES | {"my_helper.py": "FACTOR = 5\n"}), "times", 4) == 21


def test_module_with_the_same_name_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    there = type(sys)("my_helper")
    monkeypatch.setitem(sys.modules, "my_helper", there)
    assert call(packed("my_module.py", SOURCES), "times", 1) == 4
    assert sys.modules["my_helper"] is there


def test_surplus_arguments_are_dropped() -> None:
    module = packed("my_module.py", SOURCES)
    assert call(module, "times", 1, "left out") == 4
    assert call(module, "two", 1, 2) == (1, 2)
    assert call(module, "any_number", 1, 2) == (1, 2)


def test_parameter_is_deterministic_and_has_the_digests_of_the_files() -> None:
    first, again = packed("my_module.py", SOURCES), packed("my_module.py", dict(reversed(SOURCES.items())))
    assert first == again
    other = packed("my_module.py", SOURCES | {"my_late.py": "MORE = 2\n"})
    assert {name for name in SOURCES if first["files"][name] != other["files"][name]} == {"my_late.py"}


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (
            {"my_module.py": "x = 1\nimport no_such_thing\n"},
            r"my_module\.py:2: cannot be imported: ModuleNotFoundError",
        ),
        ({"my_module.py": "import my_helper\n", "my_helper.py": "\n1 / 0\n"}, r"my_helper\.py:2: .*ZeroDivisionError"),
        ({"my_module.py": "raise SystemExit(3)\n"}, r"my_module\.py:1: cannot be imported: SystemExit: 3"),
        ({"my_module.py": "from . import my_helper\n"}, r"my_module\.py:1: .*relative import"),
    ],
)
def test_import_error_names_the_line(sources: dict[str, str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=f"^{says}") as error:
        call(packed("my_module.py", sources), "times", 1)
    assert "\n" not in str(error.value)
    assert "Traceback" in capfd.readouterr().err


def test_exception_names_the_line_of_the_users_code() -> None:
    module = packed("my_module.py", SOURCES)
    with pytest.raises(ConfigError, match=r"^my_helper\.py:4: fails raised TypeError: 'int' object is not"):
        call(module, "fails", 7)
    with pytest.raises(ConfigError, match=r"^my_module\.py:\d+: leaves raised SystemExit$"):
        call(module, "leaves", 7)
    with pytest.raises(InputError, match="^the label is odd$"):  # one of ours says all there is to say
        call(module, "refuses", 7)


def test_file_is_named_if_no_line_is_known() -> None:
    with pytest.raises(ConfigError, match=r"^my_module\.py: .*AttributeError"):
        call(packed("my_module.py", SOURCES), "no_such_function")


def test_nothing_stays_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    call(packed("my_module.py", SOURCES), "times", 1)
    assert list(tmp_path.iterdir()) == []
