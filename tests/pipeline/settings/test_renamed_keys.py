"""Former names of settings keys: read with a warning, refused beside the present name, rewritten by migrate-config."""

import copy
import sys
import warnings

import pytest

from components.shared.errors import ConfigError
from pipeline.cli import main
from pipeline.settings.config import Config, load_config
from pipeline.settings.migration import migration
from pipeline.settings.reference_page import EXAMPLES, examples
from pipeline.settings.renamed_keys import (
    RENAMED_KEYS,
    BothNamesError,
    RenamedKeyWarning,
    read_present_names,
    with_present_names,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETTINGS = """\
[dataset]
name = "loans"
label = "y"

[data]
directory = "spans"
"""


def at(tables, keys):
    for key in keys:
        tables = tables[key]
    return tables


def by_former_name(key):
    """example.toml with one key by its former name."""
    tables = copy.deepcopy(examples())
    table = at(tables, key.table)
    table[key.former] = table.pop(key.name)
    return tables


IN_THE_FILE = [key for key in RENAMED_KEYS if key.table != ("tune", "space", "trees") or key.former == "leaves"]


@pytest.mark.parametrize("key", IN_THE_FILE, ids=str)
def test_a_former_name_means_the_present_one_and_warns_with_both(key, tmp_path):
    path = tmp_path / "pipeline.toml"
    with pytest.warns(RenamedKeyWarning) as told:
        read = read_present_names(path, by_former_name(key))
    assert read == examples()
    (warning,) = told
    assert str(path) in str(warning.message)
    assert f"{key.former}" in str(warning.message) and f"{key.name}" in str(warning.message)
    assert f"plumbline migrate-config {path}" in str(warning.message)


@pytest.mark.parametrize("key", IN_THE_FILE, ids=str)
def test_both_names_of_a_key_are_an_error_that_names_them(key):
    tables = by_former_name(key)
    table = at(tables, key.table)
    table[key.name] = table[key.former]
    with pytest.raises(BothNamesError, match=f"{key.name}.*given twice, also by its former name {key.former}"):
        with_present_names(tables)


@pytest.mark.parametrize("key", RENAMED_KEYS, ids=str)
def test_a_present_name_is_a_setting_and_a_former_one_is_none(key):
    table = at(examples(), key.table)
    if key.table[:1] != ("tune",) or key.table == ("tune",):
        assert key.name in table
    assert key.former not in table


def test_present_names_are_read_without_a_warning_and_nothing_is_changed(tmp_path):
    tables = examples()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_present_names(tmp_path / "pipeline.toml", tables) == tables == examples()


def test_a_table_and_its_keys_by_former_names():
    tables = {"errors": {"most": 3, "bins": 4}, "tune": {"space": {"trees": {"leaves": [7]}}}}
    present, found = with_present_names(tables)
    assert present == {
        "error_analysis": {"max_slices": 3, "bins": 4},
        "tune": {"space": {"trees": {"num_leaves": [7]}}},
    }
    assert [key.former for key in found] == ["errors", "leaves", "most"]
    assert tables["errors"] == {"most": 3, "bins": 4}


OLD = """\
# a head of the file

[data]
misfits          = "warn"     # block or warn
missing = ["", "NA"]

# trees
[training.trees]
leaves = 31   # few
"columns"=0.8
rounds = 1_000

[training]
epochs = 3

[tune.space]
trees = { leaves = [15, 31], columns = { min = 0.2, max = 1.0 } }

[ errors ]
most = 3
"""
NEW = """\
# a head of the file

[data]
on_type_mismatch = "warn"     # block or warn
missing = ["", "NA"]

# trees
[training.trees]
num_leaves = 31  # few
"colsample_bytree"=0.8
n_estimators = 1_000

[training]
epochs = 3

[tune.space]
trees = { num_leaves = [15, 31], colsample_bytree = { min = 0.2, max = 1.0 } }

[error_analysis]
max_slices = 3
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_migration_keeps_comments_order_line_ends_and_marks(tmp_path, end, bom):
    path = tmp_path / "pipeline.toml"
    path.write_bytes((bom + OLD.replace("\n", end)).encode())
    assert main(["migrate-config", str(path)]) == 0
    assert path.read_bytes() == (bom + NEW.replace("\n", end)).encode()


def test_a_dry_run_prints_the_diff_and_writes_nothing(tmp_path, capsys):
    path = tmp_path / "pipeline.toml"
    path.write_text("[data]\nmisfits = 'warn' # x\n")
    assert main(["migrate-config", "--dry-run", str(path)]) == 0
    assert path.read_text() == "[data]\nmisfits = 'warn' # x\n"
    lines = capsys.readouterr().out.splitlines()
    assert "-misfits = 'warn' # x" in lines
    assert "+on_type_mismatch = 'warn' # x" in lines


@pytest.mark.parametrize("text", ["", NEW, "a=1 \r\n\n\n# end without a line break"])
def test_a_file_without_former_names_is_not_touched(tmp_path, text, capsys):
    path = tmp_path / "pipeline.toml"
    path.write_bytes(text.encode())
    before = path.stat()
    assert main(["migrate-config", str(path)]) == 0
    assert path.read_bytes() == text.encode()
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert capsys.readouterr().out == ""


def test_the_example_goes_back_and_forth(tmp_path):
    """Every key of example.toml by its former name is rewritten to the file as it is."""
    path = tmp_path / "pipeline.toml"
    text = EXAMPLES.read_text()
    old = text.replace("[error_analysis]", "[errors]").replace("threshold_metric = ", "decide_by = ")
    old = old.replace("max_disparity = ", "max_gap = ").replace("num_leaves = ", "leaves = ")
    path.write_text(old)
    found = migration(path)
    assert found.after == text
    assert len(found.renamed) == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"[data]\nmisfits = 1\non_type_mismatch = 1\n",
            "[data] on_type_mismatch: given twice, also by its former name",
        ),
        (b"[data\n", "is no valid TOML ("),
        (b"\xff", "is no valid TOML ("),
    ],
)
def test_a_file_that_cannot_be_migrated_stays_and_ends_with_code_2(tmp_path, capsys, content, says):
    path = tmp_path / "pipeline.toml"
    path.write_bytes(content)
    good = tmp_path / "good.toml"
    good.write_text("[errors]\n")
    assert main(["migrate-config", str(good), str(path)]) == 2
    assert says in capsys.readouterr().err
    assert (path.read_bytes(), good.read_text()) == (content, "[errors]\n")


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["migrate-config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read (No such file or directory)" in capsys.readouterr().err


def test_a_run_takes_former_names_with_a_warning_and_refuses_both(tmp_path):
    path = tmp_path / "pipeline.toml"
    (tmp_path / "schema.pbtxt").write_text("")
    path.write_text(SETTINGS + 'misfits = "warn"\n\n[features]\nnumeric = ["x"]\n')
    with pytest.warns(RenamedKeyWarning, match=r"\[data\] misfits is now \[data\] on_type_mismatch"):
        config = load_config(path)
    assert isinstance(config, Config)
    assert config.data.on_type_mismatch == "warn"
    path.write_text(SETTINGS + 'misfits = "warn"\non_type_mismatch = "warn"\n\n[features]\nnumeric = ["x"]\n')
    with pytest.raises(ConfigError, match="given twice"):
        load_config(path)


def test_the_command_line_prints_the_warning_once_in_one_line(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "schemas" / "loans"
    folder.mkdir(parents=True)
    (folder / "schema.pbtxt").write_text("")
    (folder / "pipeline.toml").write_text(SETTINGS + 'misfits = "warn"\n\n[features]\nnumeric = ["x"]\n')
    main(["drift", "--history", "--dataset", "loans"])
    told = [line for line in capfd.readouterr().err.splitlines() if "misfits" in line]
    assert told == [
        "plumbline: warning: schemas/loans/pipeline.toml: [data] misfits is now [data] on_type_mismatch; the former "
        "name works until version 0.3.0; `plumbline migrate-config schemas/loans/pipeline.toml` rewrites the file"
    ]


def test_the_settings_that_an_older_version_wrote_are_valid_toml_for_the_migration(tmp_path):
    path = tmp_path / "pipeline.toml"
    path.write_text(OLD)
    assert tomllib.loads(migration(path).after) == with_present_names(tomllib.loads(OLD))[0]
