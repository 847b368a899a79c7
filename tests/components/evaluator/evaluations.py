"""Runs of predictor and evaluation cores on small splits and models."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.blessing import ValidationThresholds
from components.evaluator.evaluation import evaluate
from components.predictor.prediction import predict, train_labels
from components.shared.examples.example_reading import record_batches
from components.shared.serving.predictions import ModelPredictions, read_predictions, write_predictions
from components.shared.serving.serving_contract import SavedModel
from tests.components.served_models import save_binary, save_multiclass, save_regression, two_classes, write_split

FEATURES = {"categorical": ["origin"], "numeric": ["n"], "cyclical": {}}
CLASSES = ("low", "middle", "high")
SAVE = {
    "binary": lambda folder, lean: save_binary(folder, lean, threshold=0.29),
    "multiclass": lambda folder, lean: save_multiclass(folder, CLASSES, lean),
    "regression": save_regression,
}


def made_up(folder: Path, task: str, rows: int = 400, seed: int = 0) -> str:
    """A split whose labels depend on its numbers."""
    origins, numbers, labels = two_classes(rows, seed)
    if task == "multiclass":
        random = np.random.default_rng(seed)
        place = np.digitize(np.array(numbers) + 0.5 * random.normal(size=rows), [-0.5, 0.5])
        return write_split(folder, origins, numbers, [CLASSES[one] for one in place])
    if task == "regression":
        return write_split(folder, origins, numbers, [int(10 + 3 * number) for number in numbers])
    return write_split(folder, origins, numbers, labels)


def predicted(folder: Path, task: str, splits: dict[str, str], models: dict[str, SavedModel]) -> ModelPredictions:
    """Predictions as a Predictor writes them."""
    tables, about = predict(record_batches(splits["eval"]), models, task, "y")
    write_predictions(folder, tables, about)
    return read_predictions(folder)


def evaluated(folder: Path, task: str, champion: bool = True, **policy: Any) -> tuple[Path, dict[str, Path], str]:
    """Returns the folder of the evaluation with verdict.json, model -> its folder, and the eval split."""
    splits = {split: made_up(folder / split, task, seed=seed) for seed, split in enumerate(("train", "eval"))}
    leans = {"candidate": 1.5, **({"champion": 0.7} if champion else {})}
    models = {name: SAVE[task](folder / name, lean) for name, lean in leans.items()}
    found = predicted(folder / "predictions", task, splits, models)
    labels = train_labels(record_batches(splits["train"]), models["candidate"])
    locations = {name: str(folder / name) for name in models}
    asked = ValidationThresholds(**{"min_slice_rows": 100, **policy})
    place = folder / "evaluation"
    verdict = evaluate(found, labels, splits, FEATURES, [["origin"]], asked, locations, 3 if champion else None, place)
    (place / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    return place, {name: folder / name for name in models}, splits["eval"]
