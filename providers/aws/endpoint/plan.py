"""What is asked of SageMaker for an endpoint: models, a configuration, how an update goes over. No calls here.

Names of models and configurations end in hashes of their content, so that the same content is the same thing whoever
asks for it, and a name tells what has changed: `<endpoint>-<shape>-<whole>`, where the shape is all but weights and
counts, which change without new servers.
"""

from __future__ import annotations

import copy
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.aws import instances
from providers.aws.naming import LONGEST
from providers.hashing import canonical_json
from providers.values import Deployment, EndpointSpec, Machine, Rollout

Request = dict[str, Any]

MODEL, VERSION, DIGEST = "MOORING_MODEL_NAME", "MOORING_MODEL_VERSION", "MOORING_MODEL_DIGEST"
"""Variables of a server that say what it serves; what an endpoint serves is read off them."""
LEAST_WATCHED = 120
"""Seconds that traffic is watched at least, where it is: AWS has its metrics once a minute, and judges them then."""
_WATCHED_MEMBERS = ("InitialVariantWeight", "InitialInstanceCount")
_STARTUP = (60, 3600)
_EXECUTION = (600, 28800)
_DEFAULT_CONCURRENCY = 10
_CALLS = ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")


@dataclass(frozen=True)
class Served:
    """A version that a deployment names: its number, and where its bytes are, as files or as an archive."""

    deployment: Deployment
    number: int
    uri: str
    is_archive: bool = False


@dataclass(frozen=True)
class Plan:
    """All that an endpoint needs: `CreateModel` requests, and one of `CreateEndpointConfig`."""

    models: tuple[Request, ...]
    config: Request

    @property
    def name(self) -> str:
        """The configuration's name."""
        return str(self.config["EndpointConfigName"])

    @property
    def variants(self) -> list[Request]:
        """The configuration's variants."""
        return list(self.config["ProductionVariants"])


def plan(
    endpoint: str, spec: EndpointSpec, served: Sequence[Served], image: str, output: str,
    counts: Mapping[str, int] | None = None,
) -> Plan:  # fmt: skip
    """The plan. `output` is where asynchronous answers go; `counts` are instances that autoscaling has set."""
    models = [_model(endpoint, spec, one, image) for one in served]
    variants = [
        _variant(spec, one.deployment, model["ModelName"], counts or {})
        for one, model in zip(served, models, strict=True)
    ]
    config: Request = {"ProductionVariants": variants}
    if spec.mode == "async":
        config["AsyncInferenceConfig"] = {
            "OutputConfig": {"S3OutputPath": f"{output}output/", "S3FailurePath": f"{output}failures/"}
        }
    own = {key: value for key, value in spec.overrides.items() if key not in _CALLS}
    config = laid_over(laid_over(config, own), spec.overrides.get("CreateEndpointConfig") or {})
    config.setdefault("EndpointConfigName", config_name(endpoint, config))
    return Plan(tuple(models), config)


