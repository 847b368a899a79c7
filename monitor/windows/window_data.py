"""Rows of one window as columns: features, predictions and labels, each as a check needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.serving.serving_contract import CLASSES, OUTPUTS
from monitor.window import Window
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.traffic import Traffic
from serving.request_log.label_texts import label_text, label_texts
from serving.request_log.reading import TARGET
from serving.request_log.records import OUTPUT


@dataclass(frozen=True)
class WindowData:
    """One window.

    Attributes:
      window: The window, with exact counts.
      dataset: What is known about the dataset.
      table: A seeded random sample of the answered rows (no shadow), at most `sample_rows` of the settings; all of them
        if there are not more. Columns: request_id, row, time (event time), version, label, status, latency, one column
        for each feature under its name with the type of `feature_types`, output_<name> as logged, target (as logged,
        null without a label), target_time (when the label became known).
      traffic: Version -> requests, errors and latencies of all its requests, not only of the sample.
      late: Rows that came after the window had been measured.
      raw: The rows of `table` in random order with all columns as they are logged: feature_<column>, output_<name>.
    """

    window: Window
    dataset: MonitoredDataset
    table: pa.Table
    traffic: Mapping[int, Traffic] = field(default_factory=dict)
    late: int = 0
    raw: pa.Table = field(default_factory=lambda: pa.table({}))

    def rows(self, version: int | None = None) -> pa.Table:
        """Returns the rows of a version, or all; the order is that of `features`, `scores` and `targets`."""
        if version is None:
            return self.table
        return self.table.filter(pc.equal(self.table["version"], version))

    def features(self, version: int | None = None) -> pa.Table:
        """Returns the features of the N rows of a version, or of all; those that the log does not hold are missing."""
        table = self.rows(version)
        return table.select([name for name in self.dataset.features if name in table.column_names])

    def scores(self, version: int | None = None) -> np.ndarray:
        """Returns the predictions of the N rows of a version, or of all.

        Returns:
          float64 (N,), the probability of the positive class or the predicted value; or (N, K), the probabilities of
          the classes in the order of `classes(version)`. NaN where the log has none.
        """
        table, name = self.rows(version), f"{OUTPUT}{OUTPUTS[self.dataset.task]}"
        if self.dataset.task != "multiclass":
            if name not in table.column_names:
                return np.full(len(table), np.nan)
            return _floats(table[name])
        classes = self.classes(version)
        scores = np.full((len(table), len(classes)), np.nan)
        place = {label: at for at, label in enumerate(classes)}
        if name in table.column_names and classes:
            orders = self._class_names(table)
            for at, (values, names) in enumerate(zip(table[name].to_pylist(), orders, strict=True)):
                if values is not None and names is not None:
                    scores[at, [place[label] for label in names]] = values
        return scores

    def classes(self, version: int | None = None) -> tuple[str, ...]:
        """Returns the classes that a version predicts, or all versions, sorted by name; () if not multiclass."""
        if self.dataset.task != "multiclass":
            return ()
        return tuple(sorted({label for names in self._class_names(self.rows(version)) for label in names or ()}))

    def targets(self, version: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns the labels of the N rows of a version, or of all, and which rows have one.

        Returns:
          Values, float64 (N,): 1 for the positive class and 0 for others; the index in `classes(version)`; or the
          number. NaN without a label. Mask, bool (N,): whether a row has a label; a class that is not in
          `classes(version)`, or a text that is no number, counts as none.
        """
        table = self.rows(version)
        texts = label_texts(table[TARGET]) if TARGET in table.column_names else [None] * len(table)
        values = encoded_targets(texts, self.dataset.task, self.dataset.positive, self.classes(version))
        return values, ~np.isnan(values)

    def _class_names(self, table: pa.Table) -> Sequence[Sequence[str] | None]:
        name = f"{OUTPUT}{CLASSES}"
        if name not in table.column_names:
            return [None] * len(table)
        return [None if one is None else [label_text(label) for label in one] for one in table[name].to_pylist()]


def encoded_targets(
    texts: Sequence[str | None], task: str, positive: str = "", classes: Sequence[str] = ()
) -> np.ndarray:
    """Encodes labels as numbers, see `WindowData.targets`; float64 (N,), NaN for none."""
    if task == "multiclass":
        codes = {name: float(code) for code, name in enumerate(classes)}
        return np.array([np.nan if text is None else codes.get(text, np.nan) for text in texts], np.float64)
    if task == "binary" and positive:
        return np.array([np.nan if text is None else float(text == positive) for text in texts], np.float64)
    return np.array([_number(text) for text in texts], np.float64)


def _number(text: str | None) -> float:
    try:
        return np.nan if text is None else float(text)
    except ValueError:
        return np.nan


def _floats(values: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = np.asarray(values.cast(pa.float64(), safe=False).to_numpy())
    return found.astype(np.float64)
