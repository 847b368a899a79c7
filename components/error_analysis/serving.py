"""A SavedModel's answers to record batches, by the signatures that serving and evaluation use."""

from typing import Any

import numpy as np
import pyarrow as pa

from components.error_analysis.outcomes import Outcomes, outcomes


class Served:
    """A trained model behind its signatures `serve_examples` and `transform_labels`."""

    def __init__(self, directory: str) -> None:
        """Loads the SavedModel in a folder."""
        import tensorflow as tf
        from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

        self._model = tf.saved_model.load(directory)  # signatures live as long as it does
        self._encode: Any = RecordBatchToExamplesEncoder().encode
        self._constant = tf.constant

    def __call__(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Answers to a batch of examples.

        Returns:
          `target` float [N], NaN where the label is missing or unknown to the model; `scores` [N] or [N, K]; and
          `decided` [N], the class, but for a regression.
        """
        examples = self._encoded(batch)
        target = self._model.signatures["transform_labels"](examples)["transformed_label"].numpy()
        target, answers = target.reshape(len(target)).astype(float), self._answers(examples)
        if "decided" not in answers:
            return {"target": target, **answers}
        classes = 2 if answers["scores"].ndim == 1 else answers["scores"].shape[1]
        known = (target >= 0) & (target < classes)
        return {"target": np.where(known, target, np.nan), **answers}

    def again(self, batch: pa.RecordBatch, target: np.ndarray) -> dict[str, np.ndarray]:
        """Answers to a batch with labels that are known already."""
        return {"target": target, **self._answers(self._encoded(batch))}

    def _encoded(self, batch: pa.RecordBatch) -> Any:
        # A column without any value has no type to encode, and an example without it means the same.
        named = [
            name
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if not pa.types.is_null(column.type)
        ]
        return self._constant(self._encode(batch.select(named)))

    def _answers(self, examples: Any) -> dict[str, np.ndarray]:
        answer = {name: value.numpy() for name, value in self._model.signatures["serve_examples"](examples).items()}
        if "prediction" in answer:
            return {"scores": answer["prediction"].reshape(-1)}
        if "probability" in answer:
            return {"scores": answer["probability"].reshape(-1), "decided": answer["class"].reshape(-1)}
        return {"scores": answer["probabilities"], "decided": answer["probabilities"].argmax(axis=1)}


def known_outcomes(task: str, answers: dict[str, np.ndarray]) -> tuple[Outcomes, np.ndarray]:
    """Outcomes of the rows that have a label, and which these are, bool [N]."""
    known = np.isfinite(answers["target"]) if answers else np.zeros(0, bool)
    if not known.any():
        empty = np.empty(0)
        return outcomes(task, empty, empty, empty), known
    decided = answers["decided"][known] if "decided" in answers else None
    return outcomes(task, answers["target"][known], answers["scores"][known], decided), known


def shuffled(table: pa.Table, feature: str | None, order: np.ndarray) -> pa.RecordBatch:
    """A table's rows with one feature's values in another order."""
    if feature is not None and feature in table.column_names:
        at = table.column_names.index(feature)
        table = table.set_column(at, feature, table.column(at).take(pa.array(order)))
    return table.combine_chunks().to_batches()[0]
