"""Killing a command at one of its boundaries (`providers.boundaries`), and looking at what there is afterwards.

What is left is read from the files and asked of the adapters in this process: a command for each look would be
most of a walk's time.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from providers.boundaries import FILE, STOP
from providers.contract import KINDS, Found, Ownership
from providers.local import create
from providers.local.jobs.jobs import Jobs
from tests.e2e.support.forks import Forks
from tests.e2e.support.project import Project

STACK = "local"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")


class Walk:
    """The stack `local` of a project, under commands that are killed."""

    def __init__(self, project: Project) -> None:
        self.project, self._forks, self._runs = project, Forks(), 0
        self._checkpoint = project.root / ".mooring" / "backend" / ".pulumi" / "stacks" / "mooring" / f"{STACK}.json"
        self._output = project.home.with_name(f"{project.home.name}.out")

    def close(self) -> None:
        """End the process that commands are forked from."""
        self._forks.close()
        self._output.unlink(missing_ok=True)

    # Commands

    def run(self, verb: str, *options: str, where: str = "") -> None:
        """A command that nobody disturbs and that must succeed. `where` says what came before."""
        self._start(verb, *options)
        code = self._forks.wait()
        assert code == 0, f"{verb} {where}: exit {code}\n{self._output.read_text()}"

    def points(self, verb: str) -> list[str]:
        """The boundaries of an undisturbed command, in order, each as `NAME/TURN`; those of the supervisor that it
        starts as well."""
        marks = self._start(verb, watched=True)
        code = self._forks.wait()
        assert code == 0, f"{verb}: exit {code}\n{self._output.read_text()}"
        turns: Counter[str] = Counter()
        found = []
        for _, _, name in _lines(marks):
            turns[name] += 1
            found.append(f"{name}/{turns[name]}")
        return found

    def kill(self, verb: str, point: str, *, spare: bool = False) -> bool:
        """Run `verb` to a boundary and send a SIGKILL there; False when it ended before.

        A boundary of the supervisor: the SIGKILL is for it, and for the command too unless `spare`; a command that
        is spared goes on to its end, whichever that is.
        """
        marks = self._start(verb, watched=True, stop=point)
        deadline = time.monotonic() + 120
        while (pid := _waiting(marks, point)) is None:
            if self._forks.ended():
                self._forks.wait()
                return False
            assert time.monotonic() < deadline, f"{verb}: {point} was not reached: {marks.read_text()}"
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        if pid != self._pid and not spare:
            os.killpg(self._pid, signal.SIGKILL)
        self._forks.wait()
        self.readable(f"{verb} killed at {point}")
        return True

    def _start(self, verb: str, *options: str, watched: bool = False, stop: str = "") -> Path:
        # A file for each run: a supervisor that goes on writes to the file of the command that started it.
        self._runs += 1
        marks = self.project.root / f"boundaries-{self._runs}"
        watch = {FILE: str(marks), STOP: stop} if watched else {}
        arguments = (verb, "--stack", STACK, *(() if verb == "preview" else ("--yes",)), *options)
        environment = self.project.environment(**watch)
        self._pid = self._forks.start(arguments, self.project.root, environment, self._output)
        return marks

    # What there is

    def readable(self, where: str) -> None:
        """Whether the state and its backup are whole at this moment."""
        for file in (self._checkpoint, self._checkpoint.with_name(f"{self._checkpoint.name}.bak")):
            if file.exists():
                assert json.loads(file.read_bytes()), where

    def resources(self, pending: bool = False) -> list[dict[str, Any]]:
        """The resources of the state as it is on disk; none waits for its deletion, and nothing is `pending`
        (the Pulumi CLI keeps a killed creation in its state until a refresh)."""
        if not self._checkpoint.exists():
            return []
        latest = json.loads(self._checkpoint.read_bytes())["checkpoint"]["latest"]
        assert pending or not latest.get("pending_operations"), latest["pending_operations"]
        found: list[dict[str, Any]] = latest.get("resources") or []
        assert not [one["urn"] for one in found if one.get("delete") or one.get("initErrors")]
        return found

    def essence(self) -> list[str]:
        """What must be the same however often it was disturbed: all of the state without ids, times, ports, usage."""
        resources = self.resources()
        ids = {one["urn"]: one.get("id", "").partition(":")[2] for one in resources}
        names = {id: urn.rpartition("::")[2] for urn, id in ids.items() if id}
        return sorted(_bare(one, names) for one in resources)

    def things(self) -> dict[str, list[Found]]:
        """All that the cloud has of this stack, by type, retired versions and runs aside."""
        adapter, whole = create(self.project.home / "local"), Ownership("mooring", STACK, "", "")
        kinds = {type: adapter.kind(field) for type, field in KINDS.items()}
        return {type: found for type, kind in kinds.items() if kind and (found := kind.find(whole))}

    def assert_nothing_besides_the_state(self, where: str, *, pending: bool = False) -> None:
        """Each thing of the cloud is held by the state, and each one of the state is there."""
        held = {
            (one["type"].rpartition(":")[2], one.get("id", "").partition(":")[2]) for one in self.resources(pending)
        }
        there = [(type, found.id) for type, all in self.things().items() for found in all]
        assert sorted(there) == sorted(one for one in held if one[0] in KINDS), where
        jobs = Jobs(self.project.home / "local").list()
        assert [job for job in jobs if not job.has_ended] == [], where

    def assert_nothing(self, where: str) -> None:
        """No resource, no thing of the cloud, no process, and no file but caches and logs."""
        assert self.resources() == [], where
        assert self.things() == {}, where
        deadline = time.monotonic() + 10
        while (left := self.project.processes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == [], where
        files = {path.relative_to(self.project.home) for path in self.project.home.rglob("*") if path.is_file()}
        kept = {"code", "hashes", "supervisor", "models.lock"}
        assert [str(path) for path in files if not kept & set(path.parts)] == [], where


def _bare(resource: dict[str, Any], names: dict[str, str]) -> str:
    outputs = {key: value for key, value in resource.get("outputs", {}).items() if key != "usage"}
    kept = {key: resource.get(key) for key in ("urn", "type", "parent", "dependencies", "inputs", "protect")}
    text = json.dumps({**kept, "outputs": outputs}, sort_keys=True)
    for id, name in names.items():
        text = text.replace(id, f"<{name}>")
    return re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", TIME.sub("TIME", text))


def _lines(marks: Path) -> list[tuple[str, int, str]]:
    """Number, process and name of each boundary that was passed; a line that is still being written is left out."""
    text = marks.read_text() if marks.exists() else ""
    rows = [line.split(" ", 2) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [(number, int(pid), name) for number, pid, name in rows]


def _waiting(marks: Path, point: str) -> int | None:
    """The process that waits at `point`."""
    name, _, turn = point.rpartition("/")
    passed = [pid for _, pid, what in _lines(marks) if what == name]
    return passed[int(turn) - 1] if len(passed) >= int(turn) else None
