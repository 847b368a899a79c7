"""A split's rows, read once: the columns that are asked for, the labels, and what each model says of them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from components.criteria import Criterion
from components.deciding import choose_threshold
from components.evaluator.linear import Encoder, encoder_of, fit
from components.examples import first_values

BATCH_ROWS = 1 << 13
SAMPLE_ROWS = 20_000
"""Train rows that the linear baseline learns from, drawn at random."""
ANSWERS = ("probability", "probabilities", "prediction")
"""What a model's answer is called, by task."""
MISSING = "(missing)"


class SavedModel:
    """A served model, asked about serialized examples."""

    def __init__(self, folder: str) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(folder)  # the signatures live as long as this does
        self._serve, self._labels = (self._loaded.signatures[name] for name in ("serve_examples", "transform_labels"))
        self.classes: tuple[str, ...] = ()
        """Names of the K classes, once it has answered."""

    def answers(self, records: np.ndarray) -> np.ndarray:
        """What it says of serialized examples [N]: float [N], or [N, K] for K classes."""
        import tensorflow as tf

        said = self._serve(examples=tf.constant(records))
        if "classes" in said and len(records):
            self.classes = tuple(name.decode("utf-8", "replace") for name in said["classes"][0].numpy())
        return np.asarray(said[next(name for name in ANSWERS if name in said)].numpy())

    def labels(self, records: np.ndarray) -> np.ndarray:
        """Labels as it learned them, [N]: 0 and 1, class codes or numbers; NaN or -1 where missing."""
        import tensorflow as tf

        (found,) = self._labels(examples=tf.constant(records)).values()
        return np.asarray(found.numpy()).reshape(-1)


