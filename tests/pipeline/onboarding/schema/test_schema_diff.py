import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import ConfigError, InputError, UsageError
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.schema.schema_diff import Diff, diff
from pipeline.onboarding.schema.schema_update import apply, ask, chosen
from pipeline.settings.config import load_config


def config_of(project):
    return load_config(project / "schemas" / "flights" / "pipeline.toml")


def planted(project, change):
    """Changes the newest span, a table of texts."""
    path = project / "data" / "flights" / "span-04.csv"
    table = change(pd.read_csv(path, dtype=str, keep_default_na=False))
    table.to_csv(path, index=False)
    return config_of(project)


def faults(table):
    table.loc[table.index[:7], "carrier"] = "ZZ"
    table.loc[table.index[10:12], "origin"] = ""
    table.loc[table.index[20], "temp"] = "200"
    table["gate"] = [f"A{row % 30}" for row in range(len(table))]
    table["plane_year"] = [f"{year}.5" if year else "" for year in table["plane_year"]]
    return table.drop(columns=["humid"])


def test_the_sample_changes_nothing(project):
    found = diff(config_of(project))
    assert (found.changes, found.notes) == ((), ())
    assert found.to_text().endswith("\nno changes")
    assert found.looked == "data/flights/span-01.csv to span-04.csv"


def test_planted_faults_are_found_applied_and_then_nothing_is_left(project):
    config = planted(project, faults)
    before = config.schema_path.read_text("utf-8")
    found = diff(config)
    assert [(change.number, change.feature, change.what) for change in found.changes] == [
        (1, "carrier", "value"),
        (2, "origin", "presence"),
        (3, "temp", "max"),
        (4, "humid", "gone"),
        (5, "plane_year", "type"),
        (6, "gate", "new_column"),
    ]
    details = [change.detail for change in found.changes]
    assert details[0].startswith("new value 'ZZ', 7 rows (")
    assert details[1].startswith("2 rows (")
    assert "above 130, most often 200 (1); float_domain.max 130 -> 200" in details[2]
    assert "missing from data/flights/span-04.csv; pipeline.toml names it, remove it there, too" in details[3]
    assert "are not int64, first '" in details[4] and details[4].endswith("INT -> FLOAT")
    assert "new column, string, categorical, 30 distinct values" in details[5]
    assert "missing from 3 of 4 files" in details[5]

    apply(found, found.changes)
    after = config.schema_path.read_text("utf-8")
    assert re.findall("#.*", after) == re.findall("#.*", before)
    assert len(set(after.splitlines()) - set(before.splitlines())) < 12
    again = diff(config)
    assert again.changes == ()
    assert [note.split(",")[0] for note in again.notes] == ["gate: missing from 3 of 4 files"]


def test_only_what_is_accepted_is_written(project):
    config = planted(project, faults)
    found = diff(config)
    apply(found, chosen("temp", found.changes))
    schema = parse_schema(config.schema_path.read_text("utf-8"), "schema.pbtxt")
    assert next(one for one in schema.feature if one.name == "temp").float_domain.max == 200
    assert "ZZ" not in schema.string_domain[0].value
    assert [change.what for change in diff(config).changes] == ["value", "presence", "gone", "type", "new_column"]


def test_slips_are_a_note_and_no_type(project):
    def slip(table):
        table.loc[table.index[3:6], "seats"] = "many"
        return table

    found = diff(planted(project, slip))
    assert found.changes == ()
    assert re.fullmatch(
        r"seats: 3 values \(.*\) are not int64, first 'many' in .*span-04.csv, row 5; .*", found.notes[0]
    )


def test_one_span_and_a_gap_are_enough(project):
    (project / "data" / "flights" / "span-02.csv").unlink()
    config = config_of(project)
    assert diff(config, span=1).looked == "data/flights/span-01.csv"
    assert diff(config, span=3).looked == "data/flights/span-01.csv to span-03.csv"
    with pytest.raises(InputError, match="span 9 does not exist"):
        diff(config, span=9)


def test_another_folder_and_one_that_is_not_there(project):
    (project / "data" / "flights").rename(project / "elsewhere")
    assert diff(config_of(project), data="elsewhere").changes == ()
    with pytest.raises(InputError, match="no such folder"):
        diff(config_of(project))


def test_a_single_parquet_file_with_lists_and_other_types(tmp_path):
    (tmp_path / "pipeline.toml").write_text(
        f'[dataset]\nname = "shop"\nlabel = "y"\nid = ["n"]\n[data]\ndirectory = "{tmp_path}"\n'
        'pattern = "shop.parquet"\n[features]\nnumeric = ["a"]\n'
    )
    types = {"n": "INT", "a": "INT", "y": "INT", "z": "BYTES", "pair": "INT"}
    schema = [f"feature {{ name: '{name}' type: {type_} }}" for name, type_ in types.items()]
    (tmp_path / "schema.pbtxt").write_text("\n".join(schema))
    rows = range(400)
    columns = {
        "n": list(rows),
        "a": [row / 2 for row in rows],
        "y": [row % 2 for row in rows],
        "z": list(rows),
        "tags": [["x"] * (row % 3) for row in rows],
        "paid": [row % 3 == 0 for row in rows],
        "code": [f"{row % 7}" for row in rows],
        "pair": [[row, row][: 1 + row % 2] for row in rows],
    }
    pq.write_table(pa.table(columns), tmp_path / "shop.parquet")
    config = load_config(tmp_path / "pipeline.toml")
    found = diff(config)
    assert [(change.feature, change.what) for change in found.changes] == [
        ("a", "type"),
        ("z", "type"),
        ("pair", "value_count"),
        ("tags", "new_column"),
        ("paid", "new_column"),
        ("code", "new_column"),
    ]
    assert found.rows == 400  # both splits, each row once
    apply(found, found.changes)
    assert diff(config).changes == ()
    new = {one.name: one for one in parse_schema((tmp_path / "schema.pbtxt").read_text("utf-8"), "x").feature}
    assert (new["a"].type, new["z"].type) == (schema_pb2.FLOAT, schema_pb2.INT)
    assert (new["code"].type, new["pair"].value_count.max) == (schema_pb2.BYTES, 2)  # Parquet says what is a text


