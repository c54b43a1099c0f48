"""The life of a run: adoption, cancel, kills, checkpoints, deletion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cloud_support import ROWS, SCRIPT, World, until

from providers.contract import KINDS, Ownership
from providers.errors import Cancelled, InvalidInput, JobFailed, MooringError, NotFound, PartialFailure
from providers.local.jobs.jobs import Jobs
from providers.local.storage import Store
from providers.values import BatchSpec, Channel

KIT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def test_create_after_a_lost_reply_is_the_same_run_and_other_inputs_replace_it(world: World) -> None:
    _, data = world.dataset()
    kind, spec = world.adapter.training_run, world.training(data.uri)
    assert kind is not None
    first = kind.create(spec, world.context("r"))
    assert kind.create(spec, world.context("r")) == first
    other = kind.create(spec, world.context("r", "2"))
    assert other != first
    assert [found.id for found in kind.find(Ownership("proj", "dev", "r", "2"))] == [other]
    kind.wait(other, spec, world.context("r", "2"))
    kind.claim(other)
    (found,) = kind.find(Ownership("proj", "dev", "", ""))
    assert (found.id, found.claimed, found.usable) == (other, True, True)
    third = kind.create(spec, world.context("r", "2"))
    assert third != other, "a claimed run is never adopted"


def test_a_job_that_waited_while_its_image_changed_runs_with_the_new_one(world: World) -> None:
    _, data = world.dataset()
    kind, spec = world.adapter.training_run, world.training(data.uri)
    assert kind is not None
    id = kind.create(spec, world.context("r"))
    written = Jobs(world.home).folder(id) / "job.json"
    python = str(Path(json.loads(written.read_text())["spec"]["steps"][0]["argv"][0]).parent)
    written.write_text(written.read_text().replace(python, "/gone/with/an/earlier/list/bin"))
    assert kind.wait(id, spec, world.context("r")).status == "succeeded"
    assert "/gone/" not in written.read_text()


def test_cancel_returns_with_the_id_and_the_job_goes_on(world: World) -> None:
    _, data = world.dataset()
    kind = world.adapter.training_run
    assert kind is not None
    spec = world.training(data.uri, "import time; time.sleep(1)\n" + SCRIPT)
    context = world.context("r")
    id = kind.create(spec, context)
    threading.Timer(0.3, context.cancel.set).start()
    with pytest.raises(Cancelled) as cancelled:
        kind.wait(id, spec, context)
    assert cancelled.value.id == id
    assert kind.update(id, {}, spec, world.context("r")).status == "succeeded"


def test_a_command_killed_while_it_waits_is_resumed_by_the_next(world: World) -> None:
    _, data = world.dataset()
    spec = world.training(data.uri, "import time; time.sleep(1)\n" + SCRIPT)
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from cloud_support import World; from providers.values import TrainingSpec\n"
        "w = World(Path(sys.argv[2]), Path(sys.argv[3])); s = TrainingSpec.model_validate_json(sys.argv[4])\n"
        "k = w.adapter.training_run; id = k.create(s, w.context('r')); print(id, flush=True)\n"
        "k.wait(id, s, w.context('r'))"
    )
    arguments = [
        str(Path(__file__).parent),
        str(world.home.parent),
        str(world.root),
        spec.model_dump_json(by_alias=True),
    ]
    command = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=KIT, stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    id = command.stdout.readline().strip()
    jobs = Jobs(world.home)
    until(lambda: jobs.get(id).status == "running")
    command.send_signal(signal.SIGKILL)
    command.wait()
    command.stdout.close()
    kind = world.adapter.training_run
    assert kind is not None
    assert kind.create(spec, world.context("r")) == id
    assert kind.wait(id, spec, world.context("r")).status == "succeeded"
    assert len(jobs.list()) == 1


def test_an_interrupted_run_fails_and_its_checkpoints_reach_the_next(world: World) -> None:
    _, data = world.dataset()
    world.model()
    script = (
        "import os, time\nmark = os.path.join(os.environ['MOORING_CHECKPOINT_DIR'], 'epoch')\n"
        "if not os.path.exists(mark):\n"
        "    open(mark + '.part', 'w').write('7'); os.replace(mark + '.part', mark); time.sleep(99)\n"
        "assert open(mark).read() == '7'\n" + SCRIPT
    )
    kind, spec = world.adapter.training_run, world.training(data.uri, script)
    assert kind is not None
    id = kind.create(spec, world.context("r"))
    jobs = Jobs(world.home)
    killer = threading.Thread(target=lambda: kill_runner(jobs, id))
    killer.start()
    with pytest.raises(JobFailed, match="interrupted"):
        kind.wait(id, spec, world.context("r"))
    killer.join()
    kind.claim(id)
    kind.delete(id, world.context("r"))
    second, state = world.make(kind, spec, "r")
    assert second != id
    assert state.status == "succeeded"
    assert not (world.home / "checkpoints").exists()


def kill_runner(jobs: Jobs, id: str) -> None:
    until(lambda: list(jobs.home.glob("checkpoints/*/data/epoch")))
    runner = jobs.get(id).runner
    assert runner is not None
    os.kill(runner["pid"], signal.SIGKILL)


def test_deleting_a_running_run_stops_its_job(world: World) -> None:
    _, data = world.dataset()
    kind, spec = world.adapter.training_run, world.training(data.uri, "import time; time.sleep(99)")
    assert kind is not None
    id = kind.create(spec, world.context("r"))
    jobs = Jobs(world.home)
    failures: list[MooringError] = []

    def wait() -> None:
        try:
            kind.wait(id, spec, world.context("r"))
        except MooringError as failed:
            failures.append(failed)

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: jobs.get(id).process)
    pid = (jobs.get(id).process or {})["pid"]
    for _ in range(2):
        kind.delete(id, world.context("r"))
    thread.join(20)
    assert len(failures) == 1
    assert not Path(f"/proc/{pid}").exists()
    assert kind.read(id) is None
    assert kind.find(Ownership("proj", "dev", "", "")) == []


def test_a_batch_of_an_unknown_version_or_without_one_table_is_told(world: World) -> None:
    _, data = world.dataset()
    spec = BatchSpec(cloud="local", name="b", model="m", digest="sha256:" + "a" * 64, input=Channel(uri=data.uri))
    kind = world.adapter.batch_prediction
    assert kind is not None
    with pytest.raises(InvalidInput, match="stack 'dev' has no versions of a model 'm'"):
        kind.create(spec, world.context("b"))
    with pytest.raises(NotFound):
        kind.wait("b-0000", spec, world.context("b"))


def test_ids_of_others_are_not_ours(world: World) -> None:
    for name in KINDS.values():
        kind = world.adapter.kind(name)
        assert kind is not None
        for id in ("nothing-0123456789", "../../etc", "A B", ""):
            assert kind.read(id) is None
            kind.delete(id, world.context("u"))


def test_a_run_that_outlasts_the_time_given_stays_to_be_resumed(world: World) -> None:
    _, data = world.dataset()
    kind, spec = world.adapter.training_run, world.training(data.uri, "import time; time.sleep(1.5)\n" + SCRIPT)
    assert kind is not None
    context = world.context("r")
    context.deadline = time.monotonic() + 0.5
    id = kind.create(spec, context)
    with pytest.raises(PartialFailure, match="still runs at the end of the time given") as partial:
        kind.wait(id, spec, context)
    assert partial.value.id == id
    assert kind.update(id, {}, spec, world.context("r")).status == "succeeded"


@pytest.mark.skipif(os.geteuid() != 0, reason="permissions hold everybody but root back")
def test_a_script_of_root_that_writes_to_its_input_leaves_the_store_as_it_was(world: World) -> None:
    _, data = world.dataset()
    script = SCRIPT + "open(os.environ['MOORING_CHANNEL_TRAIN'], 'w').write('spoilt')\n"
    world.make(world.adapter.training_run, world.training(data.uri, script), "r")
    assert Store(world.home).path(data.uri).read_text() == ROWS
