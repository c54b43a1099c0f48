"""What is wrong with an endpoint, or impossible on this machine; said in the preview."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from providers.errors import Problem
from providers.local import checks
from providers.local.supervisor import ports
from providers.local.supervisor.identity import port_holder
from providers.values import Autoscaling, Deployment, EndpointSpec

_PHYSICAL = re.compile(r"^[a-z][a-z0-9-]{0,78}$")
_RESERVED = frozenset(("HOME", "PATH", "PYTHONPATH", "PYTHONHOME", "LD_PRELOAD"))


def problems(spec: EndpointSpec, own_ports: set[int], other_ports: Mapping[int, str]) -> list[Problem]:
    """All of it. `own_ports` are held by this endpoint already, `other_ports` by the endpoints they map to."""
    found = [*checks.scope_problems(spec), *checks.placement_problems(1, spec.identity, spec.network)]
    if spec.mode != "real-time":
        reason = f"local serves 'real-time' only, not '{spec.mode}'; leave it out, or take aws, azure or gcp"
        found.append(Problem("mode", reason))
    if spec.physical_name is not None and not _PHYSICAL.match(spec.physical_name):
        found.append(Problem("physicalName", "lower-case letters, digits and '-', a letter first, at most 79"))
    found += _deployments(spec.deployments)
    if spec.autoscaling is not None:
        found += _autoscaling(spec.autoscaling)
    if spec.port is not None:
        found += _port(spec.port, own_ports, other_ports)
    return found


def _deployments(deployments: list[Deployment]) -> list[Problem]:
    found: list[Problem] = []
    counts = Counter(one.name for one in deployments)
    found += [
        Problem("deployments", f"{count} deployments are named '{name}'; each needs a name of its own")
        for name, count in counts.items()
        if count > 1
    ]
    total = sum(one.weight for one in deployments)
    if total != 100:
        shares = ", ".join(f"{one.name} {one.weight}" for one in deployments)
        found.append(Problem("deployments", f"the weights sum to {total} ({shares}); they have to sum to 100"))
    for index, one in enumerate(deployments):
        path = f"deployments[{index}]"
        found += checks.machine_problems(one.machine, f"{path}.machine")
        found += [Problem(f"{path}.{wrong.property}", wrong.reason) for wrong in _environment(one)]
        if one.replicas == 0 and one.weight > 0:
            found.append(Problem(f"{path}.replicas", f"0 cannot answer {one.weight} % of the traffic; 1 is the least"))
    return found


def _environment(deployment: Deployment) -> list[Problem]:
    reserved = [
        Problem(f"environment.{name}", "is set by Mooring; choose another name")
        for name in deployment.environment
        if name in _RESERVED
    ]
    return [*checks.environment_problems(deployment.environment), *reserved]


def _autoscaling(rules: Autoscaling) -> list[Problem]:
    if rules.min_replicas > rules.max_replicas:
        reason = f"{rules.min_replicas} is more than maxReplicas ({rules.max_replicas})"
        return [Problem("autoscaling.minReplicas", reason)]
    if rules.min_replicas == 0:
        reason = "local does not scale to zero; 1 is the least (aws and gcp can, in mode serverless)"
        return [Problem("autoscaling.minReplicas", reason)]
    return []


def _port(port: int, own: set[int], others: Mapping[int, str]) -> list[Problem]:
    if port in own:
        return []
    if port in others:
        return [Problem("port", f"{port} belongs to endpoint '{others[port]}'; choose another one")]
    if port < _first_unprivileged():
        reason = f"{port} is reserved to the administrator; choose one from {_first_unprivileged()} to 65535"
        return [] if ports.is_free(port) else [Problem("port", reason)]
    if not ports.is_free(port):
        holder = port_holder(port)
        by = f" by {holder}" if holder else ""
        return [Problem("port", f"{port} is in use{by}; choose another one, or leave it out to get a free one")]
    return []


def _first_unprivileged() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024
