"""What a job runs on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def cpu_count() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Resources:
    """CPUs and GPUs of this machine, and all machines of the job by name, this one's `host`."""

    cpus: int = field(default_factory=cpu_count)
    gpus: int = 0
    hosts: tuple[str, ...] = ("localhost",)
    host: str = "localhost"

    @property
    def rank(self) -> int:
        """Number of this machine, from 0; the machine 0 leads: it writes the model."""
        return self.hosts.index(self.host) if self.host in self.hosts else 0


def gpu_count(devices: Path = Path("/dev")) -> int:
    """NVIDIA GPUs of this machine, by their device files: the driver's own tool takes longer than some jobs."""
    return sum(bool(re.fullmatch(r"nvidia\d+", device.name)) for device in devices.glob("nvidia[0-9]*"))


def as_count(environment: Mapping[str, str], name: str, default: int) -> int:
    """A variable that holds a count; `default` where it is absent or is none."""
    text = environment.get(name, "").strip()
    return int(text) if text.isdigit() else default
