"""`moor:index:Model` and `moor:index:ModelVersion` for the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from infra.moor.base import MoorResource, inputs_of


class Model(MoorResource):
    """A model: the owner of its versions and of the records of its runs; destroying it purges them."""

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    group: Output[str]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        keep_versions: Input[int] | None = None,
        on_destroy: Input[str] | None = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param name: name in the stack; the resource's name by default.
        :param keep_versions: retired versions to keep, besides those in use; 5 by default.
        :param on_destroy: `delete` (default) purges the versions with the model, `keep` leaves them.
        """
        super().__init__("Model", resource_name, inputs_of(locals()), opts)


class ModelVersion(MoorResource):
    """One immutable artifact in the registry. Other bytes are another version; the old one is retired."""

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    model: Output[str]
    version: Output[int]
    digest: Output[str]
    uri: Output[str]
    metrics: Output[Mapping[str, Any]]
    signature: Output[Mapping[str, Any]]
    created: Output[str]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        model: Input[str],
        artifact: Input[str],
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        origin: Input[str] | None = None,
        digest: Input[str] | None = None,
        format: Input[str] | None = None,
        trust: Input[bool] | None = None,
        thresholds: Input[Mapping[str, Any]] | None = None,
        metrics: Input[Mapping[str, Any]] | None = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param model: name of the `Model` that owns it.
        :param artifact: address of a run's artifact or of another stack's version, or a path in the project.
        :param origin: `run` (default), `file` or `promoted`.
        :param digest: digest that the bytes must have; computed for a file.
        :param trust: whether code inside the artifact (pickle, joblib) may be executed.
        :param thresholds: metric values to reach: lowest, or highest where low is better; or `{min, max}`.
        :param name: name in the stack; the resource's name by default.
        """
        super().__init__("ModelVersion", resource_name, inputs_of(locals()), opts)
