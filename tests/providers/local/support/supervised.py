"""A small service, put to the supervisor of a home and looked at."""

from __future__ import annotations

import sys
from typing import Any

from local_cloud import SERVER, Cloud, eventually

from providers.local.supervisor import client


def service(name: str = "echo", **fields: Any) -> dict[str, Any]:
    argv = [sys.executable, "-S", str(SERVER), "{port}", "1", "main", *fields.pop("told", [])]
    return {"name": name, "argv": argv, "port": 0, "health": "http://127.0.0.1:{port}/v2/health/ready", **fields}


def put(cloud: Cloud, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.call(cloud.home, "services.put", service=service(**fields))
    return made


def status(cloud: Cloud, name: str = "echo") -> dict[str, Any]:
    found: dict[str, Any] = client.call(cloud.home, "services.get", name=name)
    return found


def ready(cloud: Cloud, name: str = "echo") -> dict[str, Any]:
    found: dict[str, Any] = eventually(lambda: (s := status(cloud, name))["state"] == "ready" and s, what=name)
    return found
