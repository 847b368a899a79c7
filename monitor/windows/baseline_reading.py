"""Reads the baseline of a version from the artifacts of its run, once; afterwards from a cache on disk.

<root>/<dataset>/monitor/baselines/<version>/
  training.parquet     sample of the training rows
  evaluation.parquet   sample of the labelled eval rows
  baseline.npz         predictions and labels of these
  baseline.json        the rest; written last, so that it is there only if the others are
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.drift_validator.sketches.sampling import ReservoirSample
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from components.shared.examples.example_reading import column_batches, example_batches, first_values
from components.shared.files import read_json, write_json
from components.shared.serving.predictions import CANDIDATE, read_predictions
from components.shared.serving.serving_contract import DECISION_THRESHOLD
from components.shared.statistics.relative_importance import relative_importance
from monitor.windows.baseline import Baseline
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.feature_columns import column_type, example_column

FORMAT = 1
_RECORD, _TRAINING, _EVALUATION, _ARRAYS = "baseline.json", "training.parquet", "evaluation.parquet", "baseline.npz"
_PARTS = ("training", "evaluation", "importances")


@dataclass(frozen=True)
class RunArtifacts:
    """Folders of a run's artifacts; None where unknown. They may have been deleted.

    Attributes:
      examples: Examples, with Split-train and Split-eval.
      predictions: Predictions of the candidate for the labelled eval rows.
      errors: Error analysis, with the features' importances.
    """

    examples: Path | None = None
    predictions: Path | None = None
    errors: Path | None = None


class Baselines:
    """The baselines of all versions of a dataset."""

    def __init__(
        self,
        registry: Registry,
        folder: Path,
        dataset: MonitoredDataset,
        artifacts: Callable[[str], RunArtifacts],
        rows: int = 20_000,
        seed: int = 13,
    ) -> None:
        """Makes a reader.

        Args:
          registry: The registry.
          folder: Folder of the cache.
          dataset: The dataset.
          artifacts: Run id -> its artifacts.
          rows: Maximum number of rows of each sample.
          seed: Seed of the samples.
        """
        self._registry, self._folder, self._dataset, self._artifacts = registry, folder, dataset, artifacts
        self._rows, self._seed = rows, seed
        self._known: dict[int, Baseline] = {}

    def of(self, version: int) -> Baseline:
        """Returns the baseline of a version, as far as there is one; what is missing is in `left_out`.

        A baseline that was complete is kept when the version or its run is deleted.
        """
        if version not in self._known:
            found = self._cached(version)
            if found is None:
                found = self._read(version)
                if not found.left_out:
                    self._cache(found)
            self._known[version] = found
        return self._known[version]

    def _read(self, version: int) -> Baseline:
        task = self._dataset.task
        try:
            manifest = self._registry.manifest(version)
        except PlumblineError:
            return Baseline(
                version,
                task=task,
                left_out=(
                    f"version {version} is gone from the registry: its rows are counted; skew, replay and what is "
                    "compared with its evaluation are left out",
                ),
            )
        run_id, left_out = str(manifest.get("run_id", "")), []
        try:
            artifacts = self._artifacts(run_id)
        except PlumblineError as exc:
            artifacts = RunArtifacts()
            left_out.append(f"version {version}: its run cannot be read ({exc})")
        training, total = None, int((manifest.get("rows") or {}).get("train") or 0)
        if _is_there(artifacts.examples, "Split-train"):
            try:
                training, total = self._training(artifacts.examples)
            except (PlumblineError, OSError, ValueError) as exc:
                left_out.append(f"version {version}: its training rows cannot be read ({exc}): skew is left out")
        else:
            left_out.append(f"version {version}: the training rows of run {run_id} are gone: skew is left out")
        classes: tuple[str, ...] = ()
        evaluation: tuple[pa.Table | None, np.ndarray | None, np.ndarray | None] = (None, None, None)
        if _is_there(artifacts.predictions, "eval.parquet") and _is_there(artifacts.examples, "Split-eval"):
            try:
                classes, *some = self._evaluation(artifacts)
                evaluation = (some[0], some[1], some[2])
            except (PlumblineError, OSError, ValueError, KeyError) as exc:
                left_out.append(f"version {version}: its eval predictions cannot be read ({exc})")
        else:
            left_out.append(
                f"version {version}: the eval predictions of run {run_id} are gone: prediction drift against the "
                "evaluation, and performance before labels, are left out"
            )
        importances: dict[str, float] = {}
        if _is_there(artifacts.errors, "errors.json"):
            importances = _importances(artifacts.errors / "errors.json")  # type: ignore[operator]
        else:
            left_out.append(
                f"version {version}: the error analysis of run {run_id} is gone: all columns weigh the same"
            )
        return Baseline(
            version=version,
            run_id=run_id,
            task=task,
            classes=classes,
            threshold=self._threshold(version) if task == "binary" else None,
            metrics={
                name: float(value) for name, value in (manifest.get("metrics") or {}).items() if _is_number(value)
            },
            spans=manifest.get("spans") or {},
            training=training,
            training_rows=total,
            evaluation=evaluation[0],
            evaluation_scores=evaluation[1],
            evaluation_targets=evaluation[2],
            importances=importances,
            left_out=tuple(left_out),
        )

    def _training(self, examples: Path | None) -> tuple[pa.Table, int]:
        sample, rows = ReservoirSample(self._rows, self._seed), 0
        for batch in example_batches(f"{examples}/Split-train"):
            rows += batch.num_rows
            sample.add(self._converted(batch))
        return sample.result(), rows

    def _converted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = {name: _column(batch, name, alias) for name, alias in self._dataset.features.items()}
        label = first_values(batch, self._dataset.label)
        if pa.types.is_binary(label.type) or pa.types.is_large_binary(label.type):
            label = example_column(label, "string")
        columns[self._dataset.label] = pa.nulls(batch.num_rows, pa.string()) if pa.types.is_null(label.type) else label
        return pa.RecordBatch.from_pydict(columns)

    def _evaluation(self, artifacts: RunArtifacts) -> tuple[tuple[str, ...], pa.Table, np.ndarray, np.ndarray]:
        assert artifacts.predictions is not None
        found = read_predictions(artifacts.predictions)
        chosen = np.arange(len(found.places))
        if len(chosen) > self._rows:
            rng = np.random.default_rng(self._seed)
            chosen = np.sort(rng.choice(len(chosen), self._rows, replace=False))
        features = self._dataset.features
        parts: Iterator[Mapping[str, pa.Array]] = column_batches(
            f"{artifacts.examples}/Split-eval", list(features), found.places[chosen], whole=True
        )
        tables = [pa.table({name: _whole(part[name], alias) for name, alias in features.items()}) for part in parts]
        scores = found.outputs[CANDIDATE].output[chosen].astype(np.float64)
        targets = found.labels[chosen]
        classes = found.about.classes
        if self._dataset.task == "multiclass":
            order = np.argsort(classes)
            scores, targets = scores[:, order], np.argsort(order)[targets.astype(int)].astype(float)
            classes = tuple(classes[at] for at in order)
        return classes, pa.concat_tables(tables), scores, targets

    def _threshold(self, version: int) -> float:
        try:
            content = json.loads((self._registry.path(version) / DECISION_THRESHOLD).read_text(encoding="utf-8"))
            return float(content["threshold"])
        except (OSError, ValueError, KeyError, UsageError):  # no such file, or a registry in a bucket
            return 0.5

    # -- the cache ------------------------------------------------------------------------------------------------

    def _cached(self, version: int) -> Baseline | None:
        folder = self._folder / str(version)
        try:
            record: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            if record.pop("format") != FORMAT or record.pop("settings") != self._settings():
                return None
            arrays = np.load(folder / _ARRAYS, allow_pickle=False)
            return Baseline(
                **{**record, "classes": tuple(record["classes"])},
                training=pq.read_table(folder / _TRAINING),
                evaluation=pq.read_table(folder / _EVALUATION),
                evaluation_scores=arrays["scores"],
                evaluation_targets=arrays["targets"],
            )
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return None  # none yet, or of another version of this code

    def _cache(self, one: Baseline) -> None:
        folder = self._folder / str(one.version)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pq.write_table(one.training, folder / _TRAINING, compression="zstd")
        pq.write_table(one.evaluation, folder / _EVALUATION, compression="zstd")
        assert one.evaluation_scores is not None and one.evaluation_targets is not None  # nothing is left out
        np.savez_compressed(folder / _ARRAYS, scores=one.evaluation_scores, targets=one.evaluation_targets)
        names = (
            "version",
            "run_id",
            "task",
            "classes",
            "threshold",
            "metrics",
            "spans",
            "training_rows",
            "importances",
        )
        record = {name: getattr(one, name) for name in names}
        write_json(folder / _RECORD, {"format": FORMAT, "settings": self._settings(), **record})

    def _settings(self) -> list[Any]:
        return [self._rows, self._seed, dict(self._dataset.features), self._dataset.label, self._dataset.task]


def _column(batch: pa.RecordBatch, name: str, alias: str) -> pa.Array:
    if alias.startswith("list:"):
        index = batch.schema.get_field_index(name)
        return example_column(batch.column(index) if index >= 0 else pa.nulls(batch.num_rows), alias)
    return example_column(first_values(batch, name), alias)


def _whole(values: pa.Array, alias: str) -> pa.Array:
    if alias.startswith("list:") or pa.types.is_null(values.type):
        return example_column(values, alias)
    batch = pa.RecordBatch.from_arrays([values], ["x"])
    return example_column(first_values(batch, "x"), alias).cast(column_type(alias))


def _importances(path: Path) -> dict[str, float]:
    """Feature -> importance relative to the largest one; {} if the file cannot be read."""
    try:
        return relative_importance(read_json(path).get("importance") or ())
    except (OSError, ValueError, AttributeError):
        return {}


def _is_there(folder: Path | None, name: str) -> bool:
    return folder is not None and (folder / name).exists()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
