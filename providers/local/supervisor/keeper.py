"""One thread a service: it adopts or starts the command, watches it, and starts it again with back-off."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from providers.local.process import Identity
from providers.local.supervisor import children, ports
from providers.local.supervisor.children import Child
from providers.local.supervisor.files import read_json, tail, write_json
from providers.local.supervisor.identity import kill_remains, leads_session, port_holder
from providers.local.supervisor.probe import is_ready
from providers.local.supervisor.service import Service

State = Literal["starting", "ready", "unready", "backoff", "blocked", "stopped"]

TICK, READY_TICK = 0.05, 0.2
"""Seconds between two looks at a command that starts, and at one that is ready."""

FIRST_DELAY, LONGEST_DELAY = 0.2, 30.0
STEADY_SECONDS = 20.0
"""A command that ran this long starts over with the shortest delay when it ends."""


class Keeper(threading.Thread):
    """Keeps one service running until `stop` (which ends the command) or `leave` (which does not)."""

    def __init__(self, home_tag: str, folder: Path, service: Service, changed: Callable[[], None]) -> None:
        super().__init__(name=f"keeper-{service.name}", daemon=True)
        self.service = service
        self.folder = folder
        self.state: State = "starting"
        self.crashes = 0
        self.last_exit = ""
        self.was_ready = False
        self._home_tag = home_tag
        self._changed = changed
        self._halt = threading.Event()
        self._end_child = True
        self._child: Child | None = None
        self._listener: socket.socket | None = None
        self._delay = FIRST_DELAY
        self._next_start = 0.0

    # What others see

    @property
    def marker(self) -> str:
        """What the command carries in its environment."""
        return f"{self._home_tag}:{self.service.name}:{self.service.fingerprint()}"

    def status(self) -> dict[str, Any]:
        """For `services.list`, in plain values. `restart_in` is in seconds."""
        child = self._child
        return {
            "name": self.service.name,
            "group": self.service.group,
            "state": self.state,
            "pid": child.identity.pid if child is not None else None,
            "port": self.service.port or self.service.listen,
            "crashes": self.crashes,
            "last_exit": self.last_exit,
            "restart_in": max(0.0, round(self._next_start - time.monotonic(), 2)) if self.state == "backoff" else 0.0,
            "log": str(children.log_path(self.service, self.folder)),
        }

    def end_soon(self) -> None:
        """Begin to end the command."""
        self._halt.set()

    def stop(self) -> None:
        """End the command and return when it is gone."""
        self.end_soon()
        self.join()
        self._enter("stopped")

    def leave_soon(self) -> None:
        """Begin to stop watching."""
        self._end_child = False
        self._halt.set()

    def leave(self) -> None:
        """Stop watching; the command goes on."""
        self.leave_soon()
        self.join()

    # The thread

    def run(self) -> None:
        """Adopt or start, watch, wait, again."""
        adopted = self._adopt()
        while not self._halt.is_set():
            if adopted is None and not self._start():
                self._back_off()
                continue
            adopted = None
            self._watch()
            if not self._halt.is_set():
                self._ended()
                self._back_off()
        if self._end_child and self._child is not None:
            self._child.stop(self.service.stop_seconds)
            self._child = None
        if self._listener is not None:
            self._listener.close()

    def _adopt(self) -> Child | None:
        """The process that an earlier supervisor recorded for this very command, when it is still there."""
        record = process_record(self.folder)
        if record.get("marker") != self.marker:
            return None
        identity = Identity(int(record["pid"]), str(record["started"]))
        if not identity.alive():
            kill_remains(identity.pid, self.marker)
            return None
        self._child = Child(identity, self.marker)
        self.was_ready = bool(record.get("ready"))
        return self._child

    def adopt_stray(self, pid: int) -> None:
        """Before `start`: take over a process of this command that was started but never recorded."""
        identity = Identity.of(pid)
        if identity is not None and leads_session(pid):
            self._record(identity)

    def _record(self, identity: Identity, ready: bool = False) -> None:
        """Note the process for a successor. Where that is impossible (a full disk) its marker has to do."""
        value = {**identity.to_record(), "marker": self.marker, "ready": ready}
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "process.json", value)

    def _start(self) -> bool:
        """Start the command; False, with `last_exit` set, when that is not possible now."""
        self._enter("starting")
        try:
            descriptor = self._listen()
            self._child = children.start(self.service, self.folder, self.marker, descriptor)
        except OSError as error:
            if self.state != "blocked":
                self._failed(f"cannot be started: {error}")
            return False
        self._record(self._child.identity)
        return True

    def _listen(self) -> int | None:
        port = self.service.listen
        if port is None:
            self._choose_port_again()
            return None
        if self._listener is None:
            try:
                self._listener = ports.listen(port)
            except OSError:
                holder = port_holder(port)
                self.last_exit = f"port {port} is in use" + (f" by {holder}" if holder else "")
                self._enter("blocked")
                raise
        return self._listener.fileno()

    def _choose_port_again(self) -> None:
        """Somebody took a chosen port while the command was down: take another one."""
        service = self.service
        if service.chosen_port and service.port and not ports.is_free(service.port):
            self.service = service.with_port(ports.choose())
            write_json(self.folder / "service.json", self.service.to_json())

    def _watch(self) -> None:
        """Return when the command has ended or the keeper is to halt."""
        assert self._child is not None
        began, next_probe, next_rotation = time.monotonic(), 0.0, 0.0
        while self._child.alive() and not self._halt.is_set():
            now = time.monotonic()
            if now >= next_probe:
                self._probe()
                next_probe = time.monotonic() + (2.0 if self.state == "ready" else TICK)
            if now >= next_rotation:
                children.rotate(children.log_path(self.service, self.folder))
                next_rotation = now + 5.0
            if now - began > STEADY_SECONDS:
                self._delay = FIRST_DELAY
            self._halt.wait(READY_TICK if self.state == "ready" else TICK)

    def _probe(self) -> None:
        if not self.service.health or is_ready(self.service.health_url, 2.0):
            self._enter("ready")
        elif self.state == "ready":
            self._enter("unready")

    def _ended(self) -> None:
        child, self._child = self._child, None
        assert child is not None
        kill_remains(child.identity.pid, child.marker)
        if self.service.chosen_port and not ports.is_free(self.service.port or 0):
            self.last_exit = f"port {self.service.port} was taken by somebody else; choosing another one"
            self._enter("backoff")
            return
        lines = tail(children.log_path(self.service, self.folder), 3)
        self._failed(child.exit_text() + (f": {lines[-1].strip()}" if lines else ""))

    def _failed(self, reason: str) -> None:
        self.crashes += 1
        self.last_exit = reason
        children.note(self.service, self.folder, f"{reason}; starting it again in {self._delay:g} s")
        self._enter("backoff")

    def _back_off(self) -> None:
        delay = FIRST_DELAY * 5 if self.state == "blocked" else self._delay
        self._next_start = time.monotonic() + delay
        self._halt.wait(delay)
        if self.state != "blocked":
            self._delay = min(LONGEST_DELAY, self._delay * 2)

    def _enter(self, state: State) -> None:
        if state == self.state:
            return
        before, self.state = self.state, state
        if state == "ready" and not self.was_ready:
            self.was_ready = True
            if self._child is not None:
                self._record(self._child.identity, ready=True)
        try:
            self._changed()
        except OSError as error:  # a full disk keeps a router from being told; the supervision itself goes on
            children.note(self.service, self.folder, f"{state}, which could not be told: {error}")
            if state == "ready":
                self.state = before  # so that the next look tells it again


def process_record(folder: Path) -> dict[str, Any]:
    """What a keeper noted of its process; nothing where it noted none, or the note is damaged: the process is then
    found by its marker."""
    try:
        record = read_json(folder / "process.json") or {}
    except ValueError:
        return {}
    return record if {"pid", "started", "marker"} <= record.keys() else {}
