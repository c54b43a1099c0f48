"""What a cell of text means: no value, a number, a truth, a date. The same for every format and every reader."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"})
"""Cells that mean "no value", in lower case, without surrounding blanks."""

SPELLINGS = frozenset(
    "".join(letters) for word in MISSING for letters in product(*({letter, letter.upper()} for letter in word))
)
"""The same in every mixture of capitals, for readers that compare faster than they change case."""

TRUTHS: Mapping[str, str] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), "true"),
    **dict.fromkeys(("false", "f", "no", "n", "0"), "false"),
}
"""What may stand in a column that is declared boolean, in lower case, and the text it becomes."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,\d+|\d{1,3}(\.\d{3})+(,\d+)?|\d{1,3}(,\d{3})+(\.\d+)?)", re.ASCII)
SAMPLE = 10_000
"""Cells that are looked at to tell free text from categories."""
_FEWEST = 20
_WORDS = 4
"""Free text has at least so many words a cell on average, and more than half of its cells are different."""


def number(cell: str) -> float:
    """The number a cell is (`1`, `-2.5e3`, `inf`). Raises ValueError for anything else."""
    if not cell.isascii() or "_" in cell:  # Python would take digits of any script, and 1_000
        raise ValueError(cell)
    return float(cell)


def has_comma(cell: str) -> bool:
    """Whether a cell is a number to people who write 3,5 or 1.234,50 or 1,234.50."""
    return _COMMA.fullmatch(cell) is not None


def integer(cell: str) -> float:
    """The whole number a cell is; `3.0` is one. Raises ValueError for anything else."""
    value = number(cell)
    if not value.is_integer():
        raise ValueError(cell)
    return value


def boolean(cell: str) -> str:
    """`true` or `false`. Raises ValueError for what `TRUTHS` does not have."""
    truth = TRUTHS.get(cell.lower())
    if truth is None:
        raise ValueError(cell)
    return truth


def date(cell: str) -> datetime.datetime:
    """A date or a date and time of ISO 8601 (`2024-05-31`, `2024-05-31T18:30:00+02:00`), in UTC where it has a zone.

    Raises ValueError for anything else; a time zone is left out of the result.
    """
    if not _DATE.fullmatch(cell):
        raise ValueError(cell)
    moment = datetime.datetime.fromisoformat(cell)
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def fits(cell: str, parse: Callable[[str], object]) -> bool:
    """Whether `parse` takes the cell."""
    try:
        parse(cell)
    except (ValueError, OverflowError):
        return False
    return True


def is_text(present: Sequence[str]) -> bool:
    """Whether these cells, those with a value, are free text rather than categories: twenty or more, four words a cell
    on average, and more than half of them different. The first 10,000 decide."""
    sample = present[:SAMPLE]
    if len(sample) < _FEWEST or 2 * len(set(sample)) <= len(sample):
        return False
    return sum(len(cell.split()) for cell in sample) >= _WORDS * len(sample)