def test_a_column_that_is_deprecated_is_known(project):
    config = planted(project, lambda table: table.drop(columns=["humid"]))
    found = diff(config, span=4)
    apply(found, found.changes)
    assert diff(config, span=3).changes == ()  # there it still is


def test_json(project):
    found = diff(planted(project, faults))
    shown = json.loads(json.dumps(found.to_json(accepted=found.changes[2:3]), allow_nan=False))
    assert list(shown) == ["schema", "data", "rows", "changes", "notes"]
    assert shown["changes"][2].items() >= {"number": 3, "feature": "temp", "what": "max", "accepted": True}.items()
    assert [change["accepted"] for change in shown["changes"]] == [False, False, True, False, False, False]


def test_a_file_that_changed_meanwhile_is_not_overwritten(project):
    found = diff(planted(project, faults))
    text = found.path.read_text("utf-8") + "# a colleague was here\n"
    found.path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="changed since it was compared; nothing is written"):
        apply(found, found.changes)
    assert found.path.read_text("utf-8") == text


def test_a_link_stays_a_link_and_a_byte_order_mark_a_mark(project):
    config = planted(project, faults)
    real = project / "real.pbtxt"
    real.write_bytes(b"\xef\xbb\xbf" + config.schema_path.read_bytes().replace(b"\n", b"\r\n"))
    config.schema_path.unlink()
    config.schema_path.symlink_to(real)
    found = diff(config)
    apply(found, found.changes)
    assert config.schema_path.is_symlink()
    content = real.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf#") and content.count(b"\r\n") == content.count(b"\n")


def test_a_broken_schema_is_refused(project):
    config = config_of(project)
    config.schema_path.write_text("feature {", "utf-8")
    with pytest.raises(ConfigError, match="is not a valid schema"):
        diff(config)


def some(project):
    found = diff(planted(project, faults))
    return found, list(found.changes)


def test_what_accept_may_say(project):
    _, changes = some(project)
    assert chosen("all", changes) == changes
    assert chosen("1, 3-4", changes) == [changes[0], changes[2], changes[3]]
    assert chosen("temp,carrier", changes) == [changes[0], changes[2]]
    assert chosen("", changes) == []
    for wrong in ("7", "0", "5-9", "tail", "4-3"):
        with pytest.raises(UsageError, match=f"--accept {wrong}: no such change; legal: all, 1 to 6"):
            chosen(wrong, changes)
    with pytest.raises(UsageError, match="no such change; legal: all, which is nothing"):
        chosen("1", [])
    assert chosen("9", [replace(changes[0], number=1, feature="9")])  # a column may be called 9


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_asking_one_by_one(project):
    _, changes = some(project)
    talk = io.StringIO()
    assert ask(changes, Terminal("y\nwhat?\nn\nYes\nq\n"), talk) == [changes[0], changes[2]]
    assert talk.getvalue().count("accept? [y/n/q]") == 5
    assert ask(changes, Terminal("y\n"), talk) == changes[:1]  # the end of input is the end
    with pytest.raises(UsageError, match="needs a terminal; use --accept all"):
        ask(changes, io.StringIO("y\n"), talk)


@pytest.mark.slow
def test_tfdv_finds_nothing_that_is_not_found_here(project):
    """The same rows, TFDV's own update_schema: every feature that it changes is changed here as well."""
    import tensorflow_data_validation as tfdv

    config = planted(project, lambda table: faults(table).assign(plane_year=""))
    types = {"row_id": str, "tailnum": str}
    table = pd.read_csv(
        project / "data" / "flights" / "span-04.csv", dtype=types, keep_default_na=False, na_values=[""]
    )
    schema = parse_schema(config.schema_path.read_text("utf-8"), "schema.pbtxt")
    anomalies = tfdv.validate_statistics(tfdv.generate_statistics_from_dataframe(table), schema)
    found = diff(config)
    assert {"carrier", "origin", "temp", "gate"} <= set(anomalies.anomaly_info)
    wrong_type_in_pandas = {"plane_year", "engines", "seats", "wind_dir"}  # integers with gaps are floats there
    assert set(anomalies.anomaly_info) - wrong_type_in_pandas <= {change.feature for change in found.changes}


def test_only_thresholds():
    """Thresholds from the history come without data."""
    assert Diff(Path("schema.pbtxt"), b"", "", 0, ()).to_text() == "schema.pbtxt\nno changes"
