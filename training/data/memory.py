"""What a table takes in memory, and the sample that fits."""

from __future__ import annotations

from training.data import sampling
from training.data.parts import Say
from training.data.schema import ReadOptions
from training.data.table import Table
from training.errors import TrainingError

NUMBER = 8
"""Bytes of a number or a date."""
TEXT = 64
"""Bytes of a text's object and its place in the array; its characters come to that."""


def share(rows: int, row_bytes: float, ceiling: int, name: str) -> float:
    """The share of the rows that fits under the ceiling (bytes). Raises TrainingError when not even one does."""
    fitting = ceiling / max(row_bytes, 1.0)
    if fitting < 1:
        raise TrainingError(f"{name}: one row takes {row_bytes:.0f} bytes, and the ceiling of memory is {ceiling}")
    return min(1.0, fitting / max(rows, 1))


def say_sample(say: Say, rows: int, of: int, seed: int, ceiling: int) -> None:
    """Tell that only a part is used, and why."""
    say(
        f"{rows} of {of} rows are used: all would take more memory than the {ceiling / 2**20:.0f} MiB that are set; "
        f"chosen {sampling.RULE} {seed}"
    )


def within(table: Table, options: ReadOptions, say: Say) -> Table:
    """The table itself, or the sample of it that fits under the ceiling."""
    texts = [column for column in table.columns if column.kind in ("string", "text")]
    characters = sum(len(cell) for column in texts for cell in column.values) if texts else 0
    row_bytes = NUMBER * (len(table.columns) - len(texts)) + TEXT * len(texts) + characters / max(len(table), 1)
    part = share(len(table), row_bytes, options.memory, "the data")
    if part >= 1:
        return table
    rows = sampling.places(len(table), part, options.seed)
    say_sample(say, len(rows), len(table), options.seed, options.memory)
    sampled = table.take(rows)
    return Table(sampled.columns, sampled.row_numbers, sampling.describe(len(rows), len(table), options.seed))
