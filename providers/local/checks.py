"""What this machine cannot do, said in the preview: checks that several kinds share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput, Problem
from providers.local.storage import parse_uri
from providers.values import Channel, Identity, Machine, Network, Scoped

_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
CHANNEL = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
_PARAMETER = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*$")


def scope_problems(spec: Scoped) -> list[Problem]:
    """Region, container and overrides: `local` has none of them."""
    found = []
    if spec.region:
        found.append(Problem("region", f"local has no regions; leave '{spec.region}' out"))
    if container := getattr(spec, "container", ""):
        found.append(Problem("container", f"local has one store and no containers; leave '{container}' out"))
    if spec.overrides:
        names = ", ".join(sorted(spec.overrides))
        found.append(Problem("overrides", f"local has no vendor settings to override; leave {names} out"))
    return found


def machine_problems(machine: Machine | str | None, path: str = "machine") -> list[Problem]:
    """A machine that this one is not."""
    if machine is None:
        return []
    if isinstance(machine, str):
        reason = f"local has no machine types such as '{machine}'; say what is needed: {{vcpus: 2, memoryGib: 4}}"
        return [Problem(path, reason)]
    found = []
    cpus, memory = os.cpu_count() or 1, memory_gib()
    if machine.vcpus > cpus:
        found.append(Problem(f"{path}.vcpus", f"{machine.vcpus:g} are asked for and this machine has {cpus}"))
    if machine.memory_gib > memory:
        reason = f"{machine.memory_gib:g} GiB are asked for and this machine has {memory:.1f}"
        found.append(Problem(f"{path}.memoryGib", reason))
    if machine.gpus and not (Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()):
        found.append(Problem(f"{path}.gpus", f"{machine.gpus} are asked for and this machine has none"))
    return found


def memory_gib() -> float:
    """Memory of this machine in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def placement_problems(instances: int, identity: Identity, network: Network, spot: bool = False) -> list[Problem]:
    """Several machines, cloud identities, subnets, spot capacity: not on one machine."""
    found = []
    if instances != 1:
        found.append(Problem("instances", f"local is one machine; {instances} instances are for aws, azure and gcp"))
    if identity.principal:
        found.append(Problem("identity.principal", "local has no identities; a job runs as the user who deploys"))
    if network.subnets:
        found.append(Problem("network.subnets", "local has no subnets; leave them out"))
    if network.security_groups:
        found.append(Problem("network.securityGroups", "local has no security groups; leave them out"))
    if spot:
        found.append(Problem("spot", "local has no spot capacity; leave it out"))
    return found


def channel_problems(channels: Mapping[str, Channel], path: str = "channels") -> list[Problem]:
    """Names that become environment variables, addresses of this store."""
    found: list[Problem] = []
    variables: dict[str, str] = {}
    if not channels:
        found.append(Problem(path, "a job needs at least one channel, usually 'train'"))
    for name, channel in channels.items():
        if not CHANNEL.match(name):
            found.append(Problem(f"{path}.{name}", "a channel's name is letters, digits, '_' and '-', a letter first"))
        if other := variables.get(channel_variable(name)):
            found.append(Problem(f"{path}.{name}", f"'{other}' and '{name}' have the same variable; rename one"))
        variables[channel_variable(name)] = name
        found += address_problems(channel.uri, f"{path}.{name}.uri")
    return found


def address_problems(uri: str, path: str) -> list[Problem]:
    """An address that is not one of the local store."""
    try:
        parse_uri(uri)
    except InvalidInput as error:
        return [Problem(path, f"{error}; a Dataset's uri is one")]
    return []


def channel_variable(name: str) -> str:
    """The variable that holds the path of a channel."""
    return f"MOORING_CHANNEL_{name.upper().replace('-', '_')}"


def environment_problems(environment: Mapping[str, str]) -> list[Problem]:
    """Names that are no variables, or Mooring's own."""
    found = []
    for name in environment:
        if not _VARIABLE.match(name):
            found.append(Problem(f"environment.{name}", "a variable's name is letters, digits and '_'"))
        elif name.startswith("MOORING_"):
            found.append(Problem(f"environment.{name}", "names that begin with MOORING_ are set by Mooring"))
    return found


def hyperparameter_problems(names: Iterable[str], path: str = "hyperparameters") -> list[Problem]:
    """Names that cannot be written as `--name`."""
    reason = "a hyperparameter's name is letters, digits, '_', '-' and '.', no digit first"
    return [Problem(f"{path}.{name}", reason) for name in names if not _PARAMETER.match(name)]


def as_arguments(hyperparameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Sorted `--name value`; true and false in lower case, lists and maps as JSON, null left out."""
    arguments: list[str] = []
    for name, value in sorted(hyperparameters.items()):
        if value is not None:
            arguments += [f"--{name}", as_text(value)]
    return tuple(arguments)


def as_text(value: Any) -> str:
    """One hyperparameter as text. A whole number is written without a point: Pulumi has only floats."""
    import json

    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value)
