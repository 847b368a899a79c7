"""Perceptual hashes: what changes them and what does not, and groups against comparing all pairs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from components.shared.images.perceptual_hash import NEAR, near_groups, perceptual_hash

DRAW = np.random.default_rng(6)


def scene(seed: int, size: int = 128) -> Image.Image:
    """Smooth random patches, as photographs have."""
    draw = np.random.default_rng(seed)
    rough = Image.fromarray(draw.integers(0, 256, (9, 9), dtype=np.uint8))
    return rough.resize((size, size), Image.Resampling.BICUBIC)


def apart(one: Image.Image, other: Image.Image) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def compressed(image: Image.Image, quality: int) -> Image.Image:
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=quality)
    return Image.open(io.BytesIO(sink.getvalue()))


CHANGES = {
    "smaller": lambda image: image.resize((64, 64), Image.Resampling.BILINEAR),
    "compressed": lambda image: compressed(image, 30),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "brighter": lambda image: image.point(lambda level: min(level * 0.8 + 30, 255)),
    "colour": lambda image: image.convert("RGB"),
    "noisy": lambda image: Image.fromarray(
        (np.asarray(image, float) + DRAW.normal(0, 6, (128, 128))).clip(0, 255).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_stay_near(change: str) -> None:
    assert max(apart(scene(seed), CHANGES[change](scene(seed))) for seed in range(20)) <= NEAR


def test_other_images_are_far() -> None:
    distances = [apart(scene(one), scene(other)) for one in range(20) for other in range(20, 40)]
    assert 28 < np.mean(distances) < 36
    assert min(distances) > 2 * NEAR


def test_flat_and_tiny_images_have_no_hash() -> None:
    assert perceptual_hash(Image.new("L", (50, 40), 128)) is None
    assert perceptual_hash(Image.new("RGB", (1, 1))) is None
    assert perceptual_hash(scene(1)) is not None
    assert perceptual_hash(scene(1).resize((15, 90))) is None  # of few pixels


def test_groups_equal_those_of_all_pairs() -> None:
    base = DRAW.integers(0, 1 << 63, 120, dtype=np.uint64)
    flips = [np.uint64(sum(1 << int(bit) for bit in DRAW.choice(64, DRAW.integers(1, 9), replace=False))) for _ in base]
    hashes = np.concatenate([base, base ^ np.array(flips, np.uint64), base[:10]])
    for most in (0, 3, 7):
        found = near_groups(hashes, most)
        near = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= most
        reach = near.copy()
        while True:  # chains
            further = (reach.astype(int) @ near.astype(int)) > 0
            if (further == reach).all():
                break
            reach = further
        assert np.array_equal(found[:, None] == found[None, :], reach)
        first = [int(np.flatnonzero(found == group)[0]) for group in range(found.max() + 1)]
        assert first == sorted(first)
    assert near_groups(np.zeros(0, np.uint64)).tolist() == []
    assert near_groups(np.array([5, 5, 5], np.uint64)).tolist() == [0, 0, 0]
