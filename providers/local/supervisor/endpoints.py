"""All endpoints of a home: what the control socket offers for them.

Every operation may be repeated: `reserve` of a name that this URN holds unclaimed returns it, `apply` of what
is under way joins it, `delete` of what is gone is silent.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from providers.errors import AlreadyExists, ConflictError, NotFound
from providers.local.endpoint.rollout import Rollout
from providers.local.records import sync_folder
from providers.local.supervisor import autoscale, operation, ports
from providers.local.supervisor.endpoint import Endpoint, load
from providers.local.supervisor.identity import port_holder
from providers.local.supervisor.services import Services

ABORT_SECONDS = 60.0


class Endpoints:
    """The endpoints, their rollouts and their autoscaling."""

    def __init__(self, home: Path, services: Services) -> None:
        self._home = home
        self._services = services
        self._endpoints: dict[str, Endpoint] = {}
        self._rollouts: dict[str, Rollout] = {}
        self._lock = threading.RLock()
        self._leaving = threading.Event()

    def load(self) -> None:
        """Take up every endpoint of the home, and what was under way on it; end services that belong to none."""
        for path in sorted((self._home / "endpoints").glob("*/endpoint.json")):
            try:
                record = load(path.parent)
                if record is not None:
                    self._endpoints[record["id"]] = Endpoint(self._home, self._services, record)
            except (ValueError, KeyError) as error:
                print(f"{path}: {error}", file=sys.stderr, flush=True)
        groups = {one.group for one in self._endpoints.values()}
        for status in self._services.list():
            if status["group"].startswith("endpoint:") and status["group"] not in groups:
                self._services.remove(status["name"])
        for endpoint in list(self._endpoints.values()):
            try:
                self._take_up(endpoint)
            except (OSError, KeyError, TypeError) as error:  # a full disk, a record cut by hand: the others go on
                print(f"endpoint {endpoint.id} is not taken up: {error!r}", file=sys.stderr, flush=True)
        threading.Thread(target=self._autoscale, name="autoscale", daemon=True).start()

    def _take_up(self, endpoint: Endpoint) -> None:
        if endpoint.record.get("deleting"):
            threading.Thread(target=self.delete, args=(endpoint.id,), daemon=True).start()
            return
        endpoint.ensure_parts()
        if endpoint.record.get("operation") is not None:
            self._begin(endpoint)

    def service_changed(self, name: str) -> None:
        """A service entered another state."""
        endpoint = self._endpoints.get(name.partition(".")[0])
        if endpoint is not None:
            endpoint.refresh_routes()

    def busy(self) -> bool:
        """Whether a rollout is under way."""
        return any(one.is_alive() for one in list(self._rollouts.values()))

    def leave(self) -> None:
        """Stop here; the next supervisor takes it up."""
        self._leaving.set()
        for rollout in list(self._rollouts.values()):
            rollout.halt()

    # Operations

    def reserve(self, id: str, fixed: bool, owner: dict[str, str], port: int | None, spec: dict[str, Any]) -> str:
        """Make the record of a new endpoint, with its port, and return its id.

        `id` taken by the same URN: its unclaimed record is returned, beside a claimed one a numbered id is made
        (a replacement). Taken by another, or by a claimed one when the name is `fixed`: AlreadyExists.
        """
        existing = self._endpoints.get(id)
        if existing is not None and existing.record.get("deleting"):
            self.delete(id)  # wait for the end of it
        with self._lock:
            for candidate in [id] if fixed else [id, *(f"{id}-{number}" for number in range(2, 100))]:
                endpoint = self._endpoints.get(candidate)
                if endpoint is None:
                    return self._make(candidate, owner, port, spec)
                other = endpoint.record["owner"]
                same = all(other[key] == owner[key] for key in ("project", "stack", "urn"))
                if same and not endpoint.record["claimed"] and not endpoint.record.get("deleting"):
                    endpoint.save(owner=owner, spec=spec)
                    return candidate
                if fixed or not same:
                    raise AlreadyExists(
                        f"an endpoint named '{candidate}' exists already; it belongs to {other['urn']} "
                        f"of stack {other['project']}/{other['stack']}"
                    )
            raise AlreadyExists(f"there are 99 endpoints named '{id}' already; delete some")

    def _make(self, id: str, owner: dict[str, str], port: int | None, spec: dict[str, Any]) -> str:
        self._must_be_free(port, None)
        chosen = port or ports.choose(f"{self._home}/{id}", self._ports())
        record: dict[str, Any] = {
            "format": 1, "id": id, "tag": hashlib.sha256(id.encode()).hexdigest()[:8], "owner": owner,
            "claimed": False, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "spec": spec,
            "port": chosen, "fixed_port": port is not None, "generation": 0, "slots": {}, "scale": {}, "weights": {},
            "live": [], "applied": "", "operation": None, "last": None, "autoscaling": None,
        }  # fmt: skip
        endpoint = Endpoint(self._home, self._services, record)
        endpoint.folder.mkdir(parents=True, exist_ok=True)
        endpoint.save()
        sync_folder(endpoint.folder.parent)
        self._endpoints[id] = endpoint
        return id

    def _must_be_free(self, port: int | None, but: Endpoint | None) -> None:
        if port is None:
            return
        for other in self._endpoints.values():
            if other is not but and other.record["port"] == port:
                raise AlreadyExists(f"port {port} belongs to endpoint '{other.id}'; choose another one")
        if (but is None or but.record["port"] != port) and not ports.is_free(port):
            holder = port_holder(port)
            by = f" by {holder}" if holder else ""
            raise AlreadyExists(f"port {port} is in use{by}; choose another one, or none to get a free one")

    def _ports(self) -> frozenset[int]:
        return frozenset(int(one.record["port"]) for one in self._endpoints.values())

    def apply(
        self,
        id: str,
        slots: list[dict[str, Any]],
        rollout: dict[str, Any],
        autoscaling: dict[str, Any] | None,
        port: int | None,
        owner: dict[str, str],
        spec: dict[str, Any],
    ) -> str:
        """Begin to make the endpoint as given; returns the operation's id, to be looked for in `last`."""
        endpoint = self._get(id)
        wanted = operation.fingerprint(slots, port, autoscaling)
        running = self._join_or_abort(endpoint, wanted)
        if running is not None:
            return running
        with self._lock:
            self._must_be_free(port, endpoint)
            record = endpoint.record
            operation_id = f"{wanted}-{time.time_ns():x}"
            unchanged = record["applied"] == wanted and record["live"]
            begun = None if unchanged else operation.begin(operation_id, wanted, record, slots, rollout, autoscaling)
            last = {"id": operation_id, "result": "done", "reason": ""} if unchanged else record["last"]
            new_slots = {one["slot"]: one for one in slots}
            endpoint.save(
                owner=owner, spec=spec, operation=begun, last=last, autoscaling=autoscaling,
                slots={**record["slots"], **({} if unchanged else new_slots)},
                port=port or record["port"], fixed_port=port is not None,
            )  # fmt: skip
            if begun is not None:
                self._begin(endpoint)
            return operation_id

    def _join_or_abort(self, endpoint: Endpoint, wanted: str) -> str | None:
        """The operation under way when it is the wanted one; another one is turned back first."""
        until = time.monotonic() + ABORT_SECONDS
        while (running := endpoint.record.get("operation")) is not None:
            rollout = self._rollouts.get(endpoint.id)
            if rollout is None or not rollout.is_alive():
                self._begin(endpoint)  # its thread did not get to the end (a bug, a disk that was full)
                continue
            if time.monotonic() > until:
                raise ConflictError(f"another rollout of endpoint '{endpoint.id}' is still under way; try again")
            if running["fingerprint"] == wanted and running["phase"] != "reverting":
                return str(running["id"])
            rollout.abort("another update was asked for")
            rollout.join(0.2)
        return None

    def _begin(self, endpoint: Endpoint) -> None:
        rollout = self._rollouts[endpoint.id] = Rollout(endpoint)
        rollout.start()

    def abort(self, id: str, reason: str = "it was cancelled") -> None:
        """Turn a rollout back; silent when there is none."""
        rollout = self._rollouts.get(id)
        if rollout is not None:
            rollout.abort(reason)

    def scale(self, id: str, slot: str, replicas: int) -> None:
        """Have so many servers of a slot that is live, without a rollout; new ones get requests once they are ready.

        Raises NotFound for a slot that is not live, ConflictError while the endpoint is being changed.
        """
        endpoint = self._get(id)
        with endpoint.scaling:
            if endpoint.record.get("operation") is not None:
                raise ConflictError(f"endpoint '{id}' is being changed; try again")
            if slot not in endpoint.record["live"]:
                raise NotFound(f"endpoint '{id}' serves nothing by the slot '{slot}'")
            if endpoint.record["scale"].get(slot) != replicas:
                endpoint.scale(slot, replicas)
                endpoint.save()

    def claim(self, id: str) -> None:
        """Some state holds this id now."""
        self._get(id).save(claimed=True)

    def get(self, id: str) -> dict[str, Any] | None:
        """The record with `status` and `services`; None when there is none."""
        endpoint = self._endpoints.get(id)
        return endpoint.view() if endpoint is not None else None

    def poll(self, id: str, seen: int, seconds: float) -> dict[str, Any] | None:
        """`get`, as soon as there is something newer than `seen`, at the latest after `seconds`."""
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            return None
        with endpoint.changed:
            if endpoint.sequence == seen:
                endpoint.changed.wait(min(seconds, 5.0))
        with self._lock:  # `apply` begins its rollout under it
            rollout = self._rollouts.get(id)
            stalled = endpoint.record.get("operation") is not None and (rollout is None or not rollout.is_alive())
        return {**endpoint.view(), "stalled": stalled}

    def delete(self, id: str) -> None:
        """Take no more requests, finish those under way, end everything, forget it; silent when it is gone."""
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            return
        with endpoint.deletion:
            if self._endpoints.get(id) is endpoint:
                self._delete(endpoint)

    def _delete(self, endpoint: Endpoint) -> None:
        id = endpoint.id
        endpoint.save(deleting=True)
        rollout = self._rollouts.pop(id, None)
        if rollout is not None:
            rollout.halt()
        endpoint.stop_routers()
        for status in self._services.list(endpoint.group):
            self._services.remove(status["name"])
        endpoint.control.unlink(missing_ok=True)
        (endpoint.folder / "endpoint.json").unlink(missing_ok=True)  # last of what matters: until then it resumes
        shutil.rmtree(endpoint.folder, ignore_errors=True)
        with self._lock:
            self._endpoints.pop(id, None)

    def _get(self, id: str) -> Endpoint:
        endpoint = self._endpoints.get(id)
        if endpoint is None or endpoint.record.get("deleting"):
            raise NotFound(f"no endpoint '{id}' on this machine")
        return endpoint

    def _autoscale(self) -> None:
        scalers: dict[str, autoscale.Scaler] = {}
        while not self._leaving.wait(autoscale.SECONDS):
            for id, endpoint in list(self._endpoints.items()):
                if endpoint.record.get("autoscaling") and not endpoint.record.get("operation"):
                    try:
                        scalers.setdefault(id, autoscale.Scaler(endpoint)).step()
                    except (OSError, KeyError) as error:  # deleted meanwhile, a full disk: the next look tells
                        print(f"autoscaling of {id}: {error!r}", file=sys.stderr, flush=True)
