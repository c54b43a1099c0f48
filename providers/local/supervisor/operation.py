"""What a rollout has to know, on disk, to go either way."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint(slots: list[dict[str, Any]], port: int | None, autoscaling: dict[str, Any] | None) -> str:
    """What makes two updates the same one."""
    facts = json.dumps([slots, port, autoscaling], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def begin(
    id: str,
    wanted: str,
    record: dict[str, Any],
    slots: list[dict[str, Any]],
    rollout: dict[str, Any],
    autoscaling: dict[str, Any] | None,
) -> dict[str, Any]:
    """What a rollout has to know to go either way, whatever happens to this process."""
    target = [one["slot"] for one in slots]
    replicas = {one["slot"]: int(one["replicas"]) for one in slots}
    if autoscaling:
        low, high = int(autoscaling["min_replicas"]), int(autoscaling["max_replicas"])
        replicas = {slot: min(high, max(low, int(record["scale"].get(slot, low)))) for slot in replicas}
    live = set(record["live"])
    return {
        "id": id,
        "fingerprint": wanted,
        "phase": "starting",
        "step": 0,
        "reason": "",
        "target": target,
        "new": [slot for slot in target if slot not in live],
        "from": {slot: float(weight) for slot, weight in record["weights"].items() if slot in live},
        "to": {one["slot"]: float(one["weight"]) for one in slots},
        "replicas": replicas,
        "old_replicas": {slot: count for slot, count in record["scale"].items() if slot in live},
        "old_port": record["port"],
        "before": {key: record[key] for key in ("spec", "owner", "autoscaling", "fixed_port")},
        "rollout": rollout,
    }
