"""`kill -9` at the step boundaries of an `up`, an update and a `destroy`, from outside, with real processes.

Each boundary (`providers/boundaries.py`: around every step, inside Create after a job started and before its
reply, in the middle of every write, in the supervisor's rollout) is killed once; the next command must end as an
undisturbed one: nothing twice, nothing orphaned, no state unreadable. Two stacks have it all between them, so that
no boundary costs both a training run and a model server, and what both have is walked where it is cheaper.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from providers.local import create
from tests.e2e.support.project import Project
from tests.e2e.support.walk import Walk
from tests.e2e.support.walked_stacks import ROW, served, signatures, trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

GENERAL = ("state:", "step:", "lock:", "claim:", "record:")
"""Boundaries that are walked with the training; the endpoint's walk leaves them out."""

UNSTEADY = ("state:", "claim:", "record:", "endpoint:record-written")
"""What concurrent steps may write together, or find in a cache: the last turns of these may not come in each run."""

PREVIEW_EVERY = 10

WHOLE = os.environ.get("MOORING_WALK") == "whole"
"""`make walk` kills at every turn of every boundary; `make test-walk`, to end in time, at the first turn of each."""


@pytest.fixture
def walk(project: Project) -> Iterator[Walk]:
    made = Walk(project)
    yield made
    made.close()


def assert_answers(walk: Walk) -> None:
    [endpoint] = walk.things()["Endpoint"]
    kind = create(walk.project.home / "local").kind("endpoint")
    assert kind is not None
    assert kind.predict(endpoint.id, [ROW])["predictions"]  # type: ignore[attr-defined]


def kill_supervisor(project: Project) -> None:
    """So that the next command starts one that is watched; servers and router go on meanwhile."""
    for process in project.processes():
        if "providers.local.supervisor" in process["command"]:
            os.kill(process["pid"], signal.SIGKILL)


def own(points: list[str]) -> list[str]:
    """Without those that every stack has."""
    return [point for point in points if not point.startswith(GENERAL)]


class Count:
    """The boundaries of one command, of which each is to be killed once."""

    def __init__(self, points: list[str]) -> None:
        turns = points if WHOLE else [point for point in points if point.endswith("/1")]
        self.all, self._left, self._missed = points, list(turns), list[str]()

    def __bool__(self) -> bool:
        return bool(self._left)

    def kill(self, walk: Walk, verb: str, *, spare: bool = False) -> str:
        """Kill `verb` at the next boundary; where that was."""
        if not self._left:
            walk.run(verb)
            return f"{verb} not killed"
        point = self._left.pop(0)
        if not walk.kill(verb, point, spare=spare):
            self._missed.append(point)
        return f"{verb} killed at {point}"

    def assert_complete(self, *names: str) -> None:
        """Whether all was walked, and these names were among it."""
        assert not self._left
        assert [point for point in self._missed if not point.startswith(UNSTEADY)] == []
        assert set(names) <= {point.rpartition("/")[0] for point in self.all}


def walk_up_and_destroy(walk: Walk, ups: Count, destroys: Count, check: Callable[[str], None]) -> None:
    """Kill one `up` and one `destroy` after the other, each made good before the next; `check` after each `up`."""
    expected = None
    turn = 0
    while ups or destroys:
        turn += 1
        where = ups.kill(walk, "up") if turn > 1 else "undisturbed"
        walk.run("up", where=where)
        expected = expected or walk.essence()
        assert walk.essence() == expected, where
        walk.assert_nothing_besides_the_state(where)
        check(where)
        if turn % PREVIEW_EVERY == 0:
            walk.run("preview", "--expect-no-changes", where=where)
        where = destroys.kill(walk, "destroy")
        walk.run("destroy", where=where)
        walk.assert_nothing(where)


def test_ups_and_destroys_of_an_endpoint_killed_everywhere_are_made_good(project: Project, walk: Walk) -> None:
    served(project, 0)
    ups, destroys = Count(own(walk.points("up"))), Count(own(walk.points("destroy")))
    walk_up_and_destroy(walk, ups, destroys, lambda where: assert_answers(walk))
    ups.assert_complete("job:launched", "create:begun", "endpoint:reserved", "endpoint:record-written")
    destroys.assert_complete("endpoint:deleted", "version:retired", "delete:done")


def test_updates_of_an_endpoint_killed_everywhere_are_made_good(project: Project, walk: Walk) -> None:
    served(project, 0)
    walk.run("up")
    served(project, 1)
    kill_supervisor(project)
    updates = Count(own(walk.points("up")))
    number = 1
    while updates:
        number += 1
        served(project, number)
        kill_supervisor(project)
        where = updates.kill(walk, "up", spare=number % 2 == 0)
        walk.run("up", where=where)
        walk.assert_nothing_besides_the_state(where)
        [endpoint] = [one for one in walk.resources() if one["type"].endswith(":Endpoint")]
        [version] = [one for one in walk.resources() if one["type"].endswith(":ModelVersion")]
        [deployment] = endpoint["outputs"]["deployments"]
        assert deployment["digest"] == version["outputs"]["digest"], where
        assert deployment["version"] == number + 1, where
        assert_answers(walk)
        if number % PREVIEW_EVERY == 0:
            walk.run("preview", "--expect-no-changes", where=where)
    updates.assert_complete("endpoint:rollout-begun", "update:done", "endpoint:record-written")
    walk.run("destroy")
    walk.assert_nothing("all updates")


def test_ups_and_destroys_of_a_training_killed_everywhere_are_made_good(project: Project, walk: Walk) -> None:
    journal = trained(project, 0)

    def check(where: str) -> None:
        assert signatures(journal, 0) == ["begun", "ended"], where
        journal.unlink()

    ups, destroys = Count(walk.points("up")), Count(walk.points("destroy"))
    journal.unlink()
    walk_up_and_destroy(walk, ups, destroys, check)
    ups.assert_complete(
        "lock:taken", "state:half-written", "state:backup-kept", "record:half-written", "step:creating-written",
        "step:result-written", "dataset:stored", "job:created", "job:launched", "run:ended", "create:done",
        "claim:made",
    )  # fmt: skip
    destroys.assert_complete("lock:taken", "state:half-written", "store:removed", "job:deleted", "delete:done")


def test_updates_of_a_training_killed_everywhere_train_once_each(project: Project, walk: Walk) -> None:
    journal = trained(project, 0)
    walk.run("up")
    trained(project, 1)
    updates = Count(walk.points("up"))
    number = 1
    while updates:
        number += 1
        trained(project, number)
        where = updates.kill(walk, "up")
        walk.run("up", where=where)
        walk.assert_nothing_besides_the_state(where)
        assert signatures(journal, number) == ["begun", "ended"], where
        if number % PREVIEW_EVERY == 0:
            walk.run("preview", "--expect-no-changes", where=where)
    updates.assert_complete("job:launched", "run:ended", "version:stored", "version:retired", "step:deleting-written")
    walk.run("destroy")
    walk.assert_nothing("all updates")
