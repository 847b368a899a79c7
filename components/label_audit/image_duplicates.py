"""Exact and near duplicates among the images of a column, within train and across train and eval."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.shared.examples.example_reading import example_batches, first_values
from components.shared.images.decoding import STATISTICS_SIDE, decoded, open_image
from components.shared.images.perceptual_hash import near_groups, perceptual_hash

MAX_GROUPS = 20
"""Maximum number of groups that are listed, the largest."""


@dataclass(frozen=True)
class ImageDuplicates:
    """Duplicates of an image column.

    Attributes:
      exact: Train rows whose image is byte for byte that of an earlier row.
      near: Train rows whose image is a near duplicate of an earlier row's, exact ones included.
      conflicting: Train rows in groups of near duplicates with different labels.
      across: Eval rows with a near duplicate in train: data leakage.
      groups: Train rows of the largest groups.
    """

    exact: int
    near: int
    conflicting: int
    across: int
    groups: tuple[tuple[int, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON."""
        return asdict(self)

    def notes(self, column: str) -> list[str]:
        """Returns sentences for the notes of the audit; none without duplicates."""
        found = []
        if self.near:
            conflict = f", {self.conflicting:,} of them in groups with different labels" if self.conflicting else ""
            found.append(f"{column}: {self.near:,} train images are near duplicates of an earlier one{conflict}")
        if self.across:
            found.append(f"{column}: {self.across:,} eval images are near duplicates of train images (data leakage)")
        return found


def find_image_duplicates(train_uri: str, eval_uri: str, column: str, labels: Sequence[object]) -> ImageDuplicates:
    """Finds the duplicates of an image column by SHA-256 and by perceptual hash.

    An image without a perceptual hash is compared by its bytes.

    Args:
      train_uri: Folder of the examples of the split train.
      eval_uri: Folder of the examples of the split eval.
      column: The image column.
      labels: Labels of the train rows, [N]; None where missing.
    """
    train, later = list(_fingerprints(train_uri, column)), list(_fingerprints(eval_uri, column))
    every = [*train, *later]
    there = np.array([row for row, one in enumerate(every) if one is not None], np.int64)
    groups = _groups([one for one in every if one is not None])
    in_train = there < len(train)
    members: dict[int, list[int]] = {}
    for row, group in zip(there[in_train].tolist(), groups[in_train].tolist(), strict=True):
        members.setdefault(group, []).append(row)
    repeated = [rows for rows in members.values() if len(rows) > 1]
    known = [one[0] for one in train if one is not None]
    return ImageDuplicates(
        exact=len(known) - len(set(known)),
        near=sum(len(rows) - 1 for rows in repeated),
        conflicting=sum(len(rows) for rows in repeated if len({labels[row] for row in rows} - {None}) > 1),
        across=int(np.isin(groups[~in_train], list(members)).sum()),
        groups=tuple(tuple(rows) for rows in sorted(repeated, key=len, reverse=True)[:MAX_GROUPS]),
    )


def _fingerprints(uri: str, column: str) -> Iterator[tuple[bytes, int | None] | None]:
    """SHA-256 and perceptual hash of each row's image; None without an image."""
    for batch in example_batches(uri, [column]):
        for content in first_values(batch, column).to_pylist():
            if content:
                image = decoded(open_image(content, max_pixels=1 << 40), STATISTICS_SIDE)
                yield hashlib.sha256(content).digest(), perceptual_hash(image)
            else:
                yield None


def _groups(found: Sequence[tuple[bytes, int | None]]) -> np.ndarray:
    """Number of the group of each image, int64 [N]."""
    groups = np.zeros(len(found), np.int64)
    hashed = np.array([one[1] is not None for one in found], bool)
    groups[hashed] = near_groups(np.array([one[1] for one in found if one[1] is not None], np.uint64))
    flat = [one[0] for one in found if one[1] is None]
    number = {digest: at for at, digest in enumerate(dict.fromkeys(flat))}
    groups[~hashed] = -1 - np.array([number[digest] for digest in flat], np.int64)
    return groups
