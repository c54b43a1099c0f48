"""Cells of text become a typed column: by what the schema declares, else by what most of them are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data import cells
from training.data.schema import KINDS, PARSERS, ReadOptions, Type, misfit, shown
from training.data.table import Column, Table
from training.errors import TrainingError

NUMERIC_SHARE = 0.9
"""A column with at least this share of numbers is meant to be numeric: the rest of it is an error, not a category."""

Place = Callable[[int], str]
"""From a row's number to its file and line, as an error names them."""


def typed(file: str, name: str, values: Sequence[str], options: ReadOptions, place: Place) -> tuple[Type, Column]:
    """Type and column of these cells ("" where there is no value).

    Raises TrainingError for a cell that does not fit, an infinite number, or a column without any value.
    """
    present = [cell for cell in values if cell]
    if not present:
        raise no_value(file, name)
    if declared := options.declared(name):
        return _declared(name, values, declared, place)
    return _told(name, values, present, options.refine, place)


def no_value(file: str, name: str) -> TrainingError:
    """The error for a column that is missing in every row."""
    return TrainingError(
        f"{file}: column '{name}' has no value in any row; remove it, or leave it out with --drop {name}"
    )


def mostly_numbers(place: str, name: str, cell: str, numbers: int, present: int) -> TrainingError:
    """The error for text in a column of numbers."""
    return TrainingError(
        f"{place}, column '{name}': '{shown(cell)}' is not a number, but {numbers} of {present} values are; "
        f"correct it, or treat the column as text with --categorical {name}"
    )


def check_commas(name: str, first: Sequence[str], place: Callable[[str], str]) -> None:
    """Raises TrainingError for a column of numbers that are written with commas: as categories they would tell little.
    `first` are its first cells with a value, and `place` finds one of them."""
    odd = [cell for cell in first if cells.has_comma(cell)]
    plain = sum(cells.fits(cell, cells.number) for cell in first) if odd else 0
    if odd and is_mostly_numbers(len(odd) + plain, len(first)):
        raise TrainingError(
            f"{place(odd[0])}, column '{name}': '{shown(odd[0])}' is a number with a comma; write it as 1234.5 is, "
            f"or treat the column as text with --categorical {name}"
        )


def is_mostly_numbers(numbers: int, present: int) -> bool:
    """Whether so many numbers mean that the column is numeric."""
    return present - numbers <= (1 - NUMERIC_SHARE) * present


def told_type(present: Sequence[str]) -> Type:
    """What cells that are no numbers are: dates where all are, free text, or categories."""
    if all(cells.fits(cell, cells.date) for cell in present):
        return "date"
    return "text" if cells.is_text(present) else "string"


def _told(name: str, values: Sequence[str], present: Sequence[str], refine: bool, place: Place) -> tuple[Type, Column]:
    failed = sum(not cells.fits(cell, cells.number) for cell in present)
    if not is_mostly_numbers(len(present) - failed, len(present)):
        check_commas(name, present[: cells.SAMPLE], lambda cell: place(list(values).index(cell)))
        return _column(name, values, told_type(present) if refine else "string", place)
    if failed:
        row = next(row for row, cell in enumerate(values) if cell and not cells.fits(cell, cells.number))
        raise mostly_numbers(place(row), name, values[row], len(present) - failed, len(present))
    return _column(name, values, "number", place)


def _declared(name: str, values: Sequence[str], declared: Type, place: Place) -> tuple[Type, Column]:
    if parse := PARSERS.get(declared):
        for row, cell in enumerate(values):
            if cell and not cells.fits(cell, parse):
                raise misfit(place(row), name, cell, declared)
    return _column(name, values, declared, place)


def _column(name: str, values: Sequence[str], type: Type, place: Place) -> tuple[Type, Column]:
    """Type and column of cells that all fit the type."""
    array: npt.NDArray[Any]
    if type == "date":
        array = np.array([cells.date(cell) if cell else "NaT" for cell in values], dtype="datetime64[us]")
    elif KINDS[type] == "number":
        array = np.array([float(cell) if cell else math.nan for cell in values], dtype=np.float64)
        if (infinite := np.flatnonzero(np.isinf(array))).size:
            raise infinite_number(place(int(infinite[0])), name)
    elif type == "boolean":
        array = np.array([cells.boolean(cell) if cell else "" for cell in values], dtype=object)
    else:
        array = np.array(values, dtype=object)
    return type, Column(name, KINDS[type], array)


def infinite_number(place: str, name: str) -> TrainingError:
    """The error for a number that is not finite."""
    return TrainingError(f"{place}, column '{name}': an infinite number")


@dataclass(frozen=True)
class Texts:
    """A small table of which only the texts have been read. `cells` gives those of a column, and `typed` makes one
    of them a typed column, or raises TrainingError."""

    names: list[str]
    rows: int
    cells: Callable[[str], Sequence[str]]
    typed: Callable[[str], tuple[Type, Column]]

    def table(self) -> Table:
        """All columns as a table."""
        found = tuple(self.typed(name)[1] for name in self.names)
        return Table(found, np.arange(self.rows, dtype=np.int64))
