"""Which resources an operation is confined to: `--target`, `--target-dependents`, `--replace`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from infra.engine.errors import EngineError
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from providers.errors import did_you_mean


class Targets:
    """A set of URNs and patterns: `*` stands for anything but `:`, `**` for anything. Empty: no confinement."""

    def __init__(self, patterns: Iterable[str]) -> None:
        given = list(patterns)
        self._literal = {p for p in given if "*" not in p}
        self._patterns = [_regex(p) for p in given if "*" in p]

    def __bool__(self) -> bool:
        return bool(self._literal or self._patterns)

    def __contains__(self, urn: str) -> bool:
        return urn in self._literal or any(p.match(urn) for p in self._patterns)

    def add(self, urn: str) -> None:
        """One more, found to depend on a target."""
        self._literal.add(urn)

    def missing(self, known: Iterable[str]) -> list[str]:
        """Literal targets that are none of `known`."""
        return sorted(self._literal - set(known))

    def includes(self, resource: Resource, *, dependents: bool) -> bool:
        """Whether `resource` is a target, or (with `dependents`) depends on one."""
        if not self or resource.urn in self:
            return True
        return dependents and any(urn in self._literal for urn in graph.needs(resource))


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^:]*"}.get(p, re.escape(p)) for p in parts) + r"\Z")


def check_urns(option: str, given: Sequence[str], known: Iterable[str]) -> None:
    """Refuse what is no URN at all, with the nearest known one. Raises `EngineError`."""
    for urn in given:
        if "*" not in urn and not urns.is_valid(urn):
            choices = sorted(known)
            by_name = [u for u in choices if urns.name(u) == urn]
            near = f" (did you mean '{by_name[0]}'?)" if by_name else did_you_mean(urn, choices)
            raise EngineError(f"{option}: '{urn}' is not a URN{near}")


def implicit(urn: str) -> bool:
    """Whether a resource takes part in every operation: the stack, and providers."""
    type = urns.type_of(urn)
    return type == urns.ROOT_STACK_TYPE or urns.is_provider_type(type)
