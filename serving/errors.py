"""What can be wrong with a model folder, and what can be wrong with a request."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ModelError(Exception):
    """The model cannot be served; one line that says which file, why, and what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class RequestError(Exception):
    """A request that cannot be answered. `status` is the HTTP status code, the message names row and column."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class RowError(RequestError):
    """One row is wrong. `row` counts from 0."""

    def __init__(self, row: int, reason: str) -> None:
        self.row, self.reason = row, reason
        super().__init__(f"row {row}: {reason}")


def nearest(word: str, choices: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"` for the nearest choice, else the first few choices, else nothing."""
    names = list(choices)
    if near := get_close_matches(word, names, n=1, cutoff=0.6):
        return f" (did you mean '{near[0]}'?)"
    if not names:
        return ""
    return f" (one of: {', '.join(names[:20])}{', …' if len(names) > 20 else ''})"
