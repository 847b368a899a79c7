import os
from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.table_reading.spans import SpanFile, choose_window, find_spans, open_folder

PATTERN = "span-{span}.csv"


def folder_with(tmp_path: Path, *names: str) -> str:
    for name in names:
        (tmp_path / name).write_text("x\n1\n")
    return str(tmp_path)


def spans(*numbers: int) -> list[SpanFile]:
    return [SpanFile(number, f"/d/{number}", f"d/{number}", 1, 0) for number in numbers]


def chosen(numbers: list[int], span: int | None, window: int) -> tuple[list[int], list[int]]:
    window_ = choose_window(spans(*numbers), span, window)
    return [file.span for file in window_.train], [file.span for file in window_.eval]


def one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message


def test_spans_are_found_by_number_not_by_name(tmp_path):
    folder = folder_with(tmp_path, "span-10.csv", "span-9.csv", "span-002.csv")
    assert [(file.span, Path(file.path).name) for file in find_spans(folder, PATTERN)] == [
        (2, "span-002.csv"),
        (9, "span-9.csv"),
        (10, "span-10.csv"),
    ]


def test_files_that_do_not_match_the_pattern_are_ignored(tmp_path):
    folder = folder_with(
        tmp_path, "span-1.csv", "span-.csv", "span-2.csv~", "xspan-3.csv", "span-4.csv.gz", "span--5.csv", "span-6xcsv"
    )
    (tmp_path / "notes").mkdir()
    assert [file.span for file in find_spans(folder, PATTERN)] == [1]


def test_pattern_is_matched_literally(tmp_path):
    folder = folder_with(tmp_path, "a+(1).csv", "aa+(2).csv")
    assert [file.span for file in find_spans(folder, "a+({span}).csv")] == [1]


def test_span_has_size_and_display_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "span-3.csv").write_bytes(b"12345")
    (file,) = find_spans("d", PATTERN)
    assert (file.span, file.bytes, file.name) == (3, 5, "d/span-3.csv")
    assert file.modified_ns == (tmp_path / "d" / "span-3.csv").stat().st_mtime_ns


def test_duplicate_span_error_names_both_files(tmp_path):
    folder = folder_with(tmp_path, "span-1.csv", "span-01.csv")
    with pytest.raises(InputError, match=r"span-1\.csv: span 1 is duplicated by .*span-01\.csv") as error:
        find_spans(folder, PATTERN)
    one_line(error)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder") as error:
        find_spans(str(tmp_path / "nowhere"), PATTERN)
    assert "--data" in one_line(error)


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"/file: ") as error:
        find_spans(str(tmp_path / "file"), PATTERN)
    one_line(error)


def test_a_folder_without_spans_names_the_pattern(tmp_path):
    with pytest.raises(InputError, match=r"no file matches span-\{span\}\.csv"):
        find_spans(folder_with(tmp_path, "other.csv"), PATTERN)


def test_a_folder_named_like_a_span_is_refused(tmp_path):
    (tmp_path / "span-2.csv").mkdir()
    with pytest.raises(InputError, match=r"span-2\.csv: a folder where a span file is expected"):
        find_spans(folder_with(tmp_path, "span-1.csv"), PATTERN)


def test_special_file_is_an_error(tmp_path):
    os.mkfifo(tmp_path / "span-1.csv")
    with pytest.raises(InputError, match=r"span-1\.csv: not a regular file where a span file is expected"):
        find_spans(str(tmp_path), PATTERN)


def test_a_file_url_is_the_same_folder(tmp_path):
    spaced = tmp_path / "a b"
    spaced.mkdir()
    folder_with(spaced, "span-1.csv")
    url = "file://" + str(spaced).replace(" ", "%20")
    (file,) = find_spans(url, PATTERN)
    filesystem, _ = open_folder(url)
    assert file.name == f"{url}/span-1.csv"
    with filesystem.open_input_stream(file.path) as stream:
        assert stream.read() == b"x\n1\n"
    with pytest.raises(InputError, match="no such folder"):
        find_spans(f"{url}/nowhere", PATTERN)


@pytest.mark.parametrize("url", ["nonsense://x/y", "file://relative/x", "://"])
def test_a_url_that_cannot_be_opened_is_named(url):
    with pytest.raises(InputError) as error:
        find_spans(url, PATTERN)
    assert one_line(error).startswith(url)


@pytest.mark.parametrize(
    ("numbers", "span", "window", "train", "eval_"),
    [
        ([1, 2, 3, 4, 5], None, 3, [2, 3, 4], [5]),
        ([1, 2, 3, 4, 5], 4, 3, [1, 2, 3], [4]),
        ([1, 2, 3], 3, 5, [1, 2], [3]),  # shorter history than the window
        ([1, 2], 2, 1, [1], [2]),
        ([0, 1], None, 1, [0], [1]),
        ([1, 7, 8], 8, 1, [7], [8]),  # the gap lies before the window
        ([3, 2, 1], None, 2, [1, 2], [3]),  # in any order
        ([1, 2], None, 10**15, [1], [2]),
    ],
)
def test_window(numbers, span, window, train, eval_):
    assert chosen(numbers, span, window) == (train, eval_)


@pytest.mark.parametrize(
    ("numbers", "span", "window", "message"),
    [
        ([1, 2, 3, 7], 5, 1, "span 5 does not exist; available: 1-3, 7"),
        ([4], None, 3, "span 4 is the oldest, so there is no span to train on; available: 4"),
        ([1, 2], 1, 3, "span 1 is the oldest, so there is no span to train on; available: 1-2"),
        ([1, 3, 4], 4, 3, "span 2, needed to train for span 4, does not exist; available: 1, 3-4"),
        ([1, 2], -1, 1, "span -1 does not exist; available: 1-2"),
    ],
)
def test_window_refused(numbers, span, window, message):
    with pytest.raises(InputError) as error:
        chosen(numbers, span, window)
    assert str(error.value) == message


def test_files_of_a_window_are_oldest_first_and_split():
    window = choose_window(spans(1, 2, 3), None, 2)
    assert [file.span for file in window.files] == [1, 2, 3]
    assert {split: [file.span for file in files] for split, files in window.splits().items()} == {
        "train": [1, 2],
        "eval": [3],
    }


def months(*numbers: int) -> list[SpanFile]:
    counted = {number: (number // 100 - 1970) * 12 + number % 100 for number in numbers}
    return [SpanFile(number, f"/d/{number}", f"d/{number}", 1, 0, counted=counted[number]) for number in numbers]


@pytest.mark.parametrize("span", [None, 202402, 650])  # 650 months since January 1970, which is 1
def test_months_are_consecutive_across_years(span):
    window = choose_window(months(202310, 202311, 202312, 202401, 202402), span, 3)
    assert [file.span for file in window.train] == [202311, 202312, 202401]
    assert [file.span for file in window.eval] == [202402]


def test_missing_month():
    with pytest.raises(InputError) as error:
        choose_window(months(202311, 202401, 202402), None, 3)
    assert one_line(error) == (
        "span after 202311, needed to train for span 202402, does not exist; available: 202311, 202401-202402"
    )