@dataclass(frozen=True)
class Baselines:
    """Two models that cost nothing.

    Attributes:
      prior: What is said of every row: the share of 1, the share of each class, or the mean label.
      line: Inputs to answers; None where there is nothing to learn from.
      encoder: Columns to inputs.
      thresholds: Baseline -> decision threshold; binary tasks only.
      rows: How many rows the line learned from.
    """

    prior: np.ndarray
    line: Callable[[np.ndarray], np.ndarray] | None
    encoder: Encoder | None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class EvalRows:
    """Labelled rows of a split.

    Attributes:
      labels: [N].
      answers: Model -> what it says, [N] or [N, K].
      columns: Column -> its values, [N].
    """

    labels: np.ndarray
    answers: Mapping[str, np.ndarray]
    columns: Mapping[str, pa.Array]

    def groups(self, keys: Sequence[str]) -> dict[tuple[str, ...], np.ndarray]:
        """Values of some columns, as text, -> the rows that have them, by index; "(missing)" where a row has none."""
        codes = np.zeros(len(self.labels), np.int64)
        names: list[tuple[str, ...]] = [()]
        for key in keys:
            encoded = self.columns[key].dictionary_encode()
            values = [*(_text(value) for value in encoded.dictionary.to_pylist()), MISSING]
            place = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
            # Only crosses that occur are kept, so that the number of codes stays below that of rows.
            seen, codes = np.unique(codes * len(values) + place, return_inverse=True)
            names = [(*names[code // len(values)], values[code % len(values)]) for code in seen]
        order = np.argsort(codes, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])
        return dict(zip(names, parts, strict=True)) if len(codes) else {}


def learn_baselines(
    split: str, candidate: SavedModel, task: str, features: Mapping[str, Any], decide_by: Criterion, seed: int = 13
) -> Baselines:
    """Fits both baselines on the train split, in one pass; memory holds its labels and a sample of its rows."""
    random = np.random.default_rng(seed)
    labels, kept, keys = [], np.empty(0, object), np.empty(0)
    sampled = np.empty(0)
    for records in record_batches(split):
        found = candidate.labels(records)
        known = _known(found)
        labels.append(found[known])
        kept, sampled = np.append(kept, records[known]), np.append(sampled, found[known])
        keys = np.append(keys, random.random(int(known.sum())))
        if len(keys) > SAMPLE_ROWS:  # a row stays if its random key is among the smallest
            stay = np.sort(np.argpartition(keys, SAMPLE_ROWS)[:SAMPLE_ROWS])
            kept, sampled, keys = kept[stay], sampled[stay], keys[stay]
    every = np.concatenate(labels) if labels else np.empty(0)
    classes = max(2, int(every.max(initial=0)) + 1) if task != "regression" else 0
    if not len(every):
        return Baselines(np.array(np.nan), None, None)
    if task == "multiclass":
        prior = np.bincount(every.astype(np.int64), minlength=classes) / len(every)
    else:
        prior = np.array(every.mean(dtype=np.float64))
    columns = columns_of(kept, _names(features))
    encoder = encoder_of(columns, features)
    inputs = encoder(columns)
    line = fit(inputs, sampled, task, classes)
    thresholds = {}
    if task == "binary":
        thresholds["prior"] = choose_threshold(every, np.full(len(every), float(prior)), decide_by)
        if line is not None:
            thresholds["linear"] = choose_threshold(sampled, line(inputs), decide_by)
    return Baselines(prior, line, encoder, thresholds, len(sampled))


def read_rows(
    split: str,
    models: Mapping[str, SavedModel],
    baselines: Baselines,
    features: Mapping[str, Any],
    wanted: Sequence[str],
) -> EvalRows:
    """Asks all models about a split's labelled rows, in one pass; memory holds answers, labels and wanted columns.

    Args:
      split: Folder of the examples.
      models: Name -> model; the labels are the first one's, and so are the classes: others' are matched by name.
      baselines: Answers as "prior" and, where there is one, "linear".
      features: pipeline.toml's [features].
      wanted: Columns to keep.
    """
    first = next(iter(models.values()))
    labels: list[np.ndarray] = []
    said: dict[str, list[np.ndarray]] = {}
    columns: dict[str, list[pa.Array]] = {name: [] for name in wanted}
    for every in record_batches(split):
        found = first.labels(every)
        known = _known(found)
        records = every[known]
        if not len(records):
            continue
        labels.append(found[known])
        for name, model in models.items():
            answer = model.answers(records)
            said.setdefault(name, []).append(answer if model is first else _matched(answer, model, first))
        values = columns_of(records, sorted({*wanted, *_names(features)}))
        for name in wanted:
            columns[name].append(values[name])
        if baselines.line is not None and baselines.encoder is not None:
            said.setdefault("linear", []).append(_widened(baselines.line(baselines.encoder(values)), first))
    rows = np.concatenate(labels) if labels else np.empty(0)
    answers = {name: np.concatenate(parts) for name, parts in said.items()}
    answers["prior"] = _widened(np.broadcast_to(baselines.prior, (len(rows), *baselines.prior.shape)), first)
    return EvalRows(rows, answers, {name: _joined(parts) for name, parts in columns.items()})


def record_batches(split: str) -> Iterator[np.ndarray]:
    """Serialized examples of a split's gzip TFRecords, up to BATCH_ROWS at a time, in the order of the files."""
    import tensorflow as tf

    files = [f"{split.rstrip('/')}/{name}" for name in sorted(tf.io.gfile.listdir(split))]
    yield from tf.data.TFRecordDataset(files, "GZIP").batch(BATCH_ROWS).as_numpy_iterator()


def columns_of(records: np.ndarray, names: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of serialized examples, [N]: the first value of each, null where there is none."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    if not len(records):
        return {name: pa.nulls(0) for name in names}
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(list(records))
    return {name: first_values(batch, name) for name in names}


def _joined(parts: list[pa.Array]) -> pa.Array:
    """One array; a batch in which no row has a value has no type."""
    kind = next((part.type for part in parts if not pa.types.is_null(part.type)), pa.string())
    return pa.chunked_array([part.cast(kind) for part in parts], kind).combine_chunks()


def _known(labels: np.ndarray) -> np.ndarray:
    return labels >= 0 if labels.dtype.kind == "i" else np.isfinite(labels)


def _matched(answer: np.ndarray, model: SavedModel, first: SavedModel) -> np.ndarray:
    """Columns of probabilities in the order of the first model's classes; 0 for a class that this one does not know."""
    if answer.ndim == 1 or model.classes == first.classes:
        return answer
    known = {name: at for at, name in enumerate(model.classes)}
    found = np.zeros((len(answer), len(first.classes)), answer.dtype)
    for at, name in enumerate(first.classes):
        if name in known:
            found[:, at] = answer[:, known[name]]
    return found


def _widened(answer: np.ndarray, first: SavedModel) -> np.ndarray:
    """Probabilities with a column for each of the model's classes: the last may be in no train row."""
    lacking = len(first.classes) - answer.shape[1] if answer.ndim == 2 else 0
    return np.pad(answer, ((0, 0), (0, lacking))) if lacking > 0 else answer


def _names(features: Mapping[str, Any]) -> list[str]:
    return [name for kind in ("categorical", "numeric", "cyclical") for name in features.get(kind, ())]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def slice_rows(rows: EvalRows, keys: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Slice, named as results.py names TFMA's ("origin=EWR, carrier=UA"), -> its rows, by index.

    Rows that lack a value are in none.
    """
    return {
        ", ".join(f"{column}={value}" for column, value in zip(key, values, strict=True)): at
        for key in keys
        for values, at in rows.groups(key).items()
        if MISSING not in values
    }


def slice_keys(eval_config: str) -> list[list[str]]:
    """Columns of each slicing spec in TFMA's EvalConfig as JSON."""
    specs = json.loads(eval_config).get("slicingSpecs", [])
    return [list(spec["featureKeys"]) for spec in specs if spec.get("featureKeys")]
