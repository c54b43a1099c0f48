"""The rules of composite alarms: `ALARM(a) AND NOT (OK("b") OR INSUFFICIENT_DATA(c))`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s()"]+))')
STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")

Truth = Callable[[Callable[[str], str]], bool]
"""Whether a rule is true, given a function from an alarm's name or ARN to its state."""


class BadRule(ValueError):
    """A rule that cannot be read."""


def read(rule: str) -> tuple[Truth, set[str]]:
    """The rule, and the alarms that it names. Raises BadRule."""
    reader = _Reader(rule)
    truth = reader.any_of()
    if reader.token:
        raise BadRule(f"there is '{reader.token}' too much")
    return truth, reader.alarms


class _Reader:
    def __init__(self, rule: str) -> None:
        self._tokens = _tokens(rule)
        self.alarms: set[str] = set()
        self.token = ""
        self._next()

    def _next(self) -> str:
        taken, self.token = self.token, next(self._tokens, "")
        return taken

    def any_of(self) -> Truth:
        parts = [self._all_of()]
        while self.token == "OR":
            self._next()
            parts.append(self._all_of())
        return lambda state: any(part(state) for part in parts)

    def _all_of(self) -> Truth:
        parts = [self._one()]
        while self.token == "AND":
            self._next()
            parts.append(self._one())
        return lambda state: all(part(state) for part in parts)

    def _one(self) -> Truth:
        token = self._next()
        if token == "NOT":
            inner = self._one()
            return lambda state: not inner(state)
        if token == "(":
            inner = self.any_of()
            self._expect(")")
            return inner
        if token in ("TRUE", "FALSE"):
            return lambda state: token == "TRUE"
        if token in STATES:
            self._expect("(")
            alarm = self._next()
            self._expect(")")
            self.alarms.add(alarm)
            return lambda state: state(alarm) == token
        raise BadRule(f"'{token}' is none of {', '.join(STATES)}, NOT, TRUE, FALSE" if token else "it ends too early")

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise BadRule(f"there should be a '{sign}'")


def _tokens(rule: str) -> Iterator[str]:
    place = 0
    while rule[place:].strip():
        found = _TOKEN.match(rule, place)
        if found is None:
            raise BadRule(f"'{rule[place:].strip()}' cannot be read")
        place = found.end()
        yield found["sign"] or found["quoted"] or found["word"]
