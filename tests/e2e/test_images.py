"""Folders of images, a folder per class: init, run, label errors, equal predictions, and what a changed file does."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from pipeline.cli import main
from serving.errors import ServingError

pytestmark = [pytest.mark.e2e]
WRONG = 8


def png(pixels: np.ndarray) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.round(pixels * 255 / 16).astype(np.uint8)).save(sink, "PNG")
    return sink.getvalue()


def write_spans(folder: Path) -> tuple[list[str], dict[str, bytes]]:
    """Three spans of about 170 real digits 0 to 2; returns the files with a wrong class, and all contents by file."""
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < 3)
    wrong, contents = [], {}
    for number, at in enumerate(chosen):
        span, label = 1 + number * 3 // len(chosen), int(digits.target[at])
        planted = span == 1 and number % 20 == 7 and len(wrong) < WRONG
        name = f"span-{span}/{(label + 1) % 3 if planted else label}/{at:04d}.png"
        wrong += [name] if planted else []
        contents[name] = png(digits.images[at])
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents[name])
    return wrong, contents


def test_folders_of_images_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong, contents = write_spans(tmp_path / "data")
    assert main(["init", "--data", "data", "--label", "digit", "--name", "digits"]) == 0
    settings = Path("schemas/digits/pipeline.toml").read_text()
    assert 'pattern = "span-{span}/{digit}/*.png"' in settings
    assert 'image = ["image"]' in settings
    assert 'id = ["file"]' in settings

    def run() -> dict:
        capfd.readouterr()
        code = main(["run", "--dataset", "digits", "--json"])
        out, err = capfd.readouterr()
        assert code == 0, err
        return json.loads(out)

    summary = run()
    assert summary["pushed"] == 1
    assert summary["metrics"]["accuracy"] > 0.95
    compared = {row["feature"] for row in summary["drift"]}
    assert "image" not in compared
    assert {"digit", "image: brightness", "image: entropy"} <= compared
    (artifact,) = Path("runs/digits/artifacts/LabelAudit/labels").iterdir()
    audit = json.loads((artifact / "labels.json").read_text())
    found = {issue["id"] for issue in audit["issues"]}
    assert len(found & set(wrong)) >= WRONG - 2
    assert len(found) <= 2 * WRONG
    (errors,) = Path("runs/digits/artifacts/ErrorAnalysis/errors").iterdir()
    (importance,) = json.loads((errors / "errors.json").read_text())["importance"]
    assert importance["feature"] == "image"
    assert importance["loss"] > 0.1

    _predictions_are_equal(contents)
    again = run()
    assert {one["state"] for one in again["components"]} == {"cached"}

    # An image that changes is other data, although no table changed.
    eval_file = next(name for name in contents if name.startswith("span-3"))
    Path("data", eval_file).write_bytes(png(np.zeros((8, 8))))
    changed = run()
    assert "ArrowExampleGen" in {one["id"] for one in changed["components"] if one["state"] == "executed"}

    Path("data", eval_file).write_bytes(contents[eval_file][:-20])
    capfd.readouterr()
    assert main(["run", "--dataset", "digits"]) == 2
    (line,) = [one for one in capfd.readouterr().err.splitlines() if one.startswith("plumbline:")]
    assert "column 'image', row " in line and f"{eval_file}: is a " in line and "[image] on_unreadable" in line


def _predictions_are_equal(contents: dict[str, bytes]) -> None:
    import tensorflow as tf

    from serving.models.loaded_model import LoadedModel

    model = tf.saved_model.load("runs/digits/registry/1")
    images = [*list(contents.values())[:40], b""]
    by_column = model.signatures["serving_default"](image=tf.constant(images))["probabilities"].numpy()
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={"image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[one] * bool(one)))}
            )
        ).SerializeToString()
        for one in images
    ]
    by_example = model.signatures["serve_examples"](examples=tf.constant(examples))["probabilities"].numpy()
    np.testing.assert_allclose(by_example, by_column, atol=1e-6)
    one_by_one = [
        model.signatures["serving_default"](image=tf.constant([one]))["probabilities"].numpy()[0] for one in images
    ]
    np.testing.assert_allclose(one_by_one, by_column, atol=1e-5)

    served = LoadedModel(Path("runs/digits/registry/1"), "digits", 1)
    try:
        given = {"image": np.array([images[0], b"photos/1.png"], object)}
        with pytest.raises(ServingError, match="image, row 1: is no image; send the bytes of a PNG or JPEG file"):
            served.run("serving_default", given)
        tiff = io.BytesIO()
        Image.open(io.BytesIO(images[0])).save(tiff, "TIFF")
        with pytest.raises(ServingError, match="image, row 0: is TIFF, convert it to PNG"):
            served.run("serving_default", {"image": np.array([tiff.getvalue()], object)})
        answer = served.run("serving_default", {"image": np.array(images[:2], object)})
        np.testing.assert_allclose(answer["probabilities"], by_column[:2], atol=1e-6)
    finally:
        served.close()
