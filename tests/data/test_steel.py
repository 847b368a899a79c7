"""The files of the steel sheets: what is written, kept, repaired and refused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data import steel
from data.steel import Settings, write_spans

SMALL = Settings(spans=3, rows=12, size=16)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small spans, written once."""
    folder = tmp_path_factory.mktemp("steel")
    write_spans(folder, SMALL)
    return folder


def _times(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_name_photographs_that_exist(out: Path):
    for span in (1, 2, 3):
        table = pd.read_csv(out / f"span-{span:02d}.csv", keep_default_na=False)
        assert list(table) == steel.COLUMNS and len(table) == 12
        for place, photo in enumerate(table["photo"]):
            assert photo == f"photos/{span:02d}/{place:06d}.png"
            image = Image.open(out / photo)
            assert (image.mode, image.size) == ("L", (16, 16))
        assert len(list((out / "photos" / f"{span:02d}").iterdir())) == 12
    assert (table["photo_id"][0], table["sheet"][0]) == ("P03-000000", "S03-00000")


def test_truth_has_every_photograph_and_no_table_has_the_truth(out: Path):
    truth = pd.read_csv(out / "_truth.csv", keep_default_na=False)
    tables = pd.concat([pd.read_csv(path) for path in sorted(out.glob("span-*.csv"))])
    assert list(truth) == ["photo_id", "defect", "size", "contrast"]
    assert truth["photo_id"].tolist() == tables["photo_id"].tolist() and truth["photo_id"].is_unique
    assert ((truth["size"] == "") == (truth["defect"] == "none")).all()
    assert not {"size", "contrast"} & set(tables)


def test_tables_end_lines_with_lf_and_need_no_quotes(out: Path):
    content = (out / "span-01.csv").read_bytes()
    assert content.endswith(b"\n") and b"\r" not in content and b'"' not in content


def test_manifest_says_what_was_written(out: Path):
    manifest = json.loads((out / "spans.json").read_text())
    assert (manifest["made_by"], manifest["rows"], manifest["size"], manifest["seed"]) == ("data.steel", 12, 16, 7)
    first = manifest["spans"][0]
    table = pd.read_csv(out / "span-01.csv", keep_default_na=False)
    assert first["none_share"] == round((table["defect"] == "none").mean(), 6)
    assert first["photos_bytes"] == sum(path.stat().st_size for path in (out / "photos" / "01").iterdir())


def test_second_run_writes_nothing(out: Path):
    before = _times(out)
    records, written = write_spans(out, SMALL)
    assert (len(records), written) == (3, 0) and _times(out) == before


def test_two_runs_give_the_same_files(out: Path, tmp_path: Path):
    write_spans(tmp_path, SMALL)
    assert _contents(tmp_path) == _contents(out)


def test_other_numbers_of_spans_and_rows_give_the_same_photographs(out: Path, tmp_path: Path):
    write_spans(tmp_path, Settings(spans=1, rows=5, size=16))
    assert (out / "span-01.csv").read_text().startswith((tmp_path / "span-01.csv").read_text())
    for place in range(5):
        name = f"photos/01/{place:06d}.png"
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), np.asarray(Image.open(out / name)))


def test_more_spans_keep_the_former_ones(out: Path, tmp_path: Path):
    write_spans(tmp_path, Settings(spans=2, rows=12, size=16))
    before = _times(tmp_path / "photos" / "01")
    assert write_spans(tmp_path, SMALL)[1] == 1
    assert _contents(tmp_path) == _contents(out) and _times(tmp_path / "photos" / "01") == before


@pytest.mark.parametrize("change", [{"spans": 2}, {"seed": 8}, {"rows": 4}, {"size": 17}])
def test_other_settings_leave_nothing_of_the_former(tmp_path: Path, change: dict[str, int]):
    folder, new = tmp_path / "changed", tmp_path / "new"
    settings = Settings(**{"spans": 3, "rows": 6, "size": 16, "seed": 7, **change})
    write_spans(folder, Settings(spans=3, rows=6, size=16))
    write_spans(folder, settings)
    write_spans(new, settings)
    assert _contents(folder) == _contents(new)


