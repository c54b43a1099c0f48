"""A rollout: from the deployments that serve now to those that should, or back.

::

    starting ─ smoke ─ shifting ─ baking ─ finishing ─▶ done
        └────────┴────────┴─────────┴──▶ reverting ─▶ rolled-back  (or `failed` when there was nothing before)

Runs in the supervisor, one thread an endpoint. Each phase is written to the endpoint's record before it
begins and may be run again, so a supervisor killed anywhere is followed by one that goes on from there.
Until `finishing` nothing of the old deployments is touched but their share of the traffic.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from providers.local.supervisor.children import log_path
from providers.local.supervisor.endpoint import Endpoint
from providers.local.supervisor.files import tail
from providers.local.supervisor.keeper import Keeper
from providers.local.supervisor.trial import Breach, try_server
from providers.local.supervisor.watch import Watch

TICK = 0.1
LEAST_WATCH = 1.0
"""Seconds that new deployments are watched under traffic, even when no time to bake was asked for."""

MOST_FAILURES = 60
"""Times that the end of a rollout is tried, once a second."""

IDLE_WATCH = 0.3
"""Seconds after which a watch that nobody asked for ends when no request has come."""


class Halt(Exception):
    """The supervisor leaves; the record stays as it is for the next one."""


class Rollout(threading.Thread):
    """Carries out the record's `operation`. `abort` turns it back, `halt` leaves it for a later supervisor."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(name=f"rollout-{endpoint.id}", daemon=True)
        self._endpoint = endpoint
        self._operation: dict[str, Any] = endpoint.record["operation"]
        self._halt = threading.Event()
        self._abort = ""
        self._failures = 0
        self._phases: dict[str, Callable[[], str]] = {
            "starting": self._starting,
            "smoke": self._smoke,
            "shifting": self._shifting,
            "baking": self._baking,
            "finishing": self._finishing,
            "reverting": self._reverting,
        }

    def abort(self, reason: str) -> None:
        """Turn back as soon as possible; too late while it is finishing."""
        self._abort = reason

    def halt(self) -> None:
        """Stop here; a later supervisor goes on."""
        self._halt.set()
        self.join()

    def run(self) -> None:
        """Phase after phase until the end."""
        phase = self._operation["phase"]
        try:
            while phase in self._phases:
                phase = self._step(phase)
        except Halt:
            return

    def _step(self, phase: str) -> str:
        """One phase and the note of the next one. What cannot be turned back is tried until it works."""
        operation = self._operation
        try:
            operation["phase"] = phase
            following = self._phases[phase]()
            self._enter(following)
            return following
        except Halt:
            raise
        except Breach as breach:
            reason = str(breach)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            reason = f"{phase}: {error}"
            if phase in ("finishing", "reverting"):
                self._failures += 1
                if self._failures > MOST_FAILURES:
                    raise Halt from error  # the next update, or the next supervisor, tries again
                self._pause(1.0)
                return phase
        operation["reason"] = reason
        with contextlib.suppress(OSError):  # unwritten, it is found out again after a restart
            self._enter("reverting")
        return "reverting"

    def _enter(self, phase: str) -> None:
        operation = self._operation
        operation["phase"] = phase
        if phase in self._phases:
            self._endpoint.save(operation=operation)
            return
        last = {"id": operation["id"], "result": phase, "reason": operation["reason"]}
        self._endpoint.note("")
        self._endpoint.save(operation=None, last=last)

    # Phases

    def _starting(self) -> str:
        operation, endpoint = self._operation, self._endpoint
        for slot, replicas in operation["replicas"].items():
            endpoint.scale(slot, max(replicas, len(endpoint.keepers(slot)) if slot in endpoint.record["live"] else 0))
        router = endpoint.start_router()
        new = [keeper for slot in operation["target"] for keeper in endpoint.keepers(slot)]
        crashes = {keeper: keeper.crashes for keeper in new if _slot(keeper, endpoint) not in operation["new"]}
        limit = float(operation["rollout"]["ready_seconds"])
        until = time.monotonic() + limit
        while not all(keeper.state == "ready" for keeper in [*new, router]):
            for keeper in new:
                if keeper.crashes > crashes.get(keeper, 0):
                    raise Breach(f"the model server of {_what(keeper, endpoint)} {_last_words(keeper)}")
            waiting = [keeper for keeper in new if keeper.state != "ready"]
            if time.monotonic() > until:
                late = waiting[0] if waiting else router
                raise Breach(
                    f"{_what(late, endpoint)} was not ready within {limit:g} s"
                    + (f": {late.last_exit}" if late.last_exit else "")
                )
            endpoint.note(f"starting: {len(new) - len(waiting)} of {len(new)} servers ready", 0.1)
            self._pause()
        endpoint.route({**dict.fromkeys(operation["to"], 0.0), **operation["from"]})
        return "smoke"

    def _smoke(self) -> str:
        """Ask each new server directly, before it gets any traffic."""
        self._endpoint.note("trying the new servers", 0.2)
        limit = self._operation["rollout"].get("max_latency_ms")
        for slot in self._operation["new"]:
            facts = self._endpoint.record["slots"][slot]
            for keeper in self._endpoint.keepers(slot):
                for question in facts.get("smoke", ()):
                    try_server(keeper.service.port or 0, facts["name"], question, limit)
                    self._pause(0.0)
        return "shifting"

    def _shifting(self) -> str:
        operation, rules = self._operation, self._operation["rollout"]
        if operation["from"] and rules["strategy"] != "all-at-once":
            step = rules["step_percent"] / 100
            steps = [step] if rules["strategy"] == "canary" else [step * n for n in range(1, int(0.9999 / step) + 1)]
            for index, share in enumerate(steps):
                if index < operation["step"]:
                    continue  # watched before a restart
                self._share(share)
                self._watch(float(rules["step_seconds"]), f"{share * 100:.0f} % of the traffic on the new version")
                operation["step"] = index + 1
                self._endpoint.save(operation=operation)
        return "baking"

    def _baking(self) -> str:
        # The watch begins before the traffic does: its first answers count.
        seconds = float(self._operation["rollout"]["bake_seconds"])
        watch = self._new_watch()
        self._share(1.0)
        if self._operation["from"]:
            self._watch(seconds, "all traffic on the new version", watch)
        return "finishing"

    def _finishing(self) -> str:
        operation, endpoint = self._operation, self._endpoint
        endpoint.note("letting the old servers finish", 0.9)
        endpoint.save(live=operation["target"], applied=operation["fingerprint"])
        endpoint.route(operation["to"])
        old = [slot for slot in endpoint.record["slots"] if slot not in operation["target"]]
        endpoint.wait_drained(lambda key: key.rpartition("@")[0] in old)
        endpoint.stop_slots(old)
        for slot, replicas in operation["replicas"].items():
            endpoint.scale(slot, replicas)
        endpoint.stop_routers(but=endpoint.record["port"])
        return "done"

    def _reverting(self) -> str:
        operation, endpoint = self._operation, self._endpoint
        endpoint.note("going back to what served before")
        live = endpoint.record["live"]
        if live:
            endpoint.save(port=operation["old_port"], **operation["before"])
        new = [slot for slot in endpoint.record["slots"] if slot not in live]
        if live:
            endpoint.start_router()
            endpoint.route(operation["from"])
            endpoint.wait_drained(lambda key: key.rpartition("@")[0] in new)
            endpoint.stop_slots(new)
            for slot in live:
                endpoint.scale(slot, operation["old_replicas"].get(slot, 1))
            endpoint.stop_routers(but=endpoint.record["port"])
            return "rolled-back"
        endpoint.stop_slots(new)
        endpoint.stop_routers()
        return "failed"

    # Traffic

    def _share(self, share: float) -> None:
        """Give the target `share` of what changes: 0 is as before, 1 as asked."""
        before, after = self._operation["from"], self._operation["to"]
        slots = {**before, **after}
        self._endpoint.route(
            {slot: (1 - share) * before.get(slot, 0.0) + share * after.get(slot, 0.0) for slot in slots}
        )

    def _new_watch(self) -> Watch:
        operation, slots = self._operation, self._endpoint.record["slots"]
        gaining = [slot for slot, weight in operation["to"].items() if weight > operation["from"].get(slot, 0.0)]
        names = {slot: slots[slot]["name"] for slot in gaining}
        rules = operation["rollout"]
        return Watch(self._endpoint.counters, names, rules["max_error_percent"], rules.get("max_latency_ms"))

    def _watch(self, seconds: float, message: str, watch: Watch | None = None) -> None:
        """Look at the counters for `seconds`, and long enough to see something when there is traffic."""
        watch = watch or self._new_watch()
        keepers = [keeper for slot in self._operation["new"] for keeper in self._endpoint.keepers(slot)]
        crashes = {keeper: keeper.crashes for keeper in keepers}
        began = time.monotonic()
        while (passed := time.monotonic() - began) < max(seconds, LEAST_WATCH):
            if passed >= max(seconds, IDLE_WATCH) and not watch.requests():
                break
            self._endpoint.note(message, 0.3 + 0.5 * passed / max(seconds, LEAST_WATCH))
            self._pause()
            self._still_well(watch.breach(), crashes)
        self._still_well(watch.breach(final=True), crashes)
        if not watch.requests():
            self._probe(keepers)

    def _still_well(self, breach: str | None, crashes: dict[Keeper, int]) -> None:
        if breach is not None:
            raise Breach(breach)
        for keeper, before in crashes.items():
            if keeper.crashes > before:
                raise Breach(f"the model server of {_what(keeper, self._endpoint)} {_last_words(keeper)}")

    def _probe(self, keepers: list[Keeper]) -> None:
        """Without traffic there are no counters; the servers' own readiness has to do."""
        for keeper in keepers:
            if keeper.state != "ready":
                raise Breach(f"{_what(keeper, self._endpoint)} is not ready any more")

    def _pause(self, seconds: float = TICK) -> None:
        if self._halt.wait(seconds):
            raise Halt
        if self._abort and self._operation["phase"] not in ("finishing", "reverting"):
            raise Breach(self._abort)


def _slot(keeper: Keeper, endpoint: Endpoint) -> str:
    return keeper.service.name.removeprefix(f"{endpoint.id}.").rpartition(".")[0]


def _what(keeper: Keeper, endpoint: Endpoint) -> str:
    facts = endpoint.record["slots"].get(_slot(keeper, endpoint))
    return f"deployment '{facts['name']}'" if facts else f"the router on port {keeper.service.listen}"


def _last_words(keeper: Keeper) -> str:
    """How a server ended, with the last lines that it wrote itself."""
    lines = tail(log_path(keeper.service, keeper.folder), 8)
    own = [line for line in lines if not line.startswith("[mooring ")][-4:]
    how = keeper.last_exit.partition(":")[0]
    return f"{how}; its last words:\n  " + "\n  ".join(own) if own else how
