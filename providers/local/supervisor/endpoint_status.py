"""How an endpoint is, from its record and the states of its services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Part = Mapping[str, Any]


def status(record: Mapping[str, Any], parts: Sequence[Part]) -> tuple[str, str]:
    """The contract's `EndpointStatus`, and what is wrong when something is."""
    if record.get("deleting"):
        return "deleting", ""
    operation = record.get("operation")
    if operation is not None:
        if operation["phase"] == "reverting":
            return "rolling-back", str(operation["reason"])
        return ("updating" if record["live"] else "creating"), str(operation["phase"])
    if not record["live"]:
        last = record.get("last")
        return ("failed", str(last["reason"])) if last else ("creating", "")
    return _live(record, parts)


def _live(record: Mapping[str, Any], parts: Sequence[Part]) -> tuple[str, str]:
    name = f"{record['id']}.router.{record['port']}"
    router = next((one for one in parts if one["name"] == name), None)
    if router is None or router["state"] != "ready":
        return "degraded", f"the router is {_why(router)}"
    bad = "; ".join(f"{one['name']} is {_why(one)}" for one in parts if one["state"] != "ready")
    served = [slot for slot in record["live"] if record["weights"].get(slot)]
    dead = [slot for slot in served if not _answers(f"{record['id']}.{slot}.", parts)]
    if dead and len(dead) == len(served):
        return "failed", bad
    return ("degraded", bad) if bad else ("healthy", "")


def _answers(prefix: str, parts: Sequence[Part]) -> bool:
    return any(one["state"] == "ready" and one["name"].startswith(prefix) for one in parts)


def _why(part: Part | None) -> str:
    if part is None:
        return "missing"
    return f"{part['state']} ({part['last_exit']})" if part["last_exit"] else str(part["state"])
