"""All services of a home: desired state on disk, one keeper each."""

from __future__ import annotations

import builtins
import hashlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput, NotFound, did_you_mean
from providers.local.process import Identity
from providers.local.supervisor import ports
from providers.local.supervisor.children import Child
from providers.local.supervisor.files import read_json, write_json
from providers.local.supervisor.identity import leads_session, marked
from providers.local.supervisor.keeper import Keeper, process_record
from providers.local.supervisor.service import Service, parse


def home_tag(home: Path) -> str:
    """What marks the processes of one home."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


class Services:
    """put, remove, get, list; safe to call from any thread. `on_change(name)` hears of every new state."""

    def __init__(self, home: Path, on_change: Callable[[str], None] = lambda name: None) -> None:
        self._folder = home / "services"
        self._tag = home_tag(home)
        self._on_change = on_change
        self._keepers: dict[str, Keeper] = {}
        self._lock = threading.RLock()

    def load(self) -> None:
        """Take up what the disk says should run; end what carries our marker and should not."""
        desired = [service for path in self._records() if (service := _desired(path)) is not None]
        strays = marked(f"{self._tag}:")
        for service in desired:
            keeper = self._keeper(service)
            record = process_record(keeper.folder)
            recorded = record.get("marker") == keeper.marker and record.get("pid") in strays
            if not recorded:
                for pid, marker in strays.items():
                    if marker == keeper.marker and leads_session(pid):
                        keeper.adopt_stray(pid)
                        break
            keeper.start()
            self._keepers[service.name] = keeper
        wanted = {keeper.marker for keeper in self._keepers.values()}
        for pid, marker in strays.items():
            if marker not in wanted and (identity := Identity.of(pid)) is not None:
                _end(identity, marker)

    def put(self, service: Service) -> Service:
        """Make it run as given, restarting it when that differs from before. Returns it with its port."""
        with self._lock:
            keeper = self._keepers.get(service.name)
            if keeper is not None and keeper.service.fingerprint() == service.fingerprint():
                return keeper.service
            if keeper is not None:
                keeper.stop()
            if service.port == 0:
                service = service.with_port(ports.choose(taken=self._ports()))
            keeper = self._keeper(service)
            keeper.folder.mkdir(parents=True, exist_ok=True)
            write_json(keeper.folder / "service.json", service.to_json())
            self._keepers[service.name] = keeper
            keeper.start()
            return service

    def remove(self, name: str) -> None:
        """End it and forget it; silent when there is none. Returns when its process is gone."""
        with self._lock:
            keeper = self._keepers.pop(name, None)
        if keeper is None:
            return
        # Gone from disk first: killed in between, the next supervisor finds the process by its marker and ends it.
        (keeper.folder / "service.json").unlink(missing_ok=True)
        keeper.stop()
        shutil.rmtree(keeper.folder, ignore_errors=True)
        self._on_change(name)

    def get(self, name: str) -> dict[str, Any]:
        """Its status. Raises NotFound with the nearest names."""
        keeper = self._keepers.get(name)
        if keeper is None:
            raise NotFound(f"no service '{name}'{did_you_mean(name, sorted(self._keepers))}")
        return keeper.status()

    def peek(self, name: str) -> Keeper | None:
        """Its keeper, None when there is none."""
        return self._keepers.get(name)

    def list(self, group: str | None = None) -> builtins.list[dict[str, Any]]:
        """All, or those of one group, by name."""
        keepers = sorted(self._keepers.items())
        return [keeper.status() for _, keeper in keepers if group is None or keeper.service.group == group]

    def leave(self) -> None:
        """Stop watching everything; nothing is ended."""
        with self._lock:
            for keeper in self._keepers.values():
                keeper.leave_soon()
            for keeper in self._keepers.values():
                keeper.leave()

    def end_all(self) -> None:
        """End every process; what the disk says stays."""
        with self._lock:
            for keeper in self._keepers.values():
                keeper.end_soon()
            for keeper in self._keepers.values():
                keeper.stop()

    def __len__(self) -> int:
        return len(self._keepers)

    def _keeper(self, service: Service) -> Keeper:
        return Keeper(self._tag, self._folder / service.name, service, lambda: self._on_change(service.name))

    def _records(self) -> builtins.list[Path]:
        return sorted(self._folder.glob("*/service.json"))

    def _ports(self) -> frozenset[int]:
        return frozenset(k.service.port or k.service.listen or 0 for k in self._keepers.values())


def _desired(path: Path) -> Service | None:
    """The service in a record; a damaged one is set aside and said so, the others go on."""
    try:
        value = read_json(path)
        return parse(value) if value is not None else None
    except (ValueError, InvalidInput) as error:
        print(f"{path}: {error}; set aside as {path.name}.damaged", file=sys.stderr, flush=True)
        path.replace(path.with_name(path.name + ".damaged"))
        return None


def _end(identity: Identity, marker: str) -> None:
    """End a process that nothing wants any more."""
    if leads_session(identity.pid):
        Child(identity, marker).stop(5.0)
        return
    try:
        os.kill(identity.pid, signal.SIGKILL)  # a worker whose leader is gone
    except OSError:
        pass
