"""Embeddings of the images of a split, batch by batch, and the label audit that uses them."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from cleanlab.filter import find_label_issues as cleanlab_issues
from PIL import Image
from sklearn.datasets import load_digits

from components.arrow_example_gen.image_columns import ImageOptions
from components.arrow_example_gen.source import Source
from components.label_audit.audit import audit_labels
from components.label_audit.cross_validation import predicted_probabilities
from components.label_audit.encoding import FeatureTypes, encode_features
from components.label_audit.grouped_folds import duplicate_groups, plan_folds
from components.label_audit.settings import LabelAuditSettings
from components.shared.images.embedding import embed_images
from components.shared.images.image_column import ImageColumn
from components.shared.images.image_model_fitting import ImageSettings, learn
from components.table_reading.read_options import ReadOptions
from tests.components.arrow_example_gen.generating import generate


def png(pixels: np.ndarray) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.round(pixels * 255 / 16).astype(np.uint8)).save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[bytes | None]]:
    """A split of 120 digits in two files; every tenth row has no image."""
    folder = tmp_path_factory.mktemp("digits")
    (folder / "data").mkdir()
    data = load_digits()
    images: list[bytes | None] = [None if at % 10 == 3 else png(data.images[at]) for at in range(180)]
    for span in (1, 2, 3):
        part = slice(60 * (span - 1), 60 * span)
        frame = pd.DataFrame(
            {"id": range(60 * span - 60, 60 * span), "photo": images[part], "y": data.target[part] % 2}
        )
        frame.to_parquet(folder / "data" / f"span-{span}.parquet", index=False)
    types = {"id": "int64", "photo": "image", "y": "int64"}
    options = ImageOptions(("photo",))
    source = Source(
        str(folder / "data"), "span-{span}.parquet", types, "y", ["id"], 2, 0.3, ReadOptions(), images=options
    )
    generate(source, folder / "out")
    return str(Path(folder) / "out/Split-train"), images[:120]


def test_rows_and_missing_images(split) -> None:
    uri, images = split
    found = embed_images(uri, "photo", {"dimensions": 12})
    assert found.numbers.shape == (120, 12)
    missing = np.array([one is None for one in images])
    assert np.array_equal(np.isnan(found.numbers).all(axis=1), missing)
    assert np.array_equal(np.array([one is None for one in found.digests]), missing)
    assert len({one for one in found.digests if one}) == len({one for one in images if one})
    there = [one for one in images if one]
    model = learn("photo", there, 2, ImageSettings(dimensions=12))
    assert np.allclose(found.numbers[~missing], ImageColumn(model)(tf.constant(there)).numpy(), atol=1e-4)


def test_a_sample_fits_the_components(split) -> None:
    uri, _ = split
    few = embed_images(uri, "photo", {"dimensions": 30, "max_fit_rows": 50, "size": 24})
    assert few.numbers.shape == (120, 12)  # 2 x 6: at most an eighth of the images for each half of the components


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_label_errors_of_digits_are_found_at_least_as_well_as_by_cleanlab(rate: float) -> None:
    """F1 of planted label errors, on the same out-of-sample probabilities."""
    data = load_digits()
    images = [png(one) for one in data.images]
    numbers = ImageColumn(learn("photo", images, 2, ImageSettings()))(tf.constant(images)).numpy()
    ours, theirs = [], []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        wrong = draw.random(len(images)) < rate
        given = np.where(wrong, (data.target + draw.integers(1, 10, len(images))) % 10, data.target)
        rows = pd.DataFrame({"photo": range(len(images)), "digit": given.astype(str)})
        kinds = FeatureTypes(image=("photo",))
        settings = LabelAuditSettings(seed=seed, max_issues=2000)
        audit = audit_labels(rows, "digit", kinds, settings=settings, embeddings={"photo": numbers})
        assert audit.model == "neighbours+logistic"
        encoded = encode_features(rows, kinds, {"photo": numbers})
        folds = plan_folds(duplicate_groups(encoded), given, 5, 20_000, seed)
        probabilities = predicted_probabilities(encoded, given, 10, folds, ("neighbours", "logistic"), seed)
        found = np.zeros(len(images), bool)
        found[[issue.row for issue in audit.issues]] = True
        for flagged, into in ((found, ours), (cleanlab_issues(given, probabilities), theirs)):
            into.append(2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum()))
    assert np.mean(ours) >= np.mean(theirs)
    assert np.mean(ours) > 0.94
