"""One endpoint in the supervisor: its record, its servers and router as services, its route table.

The record (`endpoint.json`) is the only truth; everything here may be repeated after a crash. A *slot* is one
deployment with one content (model, digest, environment): `main-3fa2c1b0`. An update that changes the content
makes a new slot beside the old one; a change of weight or replicas keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from providers.boundaries import boundary
from providers.local.router.table import Address, Route, Table
from providers.local.supervisor import sockets
from providers.local.supervisor.endpoint_status import status
from providers.local.supervisor.files import read_json, write_json
from providers.local.supervisor.keeper import Keeper
from providers.local.supervisor.router_service import router_service
from providers.local.supervisor.service import Service
from providers.local.supervisor.services import Services

KEEP_LOGS = 20
TIMEOUT = 60.0
"""Seconds that a server has for an answer where its slot does not say."""


class Endpoint:
    """Record and parts of one endpoint. `changed` is notified at every save; `sequence` counts them."""

    def __init__(self, home: Path, services: Services, record: dict[str, Any]) -> None:
        self.id = str(record["id"])
        self.folder = home / "endpoints" / self.id
        self.control = sockets.socket_path(home, f"r-{record['tag']}")
        self.record = record
        self.changed = threading.Condition(threading.RLock())
        self.sequence = 0
        self.deletion = threading.Lock()
        self.scaling = threading.Lock()
        self._services = services
        self._routed: Table | None = None

    # The record

    def save(self, **changes: Any) -> None:
        """Write the record with `changes` applied; on return it is on disk."""
        with self.changed:
            self.record.update(changes)
            self.record["deployments"] = list(self.record["slots"].values())
            write_json(self.folder / "endpoint.json", self.record)
            boundary("endpoint:record-written")
            self.sequence += 1
            self.changed.notify_all()

    def note(self, message: str, fraction: float | None = None) -> None:
        """What is being done, for displays; not worth a write."""
        with self.changed:
            if self.record.get("message") == message:
                return
            self.record["message"], self.record["fraction"] = message, fraction
            self.sequence += 1
            self.changed.notify_all()

    @property
    def group(self) -> str:
        """The group of all its services."""
        return f"endpoint:{self.id}"

    # The servers

    def scale(self, slot: str, replicas: int) -> None:
        """Have `replicas` servers of a slot; surplus ones leave the table, finish, and end."""
        facts = self.record["slots"][slot]
        for index in range(replicas):
            self._services.put(self._server(facts, index))
        if surplus := [name for name in self._servers(slot) if _index(name) >= replicas]:
            self._route_without(set(surplus))
            for name in surplus:
                self._services.remove(name)
        with self.changed:
            self.record["scale"][slot] = replicas

    def _server(self, facts: Mapping[str, Any], index: int) -> Service:
        return Service(
            name=f"{self.id}.{facts['slot']}.{index}",
            argv=tuple(facts["argv"]),
            env=dict(facts["env"]),
            cwd=str(facts.get("cwd", "")),
            port=0,
            health="http://127.0.0.1:{port}" + str(facts["ready_path"]),
            log=str(self.folder / "logs" / f"{facts['slot']}.{index}.log"),
            stop_seconds=15.0,
            group=self.group,
        )

    def _servers(self, slot: str) -> list[str]:
        prefix = f"{self.id}.{slot}."
        return [one["name"] for one in self._services.list(self.group) if one["name"].startswith(prefix)]

    def keepers(self, slot: str) -> list[Keeper]:
        """The keepers of a slot's servers."""
        found = (self._services.peek(name) for name in sorted(self._servers(slot), key=_index))
        return [one for one in found if one is not None]

    def stop_slots(self, slots: Iterable[str]) -> None:
        """End the servers of slots that have no traffic, and forget the slots."""
        for slot in list(slots):
            for name in self._servers(slot):
                self._services.remove(name)
            with self.changed:
                self.record["slots"].pop(slot, None)
                self.record["scale"].pop(slot, None)
                self.record["weights"].pop(slot, None)
        self._prune_logs()

    def _prune_logs(self) -> None:
        live = tuple(self.record["slots"])
        logs = (self.folder / "logs").glob("*.log*")
        old = [path for path in logs if not path.name.startswith(live)] if live else list(logs)
        for path in sorted(old, key=lambda one: one.stat().st_mtime)[:-KEEP_LOGS]:
            path.unlink(missing_ok=True)

    # The router

    def start_router(self) -> Keeper:
        """Have a router on the record's port."""
        self._write_table()
        service = router_service(self.id, self.record["port"], self.folder, self.control, self.group)
        self._services.put(service)
        keeper = self._services.peek(service.name)
        assert keeper is not None
        return keeper

    def stop_routers(self, *, but: int | None = None) -> None:
        """End every router that is not on port `but`; each finishes what is under way."""
        prefix = f"{self.id}.router."
        for one in self._services.list(self.group):
            if one["name"].startswith(prefix) and one["name"] != f"{prefix}{but}":
                self._services.remove(one["name"])

    def route(self, weights: Mapping[str, float]) -> None:
        """Split the traffic so from now on. Returns when the router has swapped, or is not there to be told."""
        self.save(weights={slot: weight for slot, weight in weights.items() if slot in self.record["slots"]})
        self._write_table()
        self._reload()

    def _write_table(self, without: frozenset[str] = frozenset()) -> None:
        with self.changed:
            routes = tuple(self._route(slot, weight, without) for slot, weight in self.record["weights"].items())
            generation = int(self.record["generation"]) + 1
            self.record["generation"] = generation
            self._routed = Table(self.id, generation, routes, self._ready_path(), self._timeout())
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "routes.json", self._routed.to_json())

    def _ready_path(self) -> str:
        return next((str(one["ready_path"]) for one in self.record["slots"].values()), "/v2/health/ready")

    def _timeout(self) -> float:
        """Seconds that a server has for an answer: the longest that a slot's facts allow."""
        return max((float(one.get("timeout", TIMEOUT)) for one in self.record["slots"].values()), default=TIMEOUT)

    def _route(self, slot: str, weight: float, without: frozenset[str]) -> Route:
        facts = self.record["slots"][slot]
        return Route(slot, facts["name"], facts["model"], str(facts["version"]), weight, self._addresses(slot, without))

    def _addresses(self, slot: str, without: frozenset[str]) -> tuple[Address, ...]:
        return tuple(
            Address("127.0.0.1", keeper.service.port)
            for keeper in self.keepers(slot)
            if keeper.was_ready and keeper.service.port and keeper.service.name not in without
        )

    def _reload(self) -> None:
        """Tell the router; one that does not run reads the table when it starts."""
        for _ in range(20):
            try:
                answer = sockets.ask(self.control, {"op": "reload"}, 2.0)
            except (OSError, ValueError):
                time.sleep(0.05)
                if self.router_pid() is None:
                    return
                continue
            if answer.get("ok"):
                return

    def _route_without(self, names: set[str]) -> None:
        """Take servers out of the table and wait until nothing is under way on them."""
        self._write_table(frozenset(names))
        self._reload()
        ports = {keeper.service.port for name in names if (keeper := self._services.peek(name)) is not None}
        self.wait_drained(lambda key: int(key.rpartition("@")[2]) in ports)

    def wait_drained(self, concerns: Any, seconds: float = 30.0) -> None:
        """Wait until no retired replica that `concerns` (by its key `slot@port`) has a request under way."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            counters = self.counters()
            if counters is None or not any(concerns(key) for key in counters["retired"]):
                return
            time.sleep(0.05)

    def counters(self) -> dict[str, Any] | None:
        """The router's counters; None when it does not answer."""
        try:
            answer = sockets.ask(self.control, {"op": "stats"}, 2.0)
        except (OSError, ValueError):
            return None
        return answer if answer.get("ok") else None

    def router_pid(self) -> int | None:
        """The router's process, None while there is none."""
        keeper = self._services.peek(f"{self.id}.router.{self.record['port']}")
        return None if keeper is None else keeper.status()["pid"]

    def refresh_routes(self) -> None:
        """A server became ready for the first time or changed its port: route to it."""
        with self.changed:
            if self._routed is None or not self.record["weights"]:
                return
            routes = {one.slot: one.replicas for one in self._routed.routes}
            now = {slot: self._addresses(slot, frozenset()) for slot in self.record["weights"]}
            if any(set(now[slot]) - set(routes.get(slot, ())) for slot in now):
                self._write_table()
                stale = True
            else:
                stale = False
        if stale:
            self._reload()

    def ensure_parts(self) -> None:
        """After a restart: have the services of what is live, as the record says."""
        for slot in self.record["live"]:
            facts = self.record["slots"][slot]
            self.scale(slot, int(self.record["scale"].get(slot, facts["replicas"])))
        if self.record["live"]:
            self.start_router()
            self._reload()

    # For callers

    def view(self) -> dict[str, Any]:
        """The record and how its parts are, in plain values."""
        with self.changed:
            record = dict(self.record)
        parts = self._services.list(self.group)
        record["services"] = parts
        record["sequence"] = self.sequence
        record["status"], record["detail"] = status(self.record, parts)
        return record


def load(path: Path) -> dict[str, Any] | None:
    """The record of the endpoint whose folder is `path`. Raises ValueError when it is damaged."""
    return read_json(path / "endpoint.json")


def _index(service: str) -> int:
    return int(service.rpartition(".")[2])
