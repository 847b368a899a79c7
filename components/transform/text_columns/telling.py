"""Writes the words with the largest weights in a text column's scores to texts.json, for the report."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.transform.text_columns.model import TextModel
from components.transform.text_columns.vocabulary import names_of

FILE = "texts.json"
MAX_WORDS, MAX_CLASSES = 12, 20


def telling_words(model: TextModel, task: str, classes: Sequence[str], positive: str) -> list[dict[str, Any]]:
    """Returns the word n-grams with the largest weights, averaged over the folds.

    Args:
      model: The text model.
      task: binary, multiclass or regression.
      classes: Names of a multiclass label by index.
      positive: Name of the positive class of a binary label.

    Returns:
      An entry per score, at most MAX_CLASSES: `of`, a class, the positive class or "more"; `up` and `down`, the word
      n-grams that raise and lower the score most, at most MAX_WORDS each, the strongest first.
    """
    count = len(model.words.hashes)
    weights = model.weights[:, :count].mean(axis=0)
    rows = []
    for number in range(min(weights.shape[1], MAX_CLASSES)):
        order = np.argsort(weights[:, number], kind="stable")
        up = [at for at in order[::-1][:MAX_WORDS] if weights[at, number] > 0]
        down = [at for at in order[:MAX_WORDS] if weights[at, number] < 0]
        of = positive if task == "binary" else "more"
        if task == "multiclass":
            place = int(model.columns[model.directions.shape[1] + number].rpartition(" ")[2])
            of = classes[place] if place < len(classes) else str(place)
        named = [
            [name for name in names_of(model.words, model.words.hashes[side].tolist()) if name] for side in (up, down)
        ]
        rows.append({"of": of, "up": named[0], "down": named[1]})
    return rows


def record_texts(
    models: Mapping[str, TextModel], task: str, classes: Sequence[str], positive: str, output: str
) -> None:
    """Writes texts.json: for each text column `column`, its numbers of n-grams, and the `scores` of `telling_words`."""
    import tensorflow as tf

    if not models:
        return
    rows = [
        {
            "column": name,
            "words": len(model.words.hashes),
            "characters": len(model.characters.hashes),
            "dimensions": int(model.directions.shape[1]),
            "folds": len(model.weights),
            "scores": telling_words(model, task, classes, positive),
        }
        for name, model in models.items()
    ]
    with tf.io.gfile.GFile(f"{output.rstrip('/')}/{FILE}", "w") as file:
        file.write(json.dumps(rows))
