"""The matrix that a pipeline takes, and where each column of the table is in it.

Numbers and dates come first, then the pixels of images, then categories and texts; see mooring_transforms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column, Table
from training.forms.onnx_form import Input
from training.forms.sklearn_forms import Layout

GROUPS = (("number", "date"), ("image",), ("string", "text"))
"""Kinds in the order of their places."""


@dataclass(frozen=True)
class Places:
    """The places in the matrix of one column."""

    column: Column
    start: int
    stop: int


def ordered(columns: Sequence[Column]) -> list[Column]:
    """The columns in the order of the matrix."""
    return [column for kinds in GROUPS for column in columns if column.kind in kinds]


def places(columns: Sequence[Column]) -> list[Places]:
    """Where each column is, in the order of the matrix."""
    found: list[Places] = []
    at = 0
    for column in ordered(columns):
        width = math.prod(column.values.shape[1:]) if column.kind == "image" else 1
        found.append(Places(column, at, at + width))
        at += width
    return found


def matrix(table: Table) -> npt.NDArray[Any]:
    """The rows as a pipeline takes them: float64; float32 where all is pictures; objects where there are texts."""
    from mooring_transforms.pictures import pixels_of

    columns = ordered(table.columns)
    blocks = [pixels_of(column.values) if column.kind == "image" else _single(column) for column in columns]
    if not any(column.kind in ("string", "text") for column in columns):
        return blocks[0] if len(blocks) == 1 else np.column_stack(blocks)
    mixed = np.empty((len(table), sum(block.shape[1] for block in blocks)), dtype=object)
    at = 0
    for block in blocks:
        mixed[:, at : at + block.shape[1]] = block
        at += block.shape[1]
    return mixed


def _single(column: Column) -> npt.NDArray[Any]:
    if column.kind != "date":
        return column.values[:, None]
    from mooring_transforms.moments import seconds

    return seconds(column.values)[:, None]


def names(columns: Sequence[Column]) -> list[str]:
    """The column that each place of the matrix is of."""
    return [place.column.name for place in places(columns) for _ in range(place.start, place.stop)]


def layout(columns: Sequence[Column]) -> Layout:
    """Names in the matrix's order, and the inputs of an ONNX form: one of all numbers, one of all texts, and one
    an image. With free text there is no ONNX form."""
    where = places(columns)
    order = tuple(place.column.name for place in where)
    if any(place.column.kind == "text" for place in where):
        return Layout(order, (), reason="ONNX splits free text into words differently")
    inputs = []
    if numbers := [place for place in where if place.column.kind in ("number", "date")]:
        inputs.append(_input("numbers", "number", numbers))
    for number, image in enumerate(place for place in where if place.column.kind == "image"):
        inputs.append(_input("pixels" if not number else f"pixels_{number}", "number", [image]))
    if texts := [place for place in where if place.column.kind == "string"]:
        inputs.append(_input("texts", "string", texts))
    return Layout(order, tuple(inputs))


def _input(name: str, kind: Any, group: Sequence[Places]) -> Input:
    at = tuple(range(group[0].start, group[-1].stop))
    return Input(name, kind, at, tuple(place.column.name for place in group))
