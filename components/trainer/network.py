"""Training of the neural network, for a fixed number of epochs or with early stopping."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from components.shared.errors import PlumblineError
from components.shared.progress import report_progress
from components.trainer.batches import BatchDataset
from components.trainer.network_layers import Shape, build_model
from components.trainer.network_losses import ensemble_loss, member_loss
from components.trainer.throughput_callback import ThroughputCallback
from components.trainer.training_columns import TrainingColumns

ROWS_PER_EXECUTION = 20_480
MAX_STEPS = 100
PREDICTED_ROWS = 8192
INPUT_BOUND = 0.8
"""Batches are gathered in a thread beside the computation. If it is busy for at least this share of the training time,
the input pipeline is the bottleneck."""


@dataclass(frozen=True)
class TrainedNetwork:
    """The network with the weights of its best epoch.

    Attributes:
      model: The network.
      epochs: Number of epochs trained.
      best_epoch: The epoch whose weights the model has, from 1.
      examples_per_second: Training throughput, without graph construction and validation.
      gathering: Share of the training time in which batches were gathered beside the computation, in [0, 1]; near 1
        the computation waits for batches.
    """

    model: keras.Model
    epochs: int
    best_epoch: int
    examples_per_second: float
    gathering: float

    @property
    def bound_by(self) -> str:
        """Names the bottleneck of training, input or computation, with its evidence."""
        what = "input" if self.gathering >= INPUT_BOUND else "computation"
        return f"{what} (batches were being gathered {self.gathering:.0%} of the time)"


def fit_network(
    rows: TrainingColumns,
    validation: TrainingColumns | None,
    shape: Shape,
    task: str,
    settings: Mapping[str, Any],
    weights: np.ndarray | None = None,
    logs: str = "",
    shift: np.ndarray | None = None,
) -> TrainedNetwork:
    """Trains a network.

    Args:
      rows: Training rows; labels of a regression are standardised.
      validation: Rows for early stopping; None trains for `settings["epochs"]` epochs.
      shape: Input and output sizes.
      task: binary, multiclass or regression.
      settings: Section `training` of pipeline.toml.
      weights: Sample weights, [N]; None for unweighted rows.
      logs: Folder for TensorBoard; "" for none.
      shift: Prior correction, added to predictions before the validation loss, see class_balancing.BalancedRows.

    Returns:
      The network of the best epoch.

    Raises:
      PlumblineError: The loss is not finite.
    """
    keras.utils.set_random_seed(settings["seed"])
    model = build_model(shape, settings)
    batch = min(settings["batch_size"], len(rows))
    steps = -(-len(rows) // batch)
    # Warm-up over half an epoch, then cosine decay to 0; at a constant rate the last steps add noise to the weights.
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * settings["epochs"], warmup_target=settings["learning_rate"], warmup_steps=-(-steps // 2)
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=settings["weight_decay"]),
        loss=member_loss(task),
        metrics=[keras.metrics.MeanMetricWrapper(ensemble_loss(task, shift), name="ensemble")] if validation else [],
        steps_per_execution=min(steps_per_execution(batch), steps),
        jit_compile=False,  # XLA on the CPU took tens of seconds per epoch, plain TensorFlow three
    )
    feed = BatchDataset(rows, batch, settings["seed"], weights)
    pace = ThroughputCallback(feed)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.TerminateOnNaN(),
        _Note(settings["epochs"], validation is not None),
        pace,
    ]
    if validation is not None:
        patience = settings["patience"]
        stop = keras.callbacks.EarlyStopping("val_ensemble", mode="min", patience=patience, restore_best_weights=True)
        callbacks.append(stop)
    if logs:
        callbacks.append(keras.callbacks.TensorBoard(logs, write_graph=False))
    history = model.fit(
        feed.dataset(),
        validation_data=BatchDataset(validation, PREDICTED_ROWS).dataset() if validation is not None else None,
        epochs=settings["epochs"],
        callbacks=callbacks,
        shuffle=False,  # Feed shuffles
        verbose=0,
    ).history
    report_progress("")
    losses = history["loss"] + (history.get("val_ensemble", [float("nan")]) if validation is not None else [])
    if not np.isfinite(losses).all():
        raise PlumblineError(
            f"training stopped in epoch {len(history['loss'])}: the loss is not a number; "
            f"lower [training] learning_rate ({settings['learning_rate']}) in pipeline.toml"
        )
    best = int(np.argmin(history["val_ensemble"])) + 1 if validation is not None else len(history["loss"])
    return TrainedNetwork(model, len(history["loss"]), best, pace.examples_per_second, pace.gathering)


def steps_per_execution(batch: int) -> int:
    """Returns the steps per call of the compiled loop; Keras' Python between calls costs more than a small step."""
    return min(max(ROWS_PER_EXECUTION // batch, 1), MAX_STEPS)


class _Note(keras.callbacks.Callback):
    """Reports the epoch and the last epoch's loss as progress."""

    def __init__(self, epochs: int, early_stopping: bool) -> None:
        super().__init__()
        self._epochs = epochs
        self._early_stopping = early_stopping
        self._last = ""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Reports the epoch that begins."""
        text = f"network, epoch {epoch + 1} of {self._epochs}{self._last}"
        report_progress(text, epoch, self._epochs, at_most=self._early_stopping)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keeps the loss of the epoch for the next report."""
        loss = (logs or {}).get("val_ensemble", (logs or {}).get("loss"))
        self._last = "" if loss is None else f", loss {loss:.4f}"
