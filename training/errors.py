"""The one error of a training job, and the help it gives: near names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TrainingError(Exception):
    """The job cannot go on for a reason the user can change. One line: what is wrong, where, what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def nearest(word: str, choices: Iterable[str], limit: int = 12) -> str:
    """`" (did you mean 'x'?)"` for near names, else the choices themselves (at most `limit` of them), else nothing."""
    names = list(choices)
    if near := get_close_matches(word, names, n=2, cutoff=0.6):
        return f" (did you mean {' or '.join(repr(name) for name in near)}?)"
    if not names:
        return ""
    more = f", … {len(names) - limit} more" if len(names) > limit else ""
    return f" (one of: {', '.join(names[:limit])}{more})"
