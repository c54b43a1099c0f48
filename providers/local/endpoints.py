"""The kind `Endpoint` on this machine: a router and model servers, kept running by the supervisor.

Ids are names of folders: `<home>/endpoints/<id>/`. What the record there holds is the supervisor's business
(`supervisor/endpoint.py`); this module reads it, and asks the supervisor for every change.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import Cancelled, MooringError, NotFound, PartialFailure, Problem, RolledBack
from providers.local.endpoint import servers
from providers.local.endpoint.endpoint_checks import problems
from providers.local.endpoint.endpoint_logs import follow_logs, read_logs
from providers.local.endpoint.endpoint_requests import predict
from providers.local.home import owned_by, owner_record, valid_id
from providers.local.supervisor import client
from providers.local.supervisor.files import read_json
from providers.values import Deployment, DeploymentState, EndpointSpec, EndpointState, Scoped, Value

Resolve = Callable[[Path, Deployment, Context], dict[str, Any]]

POLL_SECONDS = 0.5


class EndpointKind:
    """Fulfils `providers.contract.Kind`, `HasLogs` and `Predicts`. `cache` is the folder of the environments (the
    user's by default); `resolve` makes a deployment's slot, from its registered version unless told otherwise."""

    spec: ClassVar[type[Scoped]] = EndpointSpec
    state: ClassVar[type[Value]] = EndpointState

    def __init__(self, home: Path, cache: Path | None = None, resolve: Resolve | None = None) -> None:
        self.home = home
        self._resolve = resolve or partial(servers.resolve, cache=cache)

    def check(self, spec: EndpointSpec, context: Context) -> tuple[EndpointSpec, Sequence[Problem]]:
        """What is wrong with it, or impossible on this machine."""
        own = {record["port"] for _, record in self._records() if owned_by(record, context.owner)}
        return spec, problems(spec, own, self._records_of_others(context.owner))

    def _records_of_others(self, owner: Ownership) -> dict[int, str]:
        return {record["port"]: id for id, record in self._records() if not owned_by(record, owner)}

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """The generic comparison; counts that autoscaling owns are not compared."""
        if not new.get("autoscaling") or not old.get("autoscaling"):
            return changes
        owned = tuple(path for path in changes.update if not _is_replica_count(path))
        return Changes(owned, changes.replace, changes.delete_before_replace)

    def find(self, owner: Ownership) -> list[Found]:
        """All that carry the URN (or the stack), newest first; one whose creation failed is not usable."""
        found = [
            (str(record["created"]), Found(id, _owner(record), bool(record["claimed"]), _usable(record)))
            for id, record in self._records()
            if owned_by(record, owner) and not record.get("deleting")
        ]
        return [one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def create(self, spec: EndpointSpec, context: Context) -> str:
        """Reserve the name and the port; `wait` does the rest."""
        id: str = client.call(
            self.home,
            "endpoint.reserve",
            id=physical_name(spec, context.owner),
            fixed=spec.physical_name is not None,
            owner=owner_record(context.owner),
            port=spec.port,
            spec=spec.to_wire(),
        )
        boundary("endpoint:reserved")
        return id

    def wait(self, id: str, spec: EndpointSpec, context: Context) -> EndpointState:
        """Bring it to what `spec` asks. Raises RolledBack, with the reason, when the first servers are no good."""
        self._apply(id, spec, context)
        return self._state(id)

    def claim(self, id: str) -> None:
        """Some state holds it from now on."""
        client.call(self.home, "endpoint.claim", id=id)
        boundary("endpoint:claimed")

    def read(self, id: str) -> tuple[EndpointSpec | None, EndpointState] | None:
        """As it was asked for, and as it is now; any supervisor that should run does so afterwards."""
        record = self._view(id)
        if record is None or record["status"] == "deleting":
            return None
        return EndpointSpec.model_validate(record["spec"]), state_of(record)

    def update(self, id: str, old: Mapping[str, Any], new: EndpointSpec, context: Context) -> EndpointState:
        """Roll `new` out. Raises RolledBack when it was no good and everything is as before, PartialFailure when
        nothing served before either."""
        if self._view(id) is None:
            raise NotFound(f"endpoint '{id}' does not exist on this machine any more; `refresh` notes that")
        self._apply(id, new, context)
        return self._state(id)

    def delete(self, id: str, context: Context) -> None:
        """Finish what is under way, end router and servers, forget it; silent when it is gone."""
        if valid_id(id) and (self.home / "endpoints" / id).exists():
            context.progress("letting requests under way finish", None)
            client.call(self.home, "endpoint.delete", timeout=120.0, id=id)
            boundary("endpoint:deleted")
            client.settle(self.home)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of all its servers and its router, each with its source in front. Raises NotFound."""
        folder = self.home / "endpoints" / id
        if not valid_id(id) or not folder.is_dir():
            raise NotFound(f"no endpoint '{id}' on this machine")
        yield from read_logs(folder / "logs", tail)
        if follow:
            yield from follow_logs(folder / "logs", lambda: folder.is_dir())

    def predict(self, id: str, rows: Sequence[Mapping[str, Any]], *, timeout: float = 30.0) -> dict[str, Any]:
        """Ask the endpoint. Raises NotFound, InvalidInput with the server's words for bad rows, Unavailable."""
        record = self._record(id)
        if record is None:
            raise NotFound(f"no endpoint '{id}' on this machine")
        return predict(self.home, int(record["port"]), rows, timeout)

    # Rollouts

    def _apply(self, id: str, spec: EndpointSpec, context: Context) -> None:
        slots = [self._resolve(self.home, one, context) for one in spec.deployments]
        context.check_cancelled(id)
        operation = client.call(
            self.home,
            "endpoint.apply",
            timeout=90.0,
            id=id,
            slots=slots,
            rollout=spec.rollout.model_dump(),
            autoscaling=spec.autoscaling.model_dump() if spec.autoscaling else None,
            port=spec.port,
            owner=owner_record(context.owner),
            spec=spec.to_wire(),
        )
        boundary("endpoint:rollout-begun")
        self._follow(id, operation, context)

    def _follow(self, id: str, operation: str, context: Context) -> None:
        """Report progress until the operation has ended, and raise what became of it."""
        seen, told = -1, ""
        while True:
            if context.cancel.is_set():
                client.call(self.home, "endpoint.abort", id=id)
                raise Cancelled(f"the rollout of endpoint '{id}' was turned back", id=id)
            if context.deadline is not None and time.monotonic() > context.deadline:
                client.call(self.home, "endpoint.abort", id=id)
                raise PartialFailure(f"endpoint '{id}' was not updated in time; it was turned back", id=id)
            record = client.call(self.home, "endpoint.poll", id=id, seen=seen, seconds=POLL_SECONDS)
            if record is None:
                raise PartialFailure(f"endpoint '{id}' was deleted meanwhile", id=id)
            seen = record["sequence"]
            last = record["last"]
            if record["operation"] is None and last is not None and last["id"] == operation:
                return _end(id, last, had_live=bool(record["live"]))
            if record["stalled"] and record["operation"] is not None:
                raise PartialFailure(f"the rollout of endpoint '{id}' stopped; see {self.home}/supervisor/log", id=id)
            if record["operation"] is None or record["operation"]["id"] != operation:
                raise PartialFailure(f"another update of endpoint '{id}' took the place of this one", id=id)
            if record.get("message") and record["message"] != told:
                told = record["message"]
                context.progress(told, record.get("fraction"))

    # Records

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in sorted((self.home / "endpoints").glob("*/endpoint.json")):
            record = self._record(path.parent.name)
            if record is not None:
                yield path.parent.name, record

    def _record(self, id: str) -> dict[str, Any] | None:
        if not valid_id(id):
            return None
        try:
            return read_json(self.home / "endpoints" / id / "endpoint.json")
        except ValueError as error:
            raise MooringError(str(error)) from error

    def _view(self, id: str) -> dict[str, Any] | None:
        if self._record(id) is None:
            return None
        view: dict[str, Any] | None = client.call(self.home, "endpoint.get", id=id)
        return view

    def _state(self, id: str) -> EndpointState:
        record = self._view(id)
        if record is None:
            raise PartialFailure(f"endpoint '{id}' was deleted meanwhile", id=id)
        return state_of(record)


def physical_name(spec: EndpointSpec, owner: Ownership) -> str:
    """The name that the user fixed, else the spec's with a short hash of whose it is."""
    if spec.physical_name is not None:
        return spec.physical_name
    whose = f"{owner.project}\0{owner.stack}\0{owner.urn}"
    return f"{spec.name}-{hashlib.sha256(whose.encode()).hexdigest()[:6]}"


def state_of(record: Mapping[str, Any]) -> EndpointState:
    """The contract's state from the supervisor's view of an endpoint."""
    url = f"http://127.0.0.1:{record['port']}"
    last = record.get("last") or {}
    live = [
        DeploymentState(
            name=facts["name"],
            model=facts["model"],
            version=facts["version"],
            digest=facts["digest"],
            weight=round(record["weights"].get(slot, 0)),
            replicas=int(record["scale"].get(slot, facts["replicas"])),
        )
        for slot in record["live"]
        if (facts := record["slots"].get(slot)) is not None
    ]
    reason = record["detail"] or (last.get("reason", "") if last.get("result") != "done" else "")
    return EndpointState(
        endpoint=record["id"],
        url=url,
        predict_url=url + servers.PREDICT_PATH,
        status=record["status"],
        deployments=live,
        reason=reason,
    )


def _end(id: str, last: Mapping[str, Any], had_live: bool) -> None:
    if last["result"] == "done":
        return
    if last["result"] == "rolled-back":
        raise RolledBack(f"endpoint '{id}' was rolled back: {last['reason']}")
    raise RolledBack(f"endpoint '{id}' could not start, and nothing of it was left running: {last['reason']}")


def _is_replica_count(path: str) -> bool:
    return path.startswith("deployments[") and path.endswith(".replicas")


def _owner(record: Mapping[str, Any]) -> Ownership:
    return Ownership(**{key: str(record["owner"][key]) for key in ("project", "stack", "urn", "inputs")})


def _usable(record: Mapping[str, Any]) -> bool:
    last = record.get("last")
    return bool(record["live"]) or record.get("operation") is not None or last is None
