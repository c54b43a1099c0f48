"""From a machine, said by what it has, to the smallest instance of SageMaker that has it all.

`instances.json` lists the names that SageMaker takes, by family and size, with their uses (`t`raining, `h`osting,
`p`rocessing, `b`atch transform): the enumerations `TrainingInstanceType`, `ProductionVariantInstanceType`,
`ProcessingInstanceType` and `TransformInstanceType` of botocore 1.44. What a size has is from
https://docs.aws.amazon.com/ec2/latest/instancetypes/ (general purpose, compute, memory, accelerated). Only the families
below are chosen from; any name of the list is taken as it is. Not every region has them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from providers.errors import Problem, did_you_mean
from providers.values import Machine

Use = Literal["training", "hosting", "processing", "transform"]
_LETTERS: dict[Use, str] = {"training": "t", "hosting": "h", "processing": "p", "transform": "b"}
DEFAULT = "ml.m5.large"
"""Two vCPUs and 8 GiB: what a job or a server gets that asks for nothing."""

_CPU = {"c5": 2.0, "m5": 4.0, "r5": 8.0, "c6i": 2.0, "m6i": 4.0, "r6i": 8.0, "c7i": 2.0, "m7i": 4.0, "r7i": 8.0}
"""Families with vCPUs of Intel's and nothing else: GiB of memory a vCPU. Earlier ones are chosen before later ones."""
_GPUS = {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}
_GPU = {"g4dn": ("T4", 4.0, {"12xlarge": 4}), "g6": ("L4", 4.0, _GPUS), "g5": ("A10G", 4.0, _GPUS),
        "g6e": ("L40S", 8.0, _GPUS)}  # fmt: skip
"""Families with GPUs: the model, GiB of memory a vCPU, and the sizes with more than one GPU."""
_LARGE_GPU = {
    ("p3", "2xlarge"): ("V100", 8, 61.0, 1),
    ("p3", "8xlarge"): ("V100", 32, 244.0, 4),
    ("p3", "16xlarge"): ("V100", 64, 488.0, 8),
    ("p4d", "24xlarge"): ("A100", 96, 1152.0, 8),
    ("p5", "48xlarge"): ("H100", 192, 2048.0, 8),
}


@dataclass(frozen=True)
class Instance:
    """An instance and what it has. Memory is in GiB."""

    name: str
    vcpus: int
    memory: float
    gpus: int = 0
    gpu: str = ""

    def has(self, machine: Machine) -> bool:
        """Whether it has all that is asked for."""
        enough = self.vcpus >= machine.vcpus and self.memory >= machine.memory_gib and self.gpus >= machine.gpus
        wanted = (machine.gpu or "").lower().removeprefix("nvidia").strip(" -")
        return enough and (not wanted or self.gpu.lower() == wanted)


@cache
def names(use: Use) -> frozenset[str]:
    """All names that SageMaker takes for a use."""
    return frozenset(
        f"ml.{family}.{size}"
        for family, sizes in _listed().items()
        for size, uses in sizes.items()
        if _LETTERS[use] in uses
    )


@cache
def choices(use: Use) -> tuple[Instance, ...]:
    """What is chosen from, the smallest first: by GPUs, then vCPUs, then memory."""
    order = [*_CPU, *_GPU, "p3", "p4d", "p5"]
    found = [instance for instance in _described() if instance.name in names(use)]
    return tuple(sorted(found, key=lambda one: (one.gpus, one.vcpus, one.memory, order.index(one.name.split(".")[1]))))


def choose(machine: Machine | str | None, use: Use) -> str:
    """The instance for a machine; one that is named is taken as it is. Raises ValueError, saying what there is."""
    if machine is None:
        return DEFAULT
    if isinstance(machine, str):
        return _named(machine, use)
    fitting = next((one for one in choices(use) if one.has(machine)), None)
    if fitting is None:
        raise ValueError(_nothing_has(machine, use))
    return fitting.name


def problems(machine: Machine | str | None, use: Use, path: str = "machine") -> list[Problem]:
    """Why there is no such instance; nothing where there is one."""
    try:
        choose(machine, use)
    except ValueError as error:
        return [Problem(path, str(error))]
    return []


def _named(name: str, use: Use) -> str:
    if name in names(use):
        return name
    whole = name if name.startswith("ml.") else f"ml.{name}"
    if whole in names(use):
        raise ValueError(f"SageMaker's own names begin with 'ml.': write '{whole}'")
    anywhere = any(name in names(other) for other in _LETTERS)
    reason = f"is not for {use}" if anywhere else "is not an instance of SageMaker"
    near = did_you_mean(whole, sorted(names(use)))
    raise ValueError(f"'{name}' {reason}{near if 'did you mean' in near else _same_family(whole, use)}")


def _same_family(name: str, use: Use) -> str:
    family = name.split(".")[1] if name.count(".") > 1 else ""
    found = sorted(other for other in names(use) if other.split(".")[1] == family) or [DEFAULT]
    return f" (such as {', '.join(found[:5])})"


def _nothing_has(machine: Machine, use: Use) -> str:
    wanted = f"{machine.vcpus:g} vCPUs, {machine.memory_gib:g} GiB"
    if machine.gpus or machine.gpu:
        models = sorted({one.gpu for one in choices(use) if one.gpu})
        wanted += f" and {max(machine.gpus, 1)} GPU {machine.gpu or ''}".rstrip()
        return f"no instance for {use} has {wanted} (models of GPUs: {', '.join(models)}); name an instance instead"
    largest = max((one for one in choices(use) if not one.gpus), key=lambda one: (one.vcpus, one.memory))
    return (
        f"no instance for {use} has {wanted}; the largest is {largest.name} ({largest.vcpus}, {largest.memory:g} GiB)"
    )


@cache
def _listed() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("instances.json").read_bytes())
    return found


def _described() -> Iterator[Instance]:
    for family, per_cpu in _CPU.items():
        for size in _listed()[family]:
            yield Instance(f"ml.{family}.{size}", _vcpus(size), _vcpus(size) * per_cpu)
    for family, (model, per_cpu, several) in _GPU.items():
        for size in _listed()[family]:
            yield Instance(f"ml.{family}.{size}", _vcpus(size), _vcpus(size) * per_cpu, several.get(size, 1), model)
    for (family, size), (model, vcpus, memory, gpus) in _LARGE_GPU.items():
        yield Instance(f"ml.{family}.{size}", vcpus, memory, gpus, model)


def _vcpus(size: str) -> int:
    found = re.fullmatch(r"(\d*)xlarge", size)
    return int(found[1] or 1) * 4 if found else 2
