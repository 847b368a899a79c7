"""The digits as image folders, compared with scikit-learn's own arrays."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from data import digits


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All spans, written once."""
    folder = tmp_path_factory.mktemp("digits")
    digits.write_spans(folder)
    return folder


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_every_digit_is_recovered_with_its_label(out: Path):
    source = load_digits()
    found = sorted(out.rglob("*.png"), key=lambda path: path.stem)
    assert [int(path.stem) for path in found] == list(range(1, 1798))
    assert [int(path.parent.name) for path in found] == source.target.tolist()
    values = np.stack([digits.from_grey(np.asarray(Image.open(path))) for path in found])
    np.testing.assert_array_equal(values, source.images)


def test_images_are_8_by_8_and_8_bit_grey(out: Path):
    image = Image.open(out / "span-01" / "0" / "0001.png")
    assert (image.mode, image.size) == ("L", (8, 8))


def test_scale_keeps_all_17_grey_levels():
    grey = digits.to_grey(np.arange(17))
    assert grey[[0, 1, 8, 15, 16]].tolist() == [0, 16, 128, 239, 255]  # 15.94, 127.5 (to even), 239.06
    assert digits.from_grey(grey).tolist() == list(range(17))


def test_spans_are_consecutive_thirds(out: Path):
    assert digits.span_bounds(1797, 3) == [(0, 599), (599, 1198), (1198, 1797)]
    assert digits.span_bounds(10, 3) == [(0, 3), (3, 6), (6, 10)]
    for span, first in ((1, 1), (2, 600), (3, 1199)):
        stems = sorted(int(Path(name).stem) for name in _files(out / f"span-{span:02d}"))
        assert stems == list(range(first, first + 599))


def test_each_span_has_every_class(out: Path):
    for span in (1, 2, 3):
        counts = Counter(Path(name).parts[0] for name in _files(out / f"span-{span:02d}"))
        assert sorted(counts) == [str(label) for label in range(10)] and min(counts.values()) >= 55


def test_second_run_writes_nothing(out: Path):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    records, written = digits.write_spans(out)
    assert not written and [record.rows for record in records] == [599, 599, 599]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize("harm", ["a changed image", "a lost image", "one more image", "half a run"])
def test_harm_is_repaired(tmp_path: Path, harm: str):
    records, _ = digits.write_spans(tmp_path, most=20)
    path = tmp_path / "span-02" / _files(tmp_path / "span-02")[0]
    content = path.read_bytes()
    if harm == "a changed image":
        path.write_bytes(content[:-1] + b"\0")
    elif harm == "a lost image":
        path.unlink()
    elif harm == "one more image":
        path.with_name("9999.png").write_bytes(content)
    else:
        manifest = json.loads((tmp_path / "spans.json").read_text())
        (tmp_path / "spans.json").write_text(json.dumps({**manifest, "spans": []}))
    assert digits.write_spans(tmp_path, most=20) == (records, True)
    assert path.read_bytes() == content and len(_files(tmp_path)) == 60


def test_fewer_spans_leave_no_former_span(tmp_path: Path):
    digits.write_spans(tmp_path, spans=3, most=5)
    digits.write_spans(tmp_path, spans=2, most=5)
    assert sorted(path.name for path in tmp_path.glob("span-*")) == ["span-01", "span-02"]


def test_sample_is_the_first_digits_of_each_span(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert digits.main(["--sample", str(tmp_path), "--rows", "4"]) == 0
    assert capsys.readouterr().err.startswith("digits: 12 digits in 3 spans in ")
    assert sorted(Path(name).stem for name in _files(tmp_path)) == [
        f"{first + place:04d}" for first in (1, 600, 1199) for place in range(4)
    ]


def test_folder_that_cannot_be_used_is_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "span-01.csv").touch()
    assert digits.main(["--out", str(tmp_path)]) == 2
    assert digits.main(["--out", str(tmp_path / "span-01.csv" / "x")]) == 2
    foreign, unwritable = capsys.readouterr().err.splitlines()
    assert foreign.startswith(f"digits: {tmp_path}/span-01.csv is not of data.digits")
    assert unwritable.startswith(f"digits: cannot write {tmp_path}/span-01.csv")


@pytest.mark.parametrize("option", ["--spans", "--rows"])
def test_zero_is_refused(option: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        digits.main([option, "0"])
    assert stop.value.code == 2 and f"{option} 0: give" in capsys.readouterr().err
