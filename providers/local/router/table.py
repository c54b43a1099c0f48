"""The route table: which replicas serve which deployment, and each one's share.

The supervisor writes it (`routes.json`); a router that starts reads it, so a killed one comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.local.supervisor.files import read_json


@dataclass(frozen=True)
class Address:
    """Where one replica listens."""

    host: str
    port: int


@dataclass(frozen=True)
class Route:
    """One deployment. `slot` tells two generations of one deployment apart; weight 0 takes only requests that
    ask for it by name."""

    slot: str
    deployment: str
    model: str
    version: str
    weight: float
    replicas: tuple[Address, ...]


@dataclass(frozen=True)
class Table:
    """All of an endpoint's routes. `timeout` is the seconds a replica has to answer.

    `replay` says that repeating any request is harmless, as it is with predictions: then a request whose
    replica dies before its reply is given to another one.
    """

    endpoint: str
    generation: int
    routes: tuple[Route, ...]
    ready_path: str = "/v2/health/ready"
    timeout: float = 60.0
    replay: bool = True

    def to_json(self) -> dict[str, Any]:
        """As it is written to disk."""
        return {
            "endpoint": self.endpoint,
            "generation": self.generation,
            "ready_path": self.ready_path,
            "timeout": self.timeout,
            "replay": self.replay,
            "routes": [
                {
                    "slot": route.slot,
                    "deployment": route.deployment,
                    "model": route.model,
                    "version": route.version,
                    "weight": route.weight,
                    "replicas": [[one.host, one.port] for one in route.replicas],
                }
                for route in self.routes
            ],
        }


def parse(value: Mapping[str, Any]) -> Table:
    """A table from its JSON form. Raises KeyError, TypeError or ValueError on anything else."""
    return Table(
        endpoint=str(value["endpoint"]),
        generation=int(value["generation"]),
        ready_path=str(value.get("ready_path", "/v2/health/ready")),
        timeout=float(value.get("timeout", 60.0)),
        replay=bool(value.get("replay", True)),
        routes=tuple(
            Route(
                slot=str(route["slot"]),
                deployment=str(route["deployment"]),
                model=str(route["model"]),
                version=str(route["version"]),
                weight=float(route["weight"]),
                replicas=tuple(Address(str(host), int(port)) for host, port in route["replicas"]),
            )
            for route in value["routes"]
        ),
    )


def load(path: Path) -> Table:
    """The table in `path`; an empty one when there is none yet. Raises ValueError when it is damaged."""
    value = read_json(path)
    if value is None:
        return Table(endpoint="", generation=0, routes=())
    try:
        return parse(value)
    except (KeyError, TypeError) as cause:
        raise ValueError(f"{path} is not a route table: {cause!r}") from cause
