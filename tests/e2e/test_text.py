"""A table of an id and a text: type inference, training, and equal predictions from examples and from columns."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import main

GOOD = ["great", "lovely", "wonderful", "excellent", "perfect", "charming"]
BAD = ["awful", "terrible", "boring", "dreadful", "broken", "annoying"]
OTHER = [
    "the",
    "a",
    "film",
    "was",
    "and",
    "story",
    "actor",
    "music",
    "scene",
    "plot",
    "in",
    "of",
    "with",
    "very",
    "long",
]
AWKWARD = ["", "الفيلم رائع 😀👍", "素晴らしい映画", "très\u00a0bien…", "x" * 30_000, "\u202eabc", "a\nb"]

pytestmark = [pytest.mark.e2e]


def rows(count: int) -> list[tuple[int, str, str]]:
    draw = np.random.default_rng(1)
    made = []
    for number in range(count):
        liked = bool(draw.random() < 0.5)
        words = list(draw.choice(OTHER, draw.integers(5, 25)))
        for _ in range(2):
            words.insert(
                draw.integers(0, len(words)), str(draw.choice(GOOD if (draw.random() < 0.9) == liked else BAD))
            )
        text = AWKWARD[number // 50 % len(AWKWARD)] if number % 50 == 7 else " ".join(words).capitalize() + "."
        made.append((number, text, "yes" if liked else "no"))
    return made


def test_an_id_and_a_text_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = rows(800)
    with open("reviews.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "review", "liked"), *table])
    assert main(["init", "--data", "reviews.csv", "--label", "liked", "--name", "reviews"]) == 0
    assert 'text = ["review"]' in Path("schemas/reviews/pipeline.toml").read_text()
    capfd.readouterr()
    code = main(["run", "--dataset", "reviews", "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    summary = json.loads(out)
    assert summary["metrics"]["auc"] > 0.85
    assert summary["pushed"] == 1
    (said,) = summary["texts"]
    assert said["column"] == "review"
    assert {*said["scores"][0]["up"][:3]} <= {*GOOD}
    assert said["scores"][0]["of"] == "yes"
    page = Path(summary["report"]).read_text(encoding="utf-8")
    assert "Words with the largest weights in the score of the label" in page
    assert not [row for row in summary["drift"] if row["feature"] == "review" and row["drifted"]]

    import tensorflow as tf

    model = tf.saved_model.load("runs/reviews/registry/1")
    texts = [text for _, text, _ in table]
    by_column = model.signatures["serving_default"](review=tf.constant(texts))["probability"].numpy()
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={"review": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()] * bool(text)))}
            )
        ).SerializeToString()
        for text in texts
    ]
    by_example = model.signatures["serve_examples"](examples=tf.constant(examples))["probability"].numpy()
    np.testing.assert_allclose(by_example, by_column, atol=1e-6)
    one_by_one = [
        model.signatures["serving_default"](review=tf.constant([text]))["probability"].numpy()[0] for text in texts[:60]
    ]
    np.testing.assert_allclose(one_by_one, by_column[:60], atol=1e-5)
    liked = np.array([label == "yes" for *_, label in table])
    assert by_column[liked].mean() > by_column[~liked].mean() + 0.3
