"""Whether a CSV file is as regular as a fast reader takes it for: counted over its bytes, a block at a time.

polars fills rows that are too short with missing values and takes an empty line for a row. A file where that could
happen is read row by row instead (`csv_text`), which names the fault, if there is one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

BLOCK = 16 << 20
_LINE, _RETURN, _QUOTE = 10, 13, 34


def is_regular(file: Path, delimiter: str, width: int) -> bool:
    """Whether every line that is outside of quotes has `width` cells, and no byte in the file is out of the ordinary:
    no zero byte, no line end of an old Mac, no blank line."""
    if not delimiter.isascii():
        return False
    counter = _Cells(ord(delimiter), width)
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            if not counter.take(np.frombuffer(block, dtype=np.uint8)):
                return False
    return counter.ends_well()


class _Cells:
    """Counts the cells of each line across blocks."""

    def __init__(self, delimiter: int, width: int) -> None:
        self.delimiter, self.width = delimiter, width
        self.open = 0
        self.quoted = False
        self.last = _LINE

    def take(self, block: npt.NDArray[np.uint8]) -> bool:
        """Whether this block goes on regularly."""
        ends, cuts = block == _LINE, block == self.delimiter
        if not block.all() or not self._returns_fit(block, ends) or not self._no_blank_line(block, ends):
            return False
        quotes = block == _QUOTE
        if self.quoted or quotes.any():
            inside = np.cumsum(quotes, dtype=np.uint8) & 1
            inside = (inside ^ int(self.quoted)).view(np.bool_)
            self.quoted = bool(inside[-1])
            ends, cuts = ends & ~inside, cuts & ~inside
        self.last = int(block[-1])
        return self._widths_fit(block, ends | cuts)

    def _returns_fit(self, block: npt.NDArray[np.uint8], ends: npt.NDArray[np.bool_]) -> bool:
        """Whether each carriage return is before a line feed. One at a block's end is looked at with the next one."""
        if self.last == _RETURN and block[0] != _LINE:
            return False
        returns = block == _RETURN
        return not returns.any() or bool((ends[1:] | ~returns[:-1]).all())

    def _no_blank_line(self, block: npt.NDArray[np.uint8], ends: npt.NDArray[np.bool_]) -> bool:
        if ends[0] and self.last == _LINE:
            return False
        if (ends[1:] & ends[:-1]).any():
            return False
        blanks = (block[1:-1] == _RETURN) & ends[:-2] & ends[2:]
        return not blanks.any() and not (self.last == _LINE and block[0] == _RETURN)

    def _widths_fit(self, block: npt.NDArray[np.uint8], structural: npt.NDArray[np.bool_]) -> bool:
        """Whether each `width`-th of the marks, delimiters and line ends, is a line end, and no other is."""
        ends = block[structural] == _LINE
        due = ends[self.width - 1 - self.open :: self.width]
        self.open = (self.open + int(ends.size)) % self.width
        return bool(due.all()) and int(np.count_nonzero(ends)) == int(due.size)

    def ends_well(self) -> bool:
        """Whether the last line is whole too, with or without a line end."""
        return not self.quoted and (self.last == _LINE or self.open == self.width - 1)
