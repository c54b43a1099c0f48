"""The router of an endpoint as a service."""

from __future__ import annotations

import sys
from pathlib import Path

from providers.local.supervisor.service import Service
from providers.paths import KIT


def router_service(id: str, port: int, folder: Path, control: Path, group: str) -> Service:
    """The supervisor listens on `port` and hands the socket over, so nobody is refused while a router restarts."""
    arguments = ("--fd", "{fd}", "--routes", str(folder / "routes.json"), "--control", str(control))
    return Service(
        name=f"{id}.router.{port}",
        argv=(sys.executable, "-m", "providers.local.router", *arguments),
        env={"PYTHONPATH": str(KIT), "PYTHONUNBUFFERED": "1"},
        cwd="/",
        listen=port,
        health=f"http://127.0.0.1:{port}/metrics",
        log=str(folder / "logs" / f"router.{port}.log"),
        stop_seconds=25.0,
        group=group,
    )
