"""Rows as CSV text: the input of `/invocations` and of batch files, the output where it is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from serving.cells import Column
from serving.errors import RequestError, RowError, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"})
"""Cells that mean "no value", in lower case, without surrounding blanks (as in training)."""


DELIMITERS = (",", ";", "\t", "|")
"""What may separate cells in files (as in training)."""


def parse(text: str, columns: Sequence[Column], header: bool | None = None) -> list[list[Any]]:
    """Cells in the signature's order, numbers converted, None for missing.

    `header` says whether the first line names the columns; None: it does when any of its cells is a column's
    name. Raises RowError for a cell that is no number, RequestError for a header that does not fit.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise RequestError(f"the body is not CSV: {error}") from None
    if not rows:
        raise RequestError("no rows; at least one is expected")
    names = [column.name for column in columns]
    first = [cell.strip() for cell in rows[0]]
    if header is None:
        header = not set(first).isdisjoint(names)
    order = [place if place < len(first) or not column.optional else -1 for place, column in enumerate(columns)]
    if header:
        order = header_order(first, columns)
        rows = rows[1:]
    return [convert(number, row, order, columns) for number, row in enumerate(rows)]


def delimiter_of(first: str, columns: Sequence[Column]) -> str:
    """What separates the cells of a file with this first line: the comma, unless the columns are only found with
    another one that training reads too."""
    wanted = {column.name for column in columns if not column.optional}
    for delimiter in DELIMITERS:
        try:
            header = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:  # a quoted name over several lines
            continue
        if wanted <= {cell.strip() for cell in header}:
            return delimiter
    return DELIMITERS[0]


def header_order(header: Sequence[str], columns: Sequence[Column], further: bool = False) -> list[int]:
    """Where each column of the signature is in the header; -1 for one that may be left out and is. `further` columns
    are passed over when allowed. Raises RequestError for a header that does not fit."""
    names = [column.name for column in columns]
    optional = {column.name for column in columns if column.optional}
    if not further:
        for name in header:
            if name not in names:
                raise RequestError(f"the header names '{name}', which is no column of the model{nearest(name, names)}")
    for name in names:
        count = list(header).count(name)
        if count == 0 and name not in optional:
            raise RequestError(f"column '{name}' is missing from the header{nearest(name, header)}")
        if count > 1:
            raise RequestError(f"column '{name}' is named {count} times in the header")
    return [list(header).index(name) if name in header else -1 for name in names]


def convert(number: int, row: Sequence[str], order: Sequence[int], columns: Sequence[Column]) -> list[Any]:
    """One line's cells in the signature's order. Raises RowError."""
    if len(row) <= max(order) or (len(order) == len(columns) == 0):
        raise RowError(number, f"{len(row)} fields, but {max(order) + 1} are expected")
    return [
        None if place < 0 else _cell(number, row[place].strip(), column)
        for place, column in zip(order, columns, strict=True)
    ]


def _cell(number: int, cell: str, column: Column) -> Any:
    if cell.lower() in MISSING:
        return None
    if column.type != "number" or column.unused:
        return cell
    try:
        return float(cell)
    except ValueError:
        raise RowError(number, f"column '{column.name}': '{cell[:40]}' is not a number") from None


def write(values: Sequence[Any], header: Sequence[str] = ()) -> bytes:
    """One line a value (a list of values is one line of several cells)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(header)
    for value in values:
        writer.writerow(value if isinstance(value, list | tuple) else [value])
    return out.getvalue().encode()
