"""The pattern that init derives for folders of images."""

from pathlib import Path

import pytest

from components.shared.errors import InputError
from pipeline.onboarding.initialise.image_pattern import image_pattern


def made(folder: Path, *paths: str) -> str:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return str(folder)


@pytest.mark.parametrize(
    ("paths", "pattern"),
    [
        (["cat/1.png", "dog/2.png"], "{kind}/*.png"),
        (["cat/1.png", "dog/2.jpg"], "{kind}/*"),
        (["1/cat/1.png", "2/cat/2.png", "2/dog/3.png"], "{span}/{kind}/*.png"),
        (["span-01/cat/1.jpeg", "span-02/dog/1.jpeg"], "span-{span}/{kind}/*.jpeg"),
        (["2024-01/cat/1.png", "2024-02/cat/1.png"], "{span}/{kind}/*.png"),
        (["batch 1 of line/cat/1.png", "batch 2 of line/cat/1.png"], "batch {span} of line/{kind}/*.png"),
        (["month=1/1.png", "month=2/1.png"], ""),
        (["readme.txt"], ""),
        ([], ""),
    ],
)
def test_patterns(tmp_path: Path, paths: list[str], pattern: str) -> None:
    assert image_pattern(made(tmp_path, *paths), "kind") == pattern


@pytest.mark.parametrize(
    ("paths", "label", "message"),
    [
        (["1.png", "a/2.png"], "kind", "belong into a folder for each class"),
        (["a/b/c/1.png"], "kind", "belong into a folder for each class"),
        (["a/1.png", "1/b/2.png"], "kind", "found a/1.png and 1/b/2.png"),
        (["one/cat/1.png", "two/cat/1.png"], "kind", "holds one, two, each with folders of images; spans need"),
        (["1/cat/1.png", "5/cat/1.png"], "kind", "spans need consecutive numbers"),
        (["cat/1.png"], "image", "--label image: is another column"),
        (["cat/1.png"], "file", "choose another name"),
    ],
)
def test_refused(tmp_path: Path, paths: list[str], label: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        image_pattern(made(tmp_path, *paths), label)
    assert "\n" not in str(error.value)
