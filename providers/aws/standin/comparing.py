"""Inputs of a resource: completed and checked, compared with earlier ones, and found again in what AWS has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from pulumi.runtime.proto import provider_pb2

from providers.aws.standin.kind import Kind, Properties
from providers.codec import UNKNOWN, contains_unknown
from providers.errors import Problem, did_you_mean

DEFAULTS = "__defaults"
"""Where Pulumi's provider notes which inputs the program did not give; never a property."""


def completed(kind: Kind, given: Properties, olds: Properties, urn: str, seed: bytes) -> dict[str, Any]:
    """`given` with defaults, and with a name of Pulumi's making where the program gave none."""
    inputs = {**{key: value for key, value in kind.defaults.items() if key in kind.inputs}, **given}
    if kind.name and kind.name not in inputs:
        inputs[kind.name] = olds.get(kind.name) or _unique(urn.rpartition("::")[2], seed or urn.encode())
    return inputs


def _unique(name: str, seed: bytes) -> str:
    return f"{name.lower()}-{hashlib.sha256(seed).hexdigest()[:7]}"


def problems(kind: Kind, inputs: Properties) -> Iterator[Problem]:
    """All that is wrong with inputs."""
    for key in sorted(set(inputs) - kind.inputs - {DEFAULTS}):
        near = did_you_mean(key, sorted(kind.inputs))
        yield Problem(key, f"the stand-in's {kind.label} has no such property{near}")
    for key in kind.required:
        if inputs.get(key) is None:
            yield Problem(key, f"missing: a {kind.label} needs it")
    for key, value in (inputs.get("tags") or {}).items() if isinstance(inputs.get("tags"), dict) else ():
        if not isinstance(value, str):
            yield Problem(f"tags.{key}", "must be text")


def changes(kind: Kind, old: Properties, new: Properties) -> dict[str, str]:
    """Properties that differ, each with how: `add`, `delete` or `update`."""
    found = {}
    for key in sorted((old.keys() | new.keys()) & kind.inputs):
        if key not in new:
            found[key] = "delete"
        elif key not in old:
            found[key] = "add"
        elif contains_unknown(new[key]) or not kind.same(key, old[key], new[key]):
            found[key] = "update"
    return found


def diff_response(kind: Kind, old: Properties, new: Properties) -> provider_pb2.DiffResponse:
    """A Diff's answer. What has a fixed name is deleted before it is replaced, as nobody can have the name twice."""
    found = changes(kind, old, new)
    replacing = sorted(set(found) & kind.replaces)
    keeps_name = bool(kind.name) and kind.name not in found
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted(found),
        replaces=replacing,
        deleteBeforeReplace=bool(replacing) and keeps_name,
        hasDetailedDiff=bool(found),
    )
    for key, how in found.items():
        word = f"{how.upper()}_REPLACE" if key in replacing else how.upper()
        response.detailedDiff[key].kind = provider_pb2.PropertyDiff.Kind.Value(word)
        response.detailedDiff[key].inputDiff = True
    return response


def planned(kind: Kind, inputs: Properties, state: Properties) -> dict[str, Any]:
    """Outputs as far as a preview knows them: `state` is empty before a creation."""
    computed = {key: state.get(key, UNKNOWN) for key in kind.computed}
    if "tags" in inputs:
        computed["tagsAll"] = inputs["tags"]
    return {**computed, **inputs}


def live_inputs(kind: Kind, inputs: Properties, live: Properties) -> dict[str, Any]:
    """Inputs as AWS has them now. What still means the same keeps the program's way to say it.

    `inputs` are empty in an import: then everything that can be set and is set is an input.
    """
    if not inputs:
        found = {key: live[key] for key in sorted(kind.inputs) if live.get(key) not in (None, "", [], {})}
        return {**{key: value for key, value in kind.defaults.items() if key in kind.kept}, **found}
    result = {}
    for key, value in inputs.items():
        if key in kind.kept or key == DEFAULTS or (key in live and kind.same(key, value, live[key])):
            result[key] = value
        elif key in live:
            result[key] = live[key]
    return result
