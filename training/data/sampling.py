"""The seeded sample that is taken of data which would take more memory than it may.

Row i of the data (from 0) is kept when `mix(i + seed * GOLDEN) < share * 2**64`, where `mix` is the finaliser of
SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Each row's fate depends on its
place and the seed alone, so that the sample is the same on every machine, in any number of parts, in one pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = 2**64

RULE = "each row independently, by SplitMix64 of its place and the seed"


def kept(places: npt.NDArray[np.uint64], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """True for the rows, given by their places in the data, that belong to a sample of this share (0 to 1)."""
    if share >= 1:
        return np.ones(len(places), dtype=np.bool_)
    with np.errstate(over="ignore"):
        mixed = places + np.uint64(seed * GOLDEN % _WORD)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
        mixed ^= mixed >> np.uint64(31)
    below: npt.NDArray[np.bool_] = mixed < np.uint64(int(share * _WORD))
    return below


def places(rows: int, share: float, seed: int, block: int = 1 << 22) -> npt.NDArray[np.int64]:
    """The places of the rows of the sample, of so many rows; takes memory for the sample only."""
    found = []
    for start in range(0, rows, block):
        part = np.arange(start, min(rows, start + block), dtype=np.uint64)
        found.append(part[kept(part, share, seed)].astype(np.int64))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def describe(rows: int, of: int, seed: int) -> dict[str, Any]:
    """What a table says of the sample that it is: kept rows, all rows, seed and rule."""
    return {"rows": rows, "of": of, "seed": seed, "rule": RULE}
