"""What a service is: a command that should run, and how one knows that it does."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from providers.errors import InvalidInput, Problem, did_you_mean

_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,199}$")


@dataclass(frozen=True)
class Service:
    """One supervised command.

    `argv` and `health` may hold `{port}`, `argv` also `{fd}`. `env` is the whole environment: nothing is
    inherited but a minimal PATH. With `port` 0 the supervisor chooses one and chooses again when somebody
    else took it; with `listen` the supervisor itself listens on that port and hands the socket over as
    `{fd}`, so that nobody is refused while the command restarts. `health` is a URL that answers 200 when it
    is ready; without one, running is ready. `log` is a file (default: in the service's folder).
    `stop_seconds` is the time between SIGTERM and SIGKILL. `group` says what it belongs to.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = ""
    port: int | None = None
    listen: int | None = None
    health: str = ""
    log: str = ""
    stop_seconds: float = 10.0
    group: str = ""
    chosen_port: bool = False

    def fingerprint(self) -> str:
        """Twelve hex digits that change when the command has to be restarted; a chosen port does not count."""
        facts = asdict(self)
        if self.chosen_port or self.port == 0:
            facts["port"], facts["chosen_port"] = 0, False
        for irrelevant in ("group", "stop_seconds"):
            del facts[irrelevant]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def with_port(self, port: int) -> Service:
        """The same with a port that the supervisor chose."""
        return replace(self, port=port, chosen_port=True)

    def command(self, fd: int | None) -> list[str]:
        """The arguments with `{port}` and `{fd}` filled in."""
        filled = (argument.replace("{port}", str(self.port)).replace("{fd}", str(fd)) for argument in self.argv)
        return list(filled)

    @property
    def health_url(self) -> str:
        """`health` with the port filled in."""
        return self.health.replace("{port}", str(self.port))

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {**asdict(self), "argv": list(self.argv)}


def parse(value: dict[str, Any]) -> Service:
    """A service from its JSON form. Raises InvalidInput naming each wrong field."""
    known = [one.name for one in fields(Service)]
    problems = [Problem(key, f"unknown field{did_you_mean(key, known)}") for key in value if key not in known]
    name, argv, env = value.get("name"), value.get("argv"), value.get("env", {})
    if not isinstance(name, str) or not _NAME.match(name):
        problems.append(Problem("name", "lower-case letters, digits, '.', '_' and '-' (at most 200)"))
    if not isinstance(argv, (list, tuple)) or not argv or not all(isinstance(one, str) for one in argv):
        problems.append(Problem("argv", "a list of strings, the command first"))
    if not isinstance(env, dict) or not all(isinstance(one, str) for one in env.values()):
        problems.append(Problem("env", "a mapping of strings"))
    for key, lowest in (("port", 0), ("listen", 1)):
        port = value.get(key)
        if port is not None and (not isinstance(port, int) or not lowest <= port <= 65535):
            problems.append(Problem(key, f"a port from {lowest} to 65535"))
    if problems:
        raise InvalidInput(problems)
    assert isinstance(argv, (list, tuple))
    return Service(**{**value, "argv": tuple(argv)})
