"""What is wrong with an endpoint, or impossible on AWS; said in the preview."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from providers.aws import checks, instances
from providers.errors import Problem
from providers.values import Deployment, EndpointSpec, Machine, Rollout

MOST_VARIANTS, LONGEST_WAIT = 10, 3600
MOST_CANARY, LEAST_STEP, MOST_STEP = 50, 10, 50
"""Percent: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html"""
MOST_CONCURRENT, MOST_SERVERLESS_GIB = 200, 6
_PHYSICAL = re.compile(r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")


def problems(spec: EndpointSpec) -> list[Problem]:
    """All of it."""
    found = [*checks.scope_problems(spec), *checks.identity_problems(spec.identity)]
    found += checks.network_problems(spec.network)
    if spec.port is not None:
        found.append(Problem("port", "endpoints on AWS have no port of their own; leave it out"))
    if spec.physical_name is not None and not _PHYSICAL.match(spec.physical_name):
        found.append(Problem("physicalName", "letters, digits and '-', none of these at either end, at most 63"))
    found += _deployments(spec)
    found += _autoscaling(spec)
    found += _rollout(spec.rollout)
    if spec.mode == "serverless":
        found += _serverless(spec)
    return found


def _deployments(spec: EndpointSpec) -> Iterator[Problem]:
    counts = Counter(one.name for one in spec.deployments)
    for name, count in counts.items():
        if count > 1:
            yield Problem("deployments", f"{count} deployments are named '{name}'; each needs a name of its own")
    most = MOST_VARIANTS if spec.mode == "real-time" else 1
    if len(spec.deployments) > most:
        yield Problem("deployments", f"{len(spec.deployments)}; an endpoint in mode '{spec.mode}' takes {most}")
    total = sum(one.weight for one in spec.deployments)
    if total != 100:
        shares = ", ".join(f"{one.name} {one.weight}" for one in spec.deployments)
        yield Problem("deployments", f"the weights sum to {total} ({shares}); they have to sum to 100")
    for index, one in enumerate(spec.deployments):
        yield from _deployment(one, f"deployments[{index}]", spec.mode)


def _deployment(one: Deployment, path: str, mode: str) -> Iterator[Problem]:
    if mode != "serverless":
        yield from instances.problems(one.machine, "hosting", f"{path}.machine")
        if one.replicas == 0:
            yield Problem(f"{path}.replicas", "a variant on AWS begins with 1 instance at least")
    for wrong in checks.environment_problems(one.environment):
        yield Problem(f"{path}.{wrong.property}", wrong.reason)


def _autoscaling(spec: EndpointSpec) -> Iterator[Problem]:
    rules = spec.autoscaling
    if rules is None:
        return
    if rules.min_replicas > rules.max_replicas:
        yield Problem(
            "autoscaling.minReplicas", f"{rules.min_replicas} is more than maxReplicas ({rules.max_replicas})"
        )
    if rules.min_replicas == 0 and spec.mode == "real-time":
        yield Problem("autoscaling.minReplicas", "real-time endpoints on AWS do not scale to 0; 1 is the least (or use "
                                                 "mode serverless or async)")  # fmt: skip


def _rollout(rollout: Rollout) -> Iterator[Problem]:
    for name, seconds in (("stepSeconds", rollout.step_seconds), ("bakeSeconds", rollout.bake_seconds)):
        if seconds > LONGEST_WAIT:
            yield Problem(f"rollout.{name}", f"{seconds:g}; AWS waits {LONGEST_WAIT} seconds at most")
    if rollout.strategy == "canary" and rollout.step_percent > MOST_CANARY:
        yield Problem("rollout.stepPercent", f"{rollout.step_percent}; a canary on AWS is {MOST_CANARY} % at most")
    if rollout.strategy == "linear" and not LEAST_STEP <= rollout.step_percent <= MOST_STEP:
        yield Problem("rollout.stepPercent", f"{rollout.step_percent}; a step on AWS is {LEAST_STEP} to {MOST_STEP} %")


def _serverless(spec: EndpointSpec) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html"""
    if spec.network.subnets or spec.network.access == "private":
        yield Problem("network", "serverless endpoints on AWS cannot be in a private network; use mode real-time")
    if spec.rollout.strategy != "all-at-once":
        yield Problem("rollout.strategy", "serverless endpoints on AWS change over all at once")
    if spec.autoscaling is not None and spec.autoscaling.max_replicas > MOST_CONCURRENT:
        yield Problem("autoscaling.maxReplicas", f"a serverless endpoint answers {MOST_CONCURRENT} requests at once")
    for index, one in enumerate(spec.deployments):
        if isinstance(one.machine, str):
            yield Problem(f"deployments[{index}].machine", "serverless has no instances; say {memoryGib: 2}")
        elif isinstance(one.machine, Machine) and (one.machine.memory_gib > MOST_SERVERLESS_GIB or one.machine.gpus):
            reason = f"serverless has {MOST_SERVERLESS_GIB} GiB at most, and no GPUs"
            yield Problem(f"deployments[{index}].machine", reason)
