"""Keeps what may be secret out of messages: job logs repeat their environment easily."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

LEAST = 6
"""Shorter values are left: they would mask ordinary words and numbers."""

MASK = "[secret]"

SECRET = frozenset({"environment", "sql", "headers"})


def redactor(inputs: Mapping[str, Any]) -> Callable[[str], str]:
    """A function that masks the values of every `environment`, and of what data is fetched with, longest first."""
    values = sorted({value for value in _values(inputs) if len(value) >= LEAST}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in values:
            text = text.replace(value, MASK)
        return text

    return redact


def _values(inputs: Any, secret: bool = False) -> Iterator[str]:
    if isinstance(inputs, Mapping):
        for key, item in inputs.items():
            yield from _values(item, secret or key in SECRET)
    elif isinstance(inputs, list):
        for item in inputs:
            yield from _values(item, secret)
    elif secret and isinstance(inputs, str):
        yield inputs
