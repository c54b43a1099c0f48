"""Which version a rollback or a promotion means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mooring.inventory import Item, of_kind
from mooring.pins import short_digest
from providers.errors import InvalidInput, NotFound
from providers.values import ModelVersionState


def deployments(endpoint: Item) -> list[dict[str, Any]]:
    """What an endpoint serves, by its state: `model`, `digest`, `version` each."""
    return [dict(deployment) for deployment in endpoint.get("deployments") or [] if isinstance(deployment, dict)]


def served_model(endpoint: Item, wanted: str | None) -> str:
    """The model of an endpoint that is meant; raises when it serves several, or not the one wanted."""
    models = sorted({str(deployment["model"]) for deployment in deployments(endpoint)})
    if wanted:
        if wanted not in models:
            raise NotFound(f"endpoint {endpoint.name} does not serve a model '{wanted}'; it serves {', '.join(models)}")
        return wanted
    if len(models) != 1:
        raise InvalidInput(
            f"endpoint {endpoint.name} serves several models, say which with --model: {', '.join(models)}"
            if models
            else f"endpoint {endpoint.name} serves no model"
        )
    return models[0]


def served_digest(endpoint: Item, model: str) -> str:
    """The digest of `model` that the endpoint serves."""
    return next(str(deployment["digest"]) for deployment in deployments(endpoint) if deployment["model"] == model)


def previous(versions: Sequence[ModelVersionState], current: str, model: str) -> ModelVersionState:
    """The newest version older than the one with digest `current`. Raises `NotFound`."""
    number = next((version.version for version in versions if version.digest == current), None)
    if number is None:
        raise NotFound(f"the version of {model} that is served now ({short_digest(current)}) is not in its list")
    older = [version for version in versions if version.version < number]
    if not older:
        raise NotFound(f"model {model} has no version before v{number}; {listing(versions)}")
    return max(older, key=lambda version: version.version)


def named(versions: Sequence[ModelVersionState], word: str, model: str) -> ModelVersionState:
    """The version `3`, `v3`, or whose digest begins like `word` (with or without `sha256:`)."""
    number = word.removeprefix("v")
    by_number = [version for version in versions if number.isdigit() and version.version == int(number)]
    prefix = word.lower().removeprefix("sha256:")
    by_digest = [version for version in versions if len(prefix) >= 6 and version.digest[7:].startswith(prefix)]
    found = by_number or by_digest
    if len(found) > 1:
        raise InvalidInput(f"'{word}' fits several versions of {model}; {listing(found)}")
    if not found:
        raise NotFound(f"model {model} has no version '{word}'; {listing(versions)}")
    return found[0]


def listing(versions: Sequence[ModelVersionState]) -> str:
    """`it has v1 (sha256:…), v2 (sha256:…)`."""
    return "it has " + (", ".join(f"v{v.version} ({short_digest(v.digest)})" for v in versions) or "none")


def current_digest(found: list[Item], model: str) -> str:
    """The digest of `model` that a stack stands for: what its endpoints serve, else its current version.

    They differ while an endpoint is pinned by a rollback. Raises `InvalidInput` when endpoints serve different ones.
    """
    served = {
        str(deployment["digest"])
        for endpoint in of_kind(found, "Endpoint")
        for deployment in deployments(endpoint)
        if deployment["model"] == model
    }
    if len(served) > 1:
        shown = ", ".join(sorted(short_digest(digest) for digest in served))
        raise InvalidInput(f"endpoints serve different versions of {model} ({shown}); say which with --version")
    if served:
        return served.pop()
    for version in of_kind(found, "ModelVersion"):
        if version.get("model", version.name) == model and version.get("digest"):
            return str(version.get("digest"))
    raise NotFound(f"model {model} has no version in this stack")
