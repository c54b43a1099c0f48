"""Emulated clouds as services of this machine: started by whoever needs one, kept running by the local supervisor."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from providers import paths
from providers.errors import InvalidInput, NotSupported, Unavailable, did_you_mean
from providers.local.supervisor import client, ports

CLOUDS = ("aws", "azure", "gcp")
START_SECONDS = 60.0
SERVICE = "emulator"


@dataclass(frozen=True)
class Emulator:
    """One cloud's emulator of one project. `home` holds all its state; nothing runs before `start`."""

    cloud: str
    home: Path
    process: ModuleType

    @property
    def url(self) -> str:
        """Its address; empty while it does not run."""
        found = self._found()
        return f"http://127.0.0.1:{found['port']}" if found else ""

    def start(self) -> str:
        """Have it run and answer; its address. Raises `Unavailable` with the end of its log."""
        self.process.require_packages()
        self.home.mkdir(parents=True, exist_ok=True)
        if self._found() is None:
            client.call(self.home, "services.put", service=self._service())
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = client.call(self.home, "services.get", name=SERVICE)
            if found["state"] == "ready":
                return f"http://127.0.0.1:{found['port']}"
            if found["crashes"]:
                self.stop()
                raise Unavailable(f"the emulator of {self.cloud} does not start: {found['last_exit']}")
            time.sleep(0.02)
        raise Unavailable(f"the emulator of {self.cloud} did not answer within {START_SECONDS:g} s; see {found['log']}")

    def stop(self) -> bool:
        """End it; what it holds stays. False when it did not run."""
        if self._found() is None:
            return False
        client.call(self.home, "services.remove", name=SERVICE)
        client.settle(self.home)
        return True

    def reset(self) -> None:
        """End it, with all jobs and servers that it started, and forget all that it held."""
        from providers.local.records import remove_tree
        from providers.local.supervisor.services import home_tag

        self.stop()
        if not self.home.is_dir():
            return
        end_everything(self.home, home_tag(self.home))
        remove_tree(self.home)

    def variables(self, url: str, region: str = "") -> dict[str, str]:
        """What a program inside of it needs; empty values are to be unset."""
        found: dict[str, str] = self.process.variables(url, region)
        return found

    def _found(self) -> dict[str, object] | None:
        if client.running(self.home) is None:
            return None
        services = client.call(self.home, "services.list")
        return next((one for one in services if one["name"] == SERVICE), None)

    def _service(self) -> dict[str, object]:
        return {
            "name": SERVICE,
            "argv": self.process.command(self.home, paths.cache()),
            "env": self.process.environment(),
            "port": ports.choose(str(self.home)),
            "chosen_port": True,
            "health": "http://127.0.0.1:{port}" + self.process.HEALTH_PATH,
            "group": SERVICE,
        }


def emulator(cloud: str, root: Path) -> Emulator:
    """The emulator of `cloud` that the project at `root` has. Raises `InvalidInput` or `NotSupported`."""
    if cloud not in CLOUDS:
        raise InvalidInput(f"there is no emulator of '{cloud}'{did_you_mean(cloud, CLOUDS)}")
    try:
        process = importlib.import_module(f"providers.{cloud}.emulator.process")
    except ModuleNotFoundError as error:
        raise NotSupported(f"this version of Mooring has no emulator of '{cloud}'; it has one of aws") from error
    return Emulator(cloud, paths.home(root) / "emulated" / cloud, process)


@dataclass(frozen=True)
class Inside:
    """A running emulator: its address, and the environment of a program inside (empty values are to be unset)."""

    url: str
    variables: Mapping[str, str]

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of one of its services, which needs no environment."""
        import boto3

        return boto3.session.Session(
            self.variables["AWS_ACCESS_KEY_ID"], self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=region or self.variables["AWS_REGION"],
        ).client(service, endpoint_url=self.url)  # fmt: skip


@contextmanager
def private(cloud: str) -> Iterator[Inside]:
    """An emulator that nobody else uses, with nothing in it; it is gone afterwards with all that it started."""
    folder = Path(tempfile.mkdtemp(prefix="moor-"))  # short: sockets live below it
    found = replace(emulator(cloud, folder), home=folder / cloud)
    try:
        url = found.start()
        yield Inside(url, found.variables(url))
    finally:
        found.reset()
        shutil.rmtree(folder, ignore_errors=True)


def inside(variables: Mapping[str, str], ambient: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program inside an emulator."""
    removed = {name for name, value in variables.items() if not value}
    kept = {name: value for name, value in ambient.items() if name not in removed}
    return kept | {name: value for name, value in variables.items() if value}


def end_everything(home: Path, tag: str) -> None:
    """End the jobs, endpoints and services of a home whose records are about to go."""
    from providers.local.jobs.jobs import Jobs

    for job in Jobs(home).list():
        Jobs(home).stop(job.id)
    if client.running(home) is not None or (home / "endpoints").is_dir():
        for folder in sorted((home / "endpoints").glob("*/endpoint.json")):
            client.call(home, "endpoint.delete", id=folder.parent.name)
        client.settle(home)
