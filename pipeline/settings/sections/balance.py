"""The tables [balance], [augmentation] and [[data.extra]]: data steps, which change the training rows only.

Like corrections, they are part of a run's data fingerprint and not of its code fingerprint.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Task

Value = str | int | float | bool


def _listed(value: Any) -> Any:
    """Converts a single value to a list."""
    return tuple(value) if isinstance(value, list) else value if isinstance(value, tuple) else (value,)


class ExtraSection(ConfigSection):
    """Adds training rows of a weak slice from spans older than the window."""

    where: Annotated[
        dict[str, Annotated[tuple[Value, ...], BeforeValidator(_listed), Field(min_length=1)]], Field(min_length=1)
    ]
    """Column -> value, or alternative values, of the added rows; the conditions on several columns all apply."""
    spans: Annotated[int, Field(ge=1)] = 1
    """Number of spans before the window from which rows are added."""


class BalanceSection(ConfigSection):
    """Class balancing of the training rows; "none" keeps the class distribution."""

    method: Literal["none", "weights", "over", "under", "smote"] = "none"
    """`weights`: class weights. `over`: rows of rare classes are repeated. `under`: rows of frequent classes are
    dropped. `smote`: rare classes get synthetic rows (SMOTE-NC; needs imbalanced-learn)."""
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Minimum weighted size of the rarest class afterwards, relative to the most frequent class; 1 is balanced."""
    weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Class -> class weight, instead of the weights computed from `ratio`; other classes have weight 1. The classes of
    a binary label are "0" and "1" (positive)."""
    correct_prior: bool = True
    """Correct the predicted probabilities for the original class distribution of the training rows."""
    neighbours: Annotated[int, Field(ge=1)] = 5
    """Number of nearest neighbours that `smote` interpolates between."""

    @model_validator(mode="after")
    def _weights_are_used(self) -> "BalanceSection":
        if self.weights and self.method != "weights":
            raise ValueError(f'weights: of no effect with method = "{self.method}"; set method to "weights"')
        return self


class AugmentationSection(ConfigSection):
    """Augmentation of the training rows.

    Images are changed at random each time the network sees them; the columns that the other candidates use are those of
    the unchanged image.
    """

    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Maximum random change of numeric values, relative to half the distance to the nearest other value of the column;
    0 disables it."""
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    """Mirror half of the images: left to right, top to bottom, or both independently."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Maximum random shift of images, as a share of their width and height; the border is mirrored."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Maximum random rotation of images in both directions, in degrees; the border is mirrored."""
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Maximum random change of the brightness of images, as a share of the range from black to white."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Maximum random change of the contrast of images, as a share of it."""
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Standard deviation of Gaussian noise on the pixels of images, as a share of the range from black to white."""

    @property
    def of_images(self) -> list[str]:
        """Names of the settings of images that are not at their default."""
        default = AugmentationSection.model_construct()
        return [name for name in IMAGE_STEPS if getattr(self, name) != getattr(default, name)]


IMAGE_STEPS = ("flip", "shift", "rotation", "brightness", "contrast", "noise")
"""Settings of [augmentation] that apply to images."""


def check_steps(
    balance: BalanceSection,
    augmentation: AugmentationSection,
    extra: tuple[ExtraSection, ...],
    task: Task,
    numeric: int,
    cyclical: int,
    has_spans: bool,
    images: int = 0,
) -> None:
    """Checks the data steps against task and data.

    Args:
      balance: The table [balance].
      augmentation: The table [augmentation].
      extra: The tables [[data.extra]].
      task: Task of the dataset.
      numeric: Number of numeric features.
      cyclical: Number of cyclical features.
      has_spans: Whether the data have spans.
      images: Number of image features.

    Raises:
      ValueError: A step does not apply to the task or to the data.
    """
    if balance.method != "none" and task == "regression":
        raise ValueError("[balance] method: a regression has no classes to balance; take it out")
    if task == "binary" and (unknown := sorted(balance.weights.keys() - {"0", "1"})):
        raise ValueError(
            f'[balance] weights: {unknown[0]} is no class of a binary label; legal: "0", "1" (the positive)'
        )
    if balance.method == "smote" and not numeric + cyclical:
        raise ValueError('[balance] method: "smote" needs a numeric or cyclical feature to lie between; take "over"')
    if balance.method == "smote" and images:
        raise ValueError('[balance] method: "smote" cannot interpolate between images; take "over" or "weights"')
    if augmentation.of_images and not images:
        raise ValueError(f"[augmentation] {augmentation.of_images[0]}: there is no image feature; take it out")
    if augmentation.jitter and not numeric:
        raise ValueError("[augmentation] jitter: there is no numeric feature; take it out")
    if extra and not has_spans:
        raise ValueError("[[data.extra]]: one file has no older spans to take rows from; give [data] pattern a {span}")


def steps_json(balance: BalanceSection, augmentation: AugmentationSection) -> str:
    """Returns the data steps as one line of JSON for fingerprint and lineage; "" if there are none."""
    done: dict[str, Any] = {}
    if balance.method != "none":
        unused = set() if balance.method == "smote" else {"neighbours"}
        done["balance"] = balance.model_dump(mode="json", exclude=unused | ({"ratio"} if balance.weights else set()))
    if augmentation.jitter or augmentation.of_images:
        unused = set(IMAGE_STEPS) - set(augmentation.of_images)
        done["augmentation"] = augmentation.model_dump(mode="json", exclude=unused)
    return json.dumps(done, sort_keys=True) if done else ""
