"""Whether the ONNX form of a Keras model answers as Keras does: both are asked the same made-up rows.

Nothing here imports Keras: the original is whatever answers a list of arrays with a list of arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.forms.onnx_form import PROBABILITY_LIMIT, Parity, regressor_parity

ROWS = 128
FEWEST, CELLS = 12, 2**20
"""Large rows (pictures) are fewer, so that a big network is compared in seconds; never fewer than FEWEST."""
SCALES = 3
"""Rows take turns in how large their numbers are, and are compared among those of their size."""
HALF = 100.0
"""By how much half precision, of three digits, widens the limit: neither form's last digit is the right one."""
FREE = 7
"""The size of an axis that may have any, in made-up rows."""

Array = npt.NDArray[Any]


class Original(Protocol):
    """A model to compare with: the shape and type of each input, how many whole numbers its tables know (0: it has
    none), and whether it computes in half precision."""

    inputs: list[tuple[tuple[int | None, ...], str]]
    vocabulary: int
    half: bool

    def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Its answers to one array an input."""


def measure(original: Original, data: bytes, names: Sequence[str], source: str) -> Parity:
    """The largest difference over all outputs; the record of the output that comes nearest to its limit.

    Raises TrainingError where either form fails on every kind of made-up rows, or they differ by more than the limit.
    """
    worst, reason = None, ""
    for rows in candidates(original):
        try:
            wanted = original.predict(rows)
            found = _run(data, dict(zip(names, rows, strict=True)))
        except Exception as error:  # noqa: BLE001 - told below, where no candidates work
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            continue  # a table asked for a word that it does not have, say: the next candidates are such words
        scales = [
            compare(one[place::SCALES], other[place::SCALES])
            for one, other in zip(found, wanted, strict=True)
            for place in range(SCALES)
            if len(other[place::SCALES])
        ]
        parity = max(scales, key=_share)
        parity = replace(parity, rows=len(rows[0]), limit=parity.limit * (HALF if original.half else 1))
        if parity.used:
            return parity
        worst = worst or parity
    if worst is None:
        raise TrainingError(f"{source}: fails on made-up rows ({reason})")
    raise TrainingError(
        f"{source}: its ONNX form answers otherwise than Keras (by up to {worst.max_difference:.3g} on {worst.rows} "
        f"made-up rows, where {worst.limit:.3g} is allowed); it is not packaged"
    )


def candidates(original: Original) -> list[list[Array]]:
    """Made-up rows, the same in every run: numbers of several sizes, and for a model with tables entries of them."""
    ways = [False, True] if original.vocabulary else [False]
    cells = sum(math.prod(length or FREE for length in shape[1:]) for shape, _ in original.inputs)
    rows = original.inputs[0][0][0] or max(FEWEST, min(ROWS, CELLS // cells))
    found = []
    for entries in ways:
        random = np.random.default_rng(0)
        found.append([_made(random, rows, *given, original.vocabulary, entries) for given in original.inputs])
    return found


def _made(random: Any, rows: int, shape: Sequence[int | None], dtype: str, vocabulary: int, entries: bool) -> Array:
    size = (rows, *(length or FREE for length in shape[1:]))
    if dtype == "string":
        return random.choice(np.array(["", "a", "some text"], dtype=object), size)  # type: ignore[no-any-return]
    if dtype == "bool":
        return random.random(size) < 0.5  # type: ignore[no-any-return]
    if dtype.startswith(("int", "uint")):
        top = vocabulary or (256 if dtype == "uint8" else 10)
        return random.integers(0, top, size).astype(dtype)  # type: ignore[no-any-return]
    if entries:
        return random.integers(0, vocabulary, size).astype(dtype)  # type: ignore[no-any-return]
    values = random.standard_normal(size)
    values[1::SCALES] *= 10.0
    values[2::SCALES] = random.uniform(0, 255, values[2::SCALES].shape)  # as pixels have them
    return values.astype(dtype)  # type: ignore[no-any-return]


def compare(found: Any, wanted: Any) -> Parity:
    """One output of both forms. Shares, and whatever else lies between 0 and 1, are compared as probabilities."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.dtype.kind not in "fiub" or wanted.dtype.kind not in "fiub":
        same = found.shape == wanted.shape and bool((found.astype(str) == wanted.astype(str)).all())
        return Parity(len(wanted), 0.0 if same else float("inf"), 0.0)
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    undefined = ~np.isfinite(wanted)  # the same in both is no difference: a logarithm of a negative number is one
    if found.shape == wanted.shape and np.array_equal(found[undefined], wanted[undefined], equal_nan=True):
        found, wanted = np.where(undefined, 0.0, found), np.where(undefined, 0.0, wanted)
    parity = regressor_parity([found], wanted) if found.shape == wanted.shape else None
    if parity is None:
        return Parity(len(wanted), float("inf"), PROBABILITY_LIMIT)
    shares = bool(wanted.size) and wanted.min() >= 0.0 and wanted.max() <= 1.0
    return Parity(parity.rows, parity.max_difference, PROBABILITY_LIMIT) if shares else parity


def _share(parity: Parity) -> float:
    return parity.max_difference / parity.limit if parity.limit else parity.max_difference


def _run(data: bytes, rows: dict[str, Array]) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, rows))