def _model(endpoint: str, spec: EndpointSpec, served: Served, image: str) -> Request:
    one = served.deployment
    container: Request = {
        "Image": image,
        "Environment": {**one.environment, MODEL: one.model, VERSION: str(served.number), DIGEST: one.digest},
    }
    if served.is_archive:
        container["ModelDataUrl"] = served.uri
    else:
        source = {"S3Uri": served.uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
        container["ModelDataSource"] = {"S3DataSource": source}
    request: Request = {"PrimaryContainer": container, "ExecutionRoleArn": spec.identity.principal}
    if spec.network.subnets:
        request["VpcConfig"] = {"Subnets": spec.network.subnets, "SecurityGroupIds": spec.network.security_groups}
    request = laid_over(request, spec.overrides.get("CreateModel") or {})
    return {"ModelName": f"{_stem(endpoint, one.name)}-{_hash(request)}", **request}


def _variant(spec: EndpointSpec, one: Deployment, model: str, counts: Mapping[str, int]) -> Request:
    variant: Request = {"VariantName": one.name, "ModelName": model, "InitialVariantWeight": float(one.weight)}
    if spec.mode == "serverless":
        return variant | {"ServerlessConfig": _serverless(spec, one)}
    count = one.replicas
    if spec.autoscaling is not None:
        count = counts.get(one.name, one.replicas)
        count = min(max(count, spec.autoscaling.min_replicas, 1), spec.autoscaling.max_replicas)
    return variant | {
        "InstanceType": instances.choose(one.machine, "hosting"),
        "InitialInstanceCount": count,
        "ContainerStartupHealthCheckTimeoutInSeconds": _within(spec.rollout.ready_seconds, _STARTUP),
    }


def _serverless(spec: EndpointSpec, one: Deployment) -> Request:
    memory = one.machine.memory_gib if isinstance(one.machine, Machine) else 2
    rules = spec.autoscaling
    config: Request = {
        "MemorySizeInMB": _within(memory, (1, 6)) * 1024,
        "MaxConcurrency": rules.max_replicas if rules else _DEFAULT_CONCURRENCY,
    }
    if rules and rules.min_replicas:
        config["ProvisionedConcurrency"] = rules.min_replicas
    return config


def deployment_config(rollout: Rollout, alarms: Sequence[str]) -> Request:
    """`DeploymentConfig` of an update. AWS watches a step and then all of the traffic for the same time, so the longer
    of the two is taken of a canary; the rest of a linear update's bake only keeps the old servers."""
    traffic: Request = {"Type": rollout.strategy.replace("-", "_").upper()}
    size = {"Type": "CAPACITY_PERCENT", "Value": rollout.step_percent}
    steps, after = 1, 0
    match rollout.strategy:
        case "all-at-once":
            wait = watched_seconds(rollout)
        case "canary":
            wait, steps = watched_seconds(rollout), 2
            traffic["CanarySize"] = size
        case "linear":
            wait, steps = watched_seconds(rollout), math.ceil(100 / rollout.step_percent)
            after = max(0, math.ceil(rollout.bake_seconds) - wait)
            traffic["LinearStepSize"] = size
    traffic["WaitIntervalInSeconds"] = wait
    longest = _within(rollout.ready_seconds + steps * wait + after + 1800, _EXECUTION)
    config: Request = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": traffic,
            "TerminationWaitInSeconds": after,
            "MaximumExecutionTimeoutInSeconds": longest,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def watched_seconds(rollout: Rollout) -> int:
    """How long each share of the traffic is watched; 0 where nothing is."""
    match rollout.strategy:
        case "all-at-once":
            wanted = rollout.bake_seconds
        case "canary":
            wanted = max(rollout.step_seconds, rollout.bake_seconds)
        case _:
            wanted = rollout.step_seconds
    if rollout.strategy == "all-at-once" and not wanted:
        return 0
    return max(LEAST_WATCHED, math.ceil(wanted))


def config_name(endpoint: str, config: Request) -> str:
    """The name of a configuration, out of its content."""
    shape = {**config, "ProductionVariants": [
        {key: value for key, value in variant.items() if key not in _WATCHED_MEMBERS}
        for variant in config["ProductionVariants"]
    ]}  # fmt: skip
    return f"{_cut(endpoint, 18)}-{_hash(shape, 8)}-{_hash(config, 8)}"


def same_shape(one: str, other: str) -> bool:
    """Whether two configurations, by their names, differ in weights and counts at most."""
    return one.rpartition("-")[0] == other.rpartition("-")[0]


def config_pattern(endpoint: str) -> re.Pattern[str]:
    """What the names of an endpoint's configurations look like."""
    return re.compile(rf"{re.escape(_cut(endpoint, 18))}-[0-9a-f]{{8}}-[0-9a-f]{{8}}")


def model_pattern(endpoint: str) -> re.Pattern[str]:
    """What the names of an endpoint's models look like."""
    return re.compile(rf"{re.escape(_stem(endpoint, ''))}.*-[0-9a-f]{{10}}")


def stem(endpoint: str) -> str:
    """What all of those names contain."""
    return _cut(endpoint, 33)


def laid_over(request: Request, overrides: Mapping[str, Any]) -> Request:
    """The request with the user's settings over it: maps are merged, lists of maps one by one, all else replaced."""
    result = copy.deepcopy(request)
    for key, value in overrides.items():
        held = result.get(key)
        if isinstance(held, dict) and isinstance(value, Mapping):
            result[key] = laid_over(held, value)
        elif isinstance(held, list) and isinstance(value, list) and _are_maps(held) and _are_maps(value):
            merged = [laid_over(one, other) for one, other in zip(held, value, strict=False)]
            result[key] = [*merged, *held[len(value) :], *value[len(held) :]]
        else:
            result[key] = copy.deepcopy(value)
    return result


def _are_maps(values: Sequence[Any]) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def _stem(endpoint: str, deployment: str) -> str:
    """`<endpoint>-<deployment>`, short enough for a hash behind it."""
    return f"{_cut(endpoint, 33)}-{deployment[:20].rstrip('-')}".rstrip("-")


def _cut(endpoint: str, room: int) -> str:
    return endpoint[: LONGEST - room].rstrip("-")


def _hash(content: Request, digits: int = 10) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:digits]


def _within(value: float, bounds: tuple[int, int]) -> int:
    return min(max(math.ceil(value), bounds[0]), bounds[1])
