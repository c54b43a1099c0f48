"""`moor:index:Endpoint` and `moor:index:BatchPrediction` for the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from infra.moor.base import MoorResource, inputs_of


class Endpoint(MoorResource):
    """One stable address that answers predictions of one or several model versions.

    Only cloud, region, name and a fixed physical name replace it; all else shifts traffic in place and rolls
    back when the new deployment is not healthy.
    """

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    endpoint: Output[str]
    url: Output[str]
    predict_url: Output[str] = pulumi.property("predictUrl")
    status: Output[str]
    deployments: Output[list[Any]]
    reason: Output[str]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        deployments: Any,
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        mode: Input[str] | None = None,
        autoscaling: Any = None,
        rollout: Any = None,
        network: Any = None,
        identity: Any = None,
        port: Input[int] | None = None,
        physical_name: Input[str] | None = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param deployments: a list of `Deployment` (`name`, `model`, `digest`, `weight`, …); weights sum to 100.
        :param mode: `real-time` (default), `serverless` or `async`.
        :param autoscaling: an `Autoscaling`; the replicas that it sets are not compared.
        :param rollout: a `Rollout`: how traffic shifts, and when an update rolls back.
        :param port: fixed port on `local`; a free one by default, kept for the endpoint's life.
        :param physical_name: the cloud's own name, when it must be a certain one; deletes before replacing.
        :param name: name in the stack; the resource's name by default.
        """
        super().__init__("Endpoint", resource_name, inputs_of(locals()), opts)


class BatchPrediction(MoorResource):
    """Predictions for a whole dataset, written to the store. Any change but of tags is a new batch."""

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    model: Output[str]
    run: Output[str]
    status: Output[str]
    output: Output[str]
    rows: Output[int]
    failed_rows: Output[int] = pulumi.property("failedRows")

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        model: Input[str],
        digest: Input[str],
        input: Any,
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        machine: Any = None,
        instances: Input[int] | None = None,
        time_limit: Input[int] | None = None,
        identity: Any = None,
        network: Any = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param digest: the model version, by its bytes.
        :param input: a `Channel` (`uri`, `version`) with the rows.
        :param time_limit: seconds after which the batch is stopped and fails.
        :param name: name in the stack; the resource's name by default.
        """
        super().__init__("BatchPrediction", resource_name, inputs_of(locals()), opts)
