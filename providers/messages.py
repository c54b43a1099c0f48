"""Answers of the provider protocol that need more than one field."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulumi.runtime.proto import provider_pb2

from providers.diffing import Difference
from providers.errors import Problem

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

_FIRST = re.compile(r'^(?:\["((?:[^"\\]|\\.)*)"\]|[^.\[]+)')


def top_level(path: str) -> str:
    """The property that a path begins with: `deployments` of `deployments[0].weight`."""
    found = _FIRST.match(path)
    return (found.group(1) or found.group(0)) if found else path


def diff_response(found: Difference) -> provider_pb2.DiffResponse:
    """A Diff's answer, in detail: the engine shows each path and how it changes."""
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found.changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({top_level(path) for path in found.changed}),
        replaces=sorted({top_level(path) for path in found.replacing}),
        deleteBeforeReplace=found.delete_before_replace,
        hasDetailedDiff=bool(found.changed),
    )
    for path, how in found.changed.items():
        entry = response.detailedDiff[path]
        entry.kind = _KINDS[how, path in found.replacing]
        entry.inputDiff = not (found.state_replaces and path == "status")
    return response


def check_failures(problems: Sequence[Problem]) -> list[provider_pb2.CheckFailure]:
    """Problems as the engine lists them, each with its property."""
    return [provider_pb2.CheckFailure(property=p.property, reason=p.reason) for p in problems]
