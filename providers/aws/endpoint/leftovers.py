"""What an endpoint does not use any more: its old configurations and models, told by their names and their tags."""

from __future__ import annotations

from collections.abc import Iterator

from providers.aws.endpoint.place import Place, tags_on
from providers.aws.endpoint.plan import config_pattern, model_pattern, stem
from providers.aws.faults import translated
from providers.aws.tagging import unescaped
from providers.errors import NotFound


def remove(place: Place, keep: str | None) -> None:
    """Remove all configurations and models of the endpoint, but the configuration `keep` and what that names."""
    sagemaker = place.sagemaker
    used = models_of(place, keep) if keep else set()
    for name, arn in _configs(place):
        if name != keep and _is_ours(place, arn):
            try:
                with translated(f"removing endpoint configuration {name}"):
                    sagemaker.delete_endpoint_config(EndpointConfigName=name)
            except NotFound:
                continue
    for name, arn in _models(place):
        if name not in used and _is_ours(place, arn):
            try:
                with translated(f"removing model {name}"):
                    sagemaker.delete_model(ModelName=name)
            except NotFound:
                continue


def models_of(place: Place, config: str) -> set[str]:
    """Models that a configuration names; none where it is gone."""
    try:
        with translated(f"reading endpoint configuration {config}"):
            found = place.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except NotFound:
        return set()
    return {str(one["ModelName"]) for one in found["ProductionVariants"]}


def _configs(place: Place) -> Iterator[tuple[str, str]]:
    pattern = config_pattern(place.name)
    with translated(f"listing configurations of {place.name}"):
        pages = place.sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=stem(place.name))
        found = [(one["EndpointConfigName"], one["EndpointConfigArn"]) for page in pages
                 for one in page["EndpointConfigs"]]  # fmt: skip
    return ((name, arn) for name, arn in found if pattern.fullmatch(name))


def _models(place: Place) -> Iterator[tuple[str, str]]:
    pattern = model_pattern(place.name)
    with translated(f"listing models of {place.name}"):
        pages = place.sagemaker.get_paginator("list_models").paginate(NameContains=stem(place.name))
        found = [(one["ModelName"], one["ModelArn"]) for page in pages for one in page["Models"]]
    return ((name, arn) for name, arn in found if pattern.fullmatch(name))


def _is_ours(place: Place, arn: str) -> bool:
    """Another endpoint's names may begin alike; the tags tell."""
    return unescaped(tags_on(place.region, arn).get("mooring:endpoint", "")) == place.name