@pytest.mark.parametrize("harm", ["table", "lost table", "photo", "lost photo", "manifest entry", "truth", "code"])
def test_harm_is_repaired(out: Path, tmp_path: Path, harm: str):
    write_spans(tmp_path, SMALL)
    manifest = json.loads((tmp_path / "spans.json").read_text())
    table, photo = tmp_path / "span-02.csv", tmp_path / "photos" / "03" / "000004.png"
    if harm == "table":
        table.write_bytes(table.read_bytes().replace(b"day", b"dax", 1))
    elif harm == "photo":
        photo.write_bytes(photo.read_bytes()[:-1] + b"\0")
    elif harm in ("lost table", "lost photo"):
        (table if harm == "lost table" else photo).unlink()
    elif harm == "truth":
        (tmp_path / "_truth.csv").unlink()
    else:
        changed = {"spans": manifest["spans"][:1]} if harm == "manifest entry" else {"code_sha256": "0"}
        (tmp_path / "spans.json").write_text(json.dumps({**manifest, **changed}))
    _, written = write_spans(tmp_path, SMALL)
    assert written == {"manifest entry": 2, "truth": 0, "code": 3}.get(harm, 1)
    assert _contents(tmp_path) == _contents(out)


@pytest.mark.parametrize("place", [0, 5, 14, 30])
def test_interrupted_run_is_completed(out: Path, tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch):
    """After any photograph: every table there has all of its photographs, and the next run completes the rest."""
    encoded = 0

    def interrupted(pixels: np.ndarray) -> bytes:
        nonlocal encoded
        if encoded == place:
            raise KeyboardInterrupt
        encoded += 1
        return encode(pixels)

    encode = steel.encode_png
    monkeypatch.setattr(steel, "encode_png", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_spans(tmp_path, SMALL)
    whole = place // 12
    assert len(list(tmp_path.glob("span-*.csv"))) == whole == len(list((tmp_path / "photos").iterdir()))
    monkeypatch.setattr(steel, "encode_png", encode)
    assert write_spans(tmp_path, SMALL)[1] == 3 - whole
    assert _contents(tmp_path) == _contents(out)


def test_killed_run_is_completed(tmp_path: Path):
    """By the signal that no program can catch, after the first span."""
    folder, settings = tmp_path / "killed", Settings(spans=3, rows=300, size=16)
    command = [
        sys.executable,
        "-m",
        "data.steel",
        "--out",
        str(folder),
        "--spans",
        "3",
        "--rows",
        "300",
        "--size",
        "16",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not (folder / "photos" / "01").is_dir() and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -9
    for table in folder.glob("span-*.csv"):
        assert all((folder / photo).is_file() for photo in pd.read_csv(table)["photo"])
    assert write_spans(folder, settings)[1] >= 2
    write_spans(tmp_path / "whole", settings)
    assert _contents(folder) == _contents(tmp_path / "whole")


def test_sample_is_the_beginning_of_two_spans(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert steel.main(["--sample", str(tmp_path), "--rows", "3", "--size", "16"]) == 0
    assert capsys.readouterr().err.startswith(f"steel: 6 photographs in 2 spans in {tmp_path}, ")
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["_truth.csv", "span-01.csv", "span-02.csv"]


def test_messages_say_what_existed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for spans in ("1", "2", "2"):
        assert steel.main(["--out", str(tmp_path), "--spans", spans, "--rows", "2", "--size", "16"]) == 0
    first, second, third = capsys.readouterr().err.splitlines()
    assert "(" not in first and "(1 of them exist)" in second and "(they exist)" in third


def test_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "span-09.csv").write_text("mine")
    assert steel.main(["--out", str(tmp_path), "--rows", "2", "--size", "16"]) == 2
    assert capsys.readouterr().err.startswith(f"steel: {tmp_path}/span-09.csv is not of data.steel")
    assert sorted(os.listdir(tmp_path)) == [".lock", "span-09.csv"]


def test_folder_that_cannot_be_written_is_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    assert steel.main(["--out", str(tmp_path / "file" / "x")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"steel: cannot write {tmp_path}/file") and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--spans", "0"], "--spans 0: give 1 to 99"),
        (["--rows", "0"], "--rows 0: give 1 to 999999"),
        (["--size", "15"], "--size 15: give 16 to 1024"),
        (["--seed", "-1"], "--seed -1: give 0 to"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        steel.main(arguments)
    assert stop.value.code == 2 and message in capsys.readouterr().err
