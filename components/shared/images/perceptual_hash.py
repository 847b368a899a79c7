"""Perceptual hashes of images, and groups of images whose hashes nearly agree.

The hash is pHash (Zauner: Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): whether each of
the 64 lowest frequencies of the discrete cosine transform of the luma at 32 x 32 pixels is above their median. Copies
that were scaled, compressed or slightly relit differ in few bits; two unrelated images differ in 32 on average.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from components.shared.images.decoding import luma

if TYPE_CHECKING:
    from PIL.Image import Image

NEAR = 4
"""Maximum number of differing bits of near duplicates. Of images whose bits agree by chance, about one pair in 27
trillion is as near; distances are even, since half of the bits are set."""
FLAT = 0.5
"""Standard deviation of the luma, in grey levels, up to which an image has no hash, which would be one of noise."""
MIN_SIDE = 16
"""Width and height from which an image has a hash; of 1,797 digits of 8 x 8 pixels 132 would be in groups of copies."""
SIDE = 32
_BLOCKS = 8


def perceptual_hash(image: "Image") -> int | None:
    """Computes the hash of a decoded image, 64 bits; None for an image of one grey level, or of few pixels."""
    import PIL.Image
    from scipy.fft import dctn

    grey = PIL.Image.fromarray(luma(image)).resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)
    pixels = np.asarray(grey, np.float64)
    if pixels.std() <= FLAT or min(image.size) < MIN_SIDE:
        return None
    low = dctn(pixels, norm="ortho")[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">u8")[0])


def near_groups(hashes: np.ndarray, most: int = NEAR) -> np.ndarray:
    """Groups hashes that differ in at most `most` bits; a chain of such hashes is one group.

    Two hashes that differ in at most 7 bits agree in one of their 8 bytes, so only hashes with an equal byte at one
    place are compared.

    Args:
      hashes: Uint64 [N].
      most: Maximum number of differing bits, 0 to 7.

    Returns:
      Number of the group of each hash, int64 [N], 0, 1, ... by the first member.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, codes = np.unique(np.asarray(hashes, np.uint64), return_inverse=True)
    left, right = [], []
    for block in range(_BLOCKS if most else 0):
        byte = (distinct >> np.uint64(8 * block)) & np.uint64(0xFF)
        order = np.argsort(byte, kind="stable")
        starts = np.searchsorted(byte[order], np.arange(257, dtype=np.uint64))
        for begin, end in pairwise(starts.tolist()):
            members = order[begin:end]
            for at in range(len(members) - 1):
                apart = np.bitwise_count(distinct[members[at]] ^ distinct[members[at + 1 :]])
                near = members[at + 1 :][apart <= most]
                left.append(np.full(len(near), members[at]))
                right.append(near)
    count = len(distinct)
    one, other = (np.concatenate([*side, np.zeros(0, np.int64)]) for side in (left, right))
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count, count))
    component = connected_components(graph, directed=False)[1][codes]
    _, first, numbers = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    found: np.ndarray = rank[numbers]
    return found
