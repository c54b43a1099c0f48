"""Stacks for tests: deployed in a private project and home, by the kit in a process of its own.

A test's stack shares nothing with the project it tests but the data that its settings name, and the cache of
environments (`MOORING_CACHE`), whose content never changes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers import paths
from providers.errors import MooringError, NotFound

if TYPE_CHECKING:
    from mooring.client import Endpoint

TIMEOUT_S = 600.0
"""Time one deployment may take, a first build of an environment included."""


class StackFailed(MooringError):
    """A test's stack could not be deployed or taken down; the message ends with what the command printed."""


class TestStack:
    """One deployed stack."""

    __test__ = False  # for pytest, which takes every class called Test… for tests

    def __init__(self, name: str, base: Path) -> None:
        self.name = name
        self._base = base
        self._folder = Path(tempfile.mkdtemp(prefix="moor-"))  # short: sockets live below it
        self.root, self.home = self._folder / "project", self._folder / "home"
        self.file = self.root / "stacks" / f"Pulumi.{name}.yaml"

    def up(self, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Deploy, with other `settings` if they are given; returns the outputs. Raises `StackFailed`."""
        if settings is not None:
            self._write(settings)
        self.run("up", "--stack", self.name, "--yes")
        return self.outputs

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs: datasets, models, endpoints, batches."""
        from mooring.deployed import Deployed

        return Deployed.read(self.root, self.name).outputs

    def endpoint(self, name: str | None = None) -> Endpoint:
        """A client of one endpoint; the name may be left out when there is only one."""
        from mooring.client import Endpoint

        return Endpoint(self.name, name, root=self.root)

    def run(self, *arguments: str, timeout: float = TIMEOUT_S) -> str:
        """Run `mooring` with `arguments` on this project; returns its standard output. Raises `StackFailed`."""
        command = [sys.executable, "-m", "mooring", *arguments]
        process = subprocess.Popen(
            command, cwd=self.root, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException as cause:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(cause, subprocess.TimeoutExpired):
                raise StackFailed(f"`mooring {' '.join(arguments)}` took longer than {timeout:g} s") from cause
            raise
        if process.returncode:
            tail = "\n".join((out + err).strip().splitlines()[-40:])
            raise StackFailed(f"`mooring {' '.join(arguments)}` failed ({process.returncode}):\n{tail}")
        return out

    def destroy(self) -> None:
        """Take the stack down and remove its folders. Raises `StackFailed`, and then leaves them to be looked at."""
        from mooring.deployed import Deployed

        try:
            Deployed.read(self.root, self.name)
        except NotFound:  # the deployment failed before it wrote anything
            pass
        else:
            self.run("destroy", "--stack", self.name, "--yes")
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, settings: Mapping[str, Any]) -> None:
        """Make the private project with `settings`."""
        self.file.parent.mkdir(parents=True)
        self.home.mkdir()
        program = Path(paths.KIT / "infra")
        lines = ["name: mooring", "runtime: python", f"main: {program}", "stackConfigDir: stacks", ""]
        (self.root / "Pulumi.yaml").write_text("\n".join(lines), encoding="utf-8")
        self._write(settings)

    def _write(self, settings: Mapping[str, Any]) -> None:
        import yaml

        config = {f"mooring:{key}": value for key, value in absolute(settings, self._base).items()}
        self.file.write_text(yaml.safe_dump({"config": config}, sort_keys=False), encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        ambient = {k: v for k, v in os.environ.items() if not k.startswith(("MOORING_", "PULUMI_"))}
        cache = {key: os.environ[key] for key in ("MOORING_CACHE",) if key in os.environ}
        return {**ambient, **cache, "MOORING_PROJECT": str(self.root), "MOORING_HOME": str(self.home)}


class StackFactory:
    """Deploys stacks, and destroys all of them at `close`.

    `base` is the folder that relative paths in settings mean: the project under test.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._open = ExitStack()

    def __call__(self, settings: Mapping[str, Any] | str | Path, *, name: str = "") -> TestStack:
        """Deploy a stack from a mapping of settings (`{"cloud": "local", "models": …}`), a stack file, or the name
        of a stack of the project. Raises `StackFailed`, or `NotFound` for no such file."""
        given, own_name = self._settings(settings)
        stack = TestStack(name or own_name, self._base)
        self._open.callback(stack.destroy)
        stack.create(given)
        stack.up()
        return stack

    def close(self) -> None:
        """Destroy all stacks, last first; raises the last failure after having tried them all."""
        self._open.close()

    def _settings(self, settings: Mapping[str, Any] | str | Path) -> tuple[Mapping[str, Any], str]:
        if isinstance(settings, Mapping):
            return settings, "test"
        file = settings if isinstance(settings, Path) else self._file_of(settings)
        return settings_in(self._base / file), file.stem.removeprefix("Pulumi.")

    def _file_of(self, stack: str) -> Path:
        own = self._base / "stacks" / f"Pulumi.{stack}.yaml"
        return own if own.is_file() else self._base / "stacks" / "templates" / f"{stack}.yaml"


def settings_in(file: Path) -> dict[str, Any]:
    """The settings in a stack file, as a mapping. Raises `NotFound`."""
    import yaml

    if not file.is_file():
        raise NotFound(f"there is no stack file {file}")
    config = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    return {key.removeprefix("mooring:"): value for key, value in config.items() if key.startswith("mooring:")}


def absolute(settings: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """`settings` with the paths of data, model files and scripts made absolute, as seen from `base`."""
    result = dict(settings)
    for section, keys in (("datasets", ("path",)), ("models", ("file", "training"))):
        entries = settings.get(section)
        if isinstance(entries, Mapping):
            result[section] = {name: _entry(entry, keys, base) for name, entry in entries.items()}
    return result


def _entry(entry: Any, keys: tuple[str, ...], base: Path) -> Any:
    """One dataset or model with its paths made absolute."""
    if isinstance(entry, str):
        return str(base / entry)
    if not isinstance(entry, Mapping):
        return entry
    result = dict(entry)
    for key in keys:
        value = result.get(key)
        if isinstance(value, str):
            result[key] = str(base / value)
        elif isinstance(value, Mapping):
            result[key] = {k: str(base / v) if k in ("path", "source") else v for k, v in value.items()}
    return result
