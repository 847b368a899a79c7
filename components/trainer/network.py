"""Training of the network: so many epochs, or until the validation loss no longer falls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from components.shared.errors import PlumblineError
from components.shared.progress import note
from components.trainer.batches import Feed
from components.trainer.network_layers import Shape, build_model
from components.trainer.network_losses import ensemble_loss, member_loss
from components.trainer.throughput_callback import Pace
from components.trainer.training_columns import Columns

ROWS_PER_EXECUTION = 20_480
MOST_STEPS = 100
PREDICTED_ROWS = 8192
INPUT_BOUND = 0.8
"""Batches are made in a thread beside the computation. One that is busy this much of the time holds the other up."""


@dataclass(frozen=True)
class Trained:
    """The network with the weights of its best epoch.

    Attributes:
      model: The network.
      epochs: That it was trained for.
      best_epoch: The one whose weights it has, from 1.
      examples_per_second: Learned from, once the graph stands, validation not counted.
      gathering: Share of that time in which batches were being made, beside the computation; 1 = it waits for them.
    """

    model: keras.Model
    epochs: int
    best_epoch: int
    examples_per_second: float
    gathering: float

    @property
    def bound_by(self) -> str:
        """What training waits for, and how that is known, in a phrase."""
        what = "input" if self.gathering >= INPUT_BOUND else "computation"
        return f"{what} (batches were being made {self.gathering:.0%} of the time)"


def fit_network(
    rows: Columns,
    validation: Columns | None,
    shape: Shape,
    task: str,
    settings: Mapping[str, Any],
    weights: np.ndarray | None = None,
    logs: str = "",
    shift: np.ndarray | None = None,
) -> Trained:
    """Trains a network.

    Args:
      rows: What to learn from; a regression's labels in units of their spread.
      validation: What to stop by; None trains for all of `settings["epochs"]`.
      shape: Of inputs and outputs.
      task: binary, multiclass or regression.
      settings: pipeline.toml's table `training`.
      weights: Of the rows, [N]; None is all alike.
      logs: Folder for TensorBoard; "" is none.
      shift: Added to the answers before they are judged, see balancing.Learned.

    Raises:
      PlumblineError: When the loss is no longer a number.
    """
    keras.utils.set_random_seed(settings["seed"])
    model = build_model(shape, settings)
    batch = min(settings["batch_size"], len(rows))
    steps = -(-len(rows) // batch)
    # Half an epoch up, then down to 0 along a cosine: with the rate held, the last steps decide by chance.
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * settings["epochs"], warmup_target=settings["learning_rate"], warmup_steps=-(-steps // 2)
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=settings["weight_decay"]),
        loss=member_loss(task),
        metrics=[keras.metrics.MeanMetricWrapper(ensemble_loss(task, shift), name="ensemble")] if validation else [],
        steps_per_execution=min(steps_per_execution(batch), steps),
        jit_compile=False,  # XLA on the CPU took tens of seconds per epoch where plain TensorFlow takes three
    )
    feed = Feed(rows, batch, settings["seed"], weights)
    pace = Pace(feed)
    callbacks: list[keras.callbacks.Callback] = [keras.callbacks.TerminateOnNaN(), _Note(settings["epochs"]), pace]
    if validation is not None:
        patience = settings["patience"]
        stop = keras.callbacks.EarlyStopping("val_ensemble", mode="min", patience=patience, restore_best_weights=True)
        callbacks.append(stop)
    if logs:
        callbacks.append(keras.callbacks.TensorBoard(logs, write_graph=False))
    history = model.fit(
        feed.dataset(),
        validation_data=Feed(validation, PREDICTED_ROWS).dataset() if validation is not None else None,
        epochs=settings["epochs"],
        callbacks=callbacks,
        shuffle=False,  # the batches come shuffled
        verbose=0,
    ).history
    note("")
    losses = history["loss"] + (history.get("val_ensemble", [float("nan")]) if validation is not None else [])
    if not np.isfinite(losses).all():
        raise PlumblineError(
            f"training stopped in epoch {len(history['loss'])}: the loss is not a number; "
            f"lower [training] learning_rate ({settings['learning_rate']}) in pipeline.toml"
        )
    best = int(np.argmin(history["val_ensemble"])) + 1 if validation is not None else len(history["loss"])
    return Trained(model, len(history["loss"]), best, pace.examples_per_second, pace.gathering)


def steps_per_execution(batch: int) -> int:
    """Steps in one call of the compiled loop; between calls is Keras' Python, which costs more than a small step."""
    return min(max(ROWS_PER_EXECUTION // batch, 1), MOST_STEPS)


class _Note(keras.callbacks.Callback):
    """Tells which epoch it is, and the last one's loss."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._last = ""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Before an epoch."""
        note(f"network, epoch {epoch + 1} of {self._epochs}{self._last}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """After it."""
        loss = (logs or {}).get("val_ensemble", (logs or {}).get("loss"))
        self._last = "" if loss is None else f", loss {loss:.4f}"
