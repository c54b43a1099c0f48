"""The supervisor with real processes: started by anyone, killed at any time, gone when nothing should run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Cloud, eventually, kill, running
from supervised import put, ready, status

from providers.errors import InvalidInput, NotFound
from providers.local.process import Identity
from providers.local.supervisor import client, ports
from providers.local.supervisor.children import rotate
from providers.local.supervisor.identity import port_holder
from providers.local.supervisor.probe import request
from providers.paths import KIT


@pytest.fixture
def cloud(private_places: Path) -> Iterator[Cloud]:
    with running(private_places) as made:
        yield made


def test_a_service_runs_answers_and_is_gone_with_its_supervisor_when_removed(cloud: Cloud) -> None:
    port = put(cloud)["port"]
    ready(cloud)
    assert request(port, "/x").code == 200
    client.call(cloud.home, "services.remove", name="echo")
    client.settle(cloud.home)
    assert client.running(cloud.home) is None
    assert cloud.processes() == {}
    assert ports.is_free(port)
    assert list((cloud.home / "services").iterdir()) == []


def test_putting_the_same_again_changes_nothing_and_another_restarts_it(cloud: Cloud) -> None:
    first = put(cloud)
    pid = ready(cloud)["pid"]
    assert put(cloud) == first
    assert ready(cloud)["pid"] == pid
    put(cloud, env={"A": "1"})
    assert ready(cloud)["pid"] != pid
    assert not Identity.of(pid)


def test_children_survive_a_killed_supervisor_and_the_next_one_adopts_them(cloud: Cloud) -> None:
    port = put(cloud)["port"]
    pid, supervisor = ready(cloud)["pid"], client.ensure(cloud.home)
    kill(supervisor)
    eventually(lambda: client.running(cloud.home) is None)
    assert request(port, "/x").code == 200
    after = ready(cloud)
    assert client.running(cloud.home) not in (None, supervisor)
    assert (after["pid"], after["crashes"]) == (pid, 0)
    client.call(cloud.home, "services.remove", name="echo")
    assert Identity.of(pid) is None


def test_what_died_together_with_the_supervisor_is_started_again(cloud: Cloud) -> None:
    port = put(cloud)["port"]
    pid = ready(cloud)["pid"]
    kill(client.ensure(cloud.home))
    kill(pid)
    assert ready(cloud)["pid"] != pid
    assert request(port, "/x").code == 200


def test_a_child_that_was_never_written_down_is_adopted_not_doubled(cloud: Cloud) -> None:
    put(cloud)
    pid = ready(cloud)["pid"]
    kill(client.ensure(cloud.home))
    (cloud.home / "services" / "echo" / "process.json").unlink()
    assert ready(cloud)["pid"] == pid
    assert len(cloud.processes()) == 1


def test_a_child_of_a_service_that_is_no_longer_wanted_is_ended(cloud: Cloud) -> None:
    put(cloud)
    put(cloud, name="other")
    pid = ready(cloud)["pid"]
    kill(client.ensure(cloud.home))
    (cloud.home / "services" / "echo" / "service.json").unlink()
    ready(cloud, "other")
    assert Identity.of(pid) is None


def test_a_crashing_command_is_restarted_with_growing_delays_and_says_why(cloud: Cloud) -> None:
    put(cloud, told=["crash=no such file: model.onnx"])
    found = eventually(lambda: (s := status(cloud))["crashes"] >= 3 and s["state"] == "backoff" and s)
    assert found["last_exit"] == "exited with code 3: no such file: model.onnx"
    assert 0 < found["restart_in"] <= 30
    assert "starting it again in 0.8 s" in (cloud.home / "services" / "echo" / "log").read_text()


def test_a_command_that_does_not_exist_is_told_not_fatal(cloud: Cloud) -> None:
    client.call(cloud.home, "services.put", service={"name": "none", "argv": ["/no/such/command"]})
    found = eventually(lambda: (s := status(cloud, "none"))["crashes"] and s)
    assert "cannot be started" in found["last_exit"]


def test_a_killed_child_is_restarted_on_its_port(cloud: Cloud) -> None:
    port = put(cloud)["port"]
    pid = ready(cloud)["pid"]
    kill(pid)
    after = eventually(lambda: (s := status(cloud))["state"] == "ready" and s["pid"] not in (pid, None) and s)
    assert (after["port"], after["crashes"]) == (port, 1)
    assert after["last_exit"].startswith("was killed by SIGKILL")


def test_a_chosen_port_that_somebody_took_is_replaced(cloud: Cloud) -> None:
    port = put(cloud)["port"]
    pid = ready(cloud)["pid"]
    supervisor = client.ensure(cloud.home)
    kill(supervisor)
    kill(pid)
    eventually(lambda: ports.is_free(port))
    with ports.listen(port):
        found = ready(cloud)
        assert found["port"] != port
        assert request(found["port"], "/x").code == 200


def test_a_fixed_port_in_use_is_reported_with_its_holder_and_served_when_free(cloud: Cloud) -> None:
    port = ports.choose()
    command = [sys.executable, "-c", "import socket,sys,time; s=socket.socket(fileno=int(sys.argv[1])); time.sleep(60)"]
    with ports.listen(port):
        wanted = {"name": "fixed", "argv": [*command, "{fd}"], "listen": port}
        client.call(cloud.home, "services.put", service=wanted)
        found = eventually(lambda: (s := status(cloud, "fixed"))["state"] == "blocked" and s)
        assert found["last_exit"].startswith(f"port {port} is in use by pid ")
        assert str(port_holder(port)) in found["last_exit"]
    ready(cloud, "fixed")


def test_a_command_that_ignores_sigterm_is_killed_with_all_its_group(cloud: Cloud) -> None:
    script = "import os,signal,time; signal.signal(15, signal.SIG_IGN); os.fork(); time.sleep(600)"
    stubborn = {"name": "stubborn", "argv": [sys.executable, "-S", "-c", script], "stop_seconds": 0.3}
    client.call(cloud.home, "services.put", service=stubborn)
    ready(cloud, "stubborn")
    eventually(lambda: len(cloud.processes()) == 2)
    client.call(cloud.home, "services.remove", name="stubborn")
    assert cloud.processes() == {}


def test_workers_of_a_killed_leader_do_not_stay(cloud: Cloud) -> None:
    script = "import os,time; os.fork(); time.sleep(600)"
    client.call(cloud.home, "services.put", service={"name": "pair", "argv": [sys.executable, "-S", "-c", script]})
    eventually(lambda: len(cloud.processes()) == 2)
    before = set(cloud.processes())
    kill(status(cloud, "pair")["pid"])
    eventually(lambda: len(cloud.processes()) == 2 and not before & set(cloud.processes()), what="two new processes")


def test_a_command_gets_only_the_environment_it_was_given(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    script = "import os; print(sorted(os.environ), flush=True); import time; time.sleep(600)"
    client.call(
        cloud.home,
        "services.put",
        service={"name": "env", "argv": [sys.executable, "-S", "-c", script], "env": {"MINE": "1"}},
    )
    log = cloud.home / "services" / "env" / "log"
    eventually(lambda: log.exists() and log.read_text())
    assert log.read_text().strip() in (
        "['LANG', 'MINE', 'MOORING_SERVICE', 'PATH']",
        "['LANG', 'LC_CTYPE', 'MINE', 'MOORING_SERVICE', 'PATH']",
    )


def test_many_commands_at_once_start_one_supervisor(cloud: Cloud) -> None:
    script = (
        "import sys; from pathlib import Path; from providers.local.supervisor import client;"
        "print(client.ensure(Path(sys.argv[1])))"
    )
    commands = [
        subprocess.Popen([sys.executable, "-c", script, str(cloud.home)], stdout=subprocess.PIPE, cwd=KIT)
        for _ in range(6)
    ]
    pids = {int(command.communicate()[0]) for command in commands}
    assert len(pids) == 1


def test_other_code_replaces_the_supervisor_and_keeps_the_children(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cloud)
    pid, supervisor = ready(cloud)["pid"], client.ensure(cloud.home)
    monkeypatch.setattr(client, "code_version", lambda: "another")
    replaced = client.ensure(cloud.home)
    monkeypatch.undo()
    assert replaced != supervisor
    assert Identity.of(supervisor) is None
    assert ready(cloud)["pid"] == pid


def test_an_idle_supervisor_leaves_by_itself(cloud: Cloud) -> None:
    client.ensure(cloud.home)
    eventually(lambda: client.running(cloud.home) is None, 8.0, "the end of the supervisor")


def test_wrong_services_and_operations_are_refused_with_what_would_be_right(cloud: Cloud) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'argv'"):
        client.call(cloud.home, "services.put", service={"name": "x", "arg": ["a"]})
    with pytest.raises(InvalidInput, match=r"did you mean 'services\.list'"):
        client.call(cloud.home, "service.list")
    with pytest.raises(NotFound, match="no service 'x'"):
        client.call(cloud.home, "services.get", name="x")


def test_a_home_with_a_long_path_works(private_places: Path) -> None:
    with running(private_places / ("x" * 120)) as cloud:
        put(cloud)
        ready(cloud)
        client.call(cloud.home, "services.remove", name="echo")
        client.settle(cloud.home)
        assert client.running(cloud.home) is None


def test_a_log_keeps_its_end_and_its_size_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab") as writer:
        for number in range(10_000):
            writer.write(b"line %d\n" % number)
            if number % 1000 == 999:
                writer.flush()
                rotate(log, limit=20_000)
        writer.write(b"last\n")
    assert log.read_text().endswith("last\n")
    assert log.stat().st_size <= 20_000 + 11_000
    assert (tmp_path / "log.1").stat().st_size == 20_000


def test_the_client_imports_nothing_heavy() -> None:
    script = (
        "import sys; import providers.local.supervisor.client, providers.local.supervisor.daemon;"
        "print([m for m in ('pydantic','pulumi','rich','typer','asyncio','uvloop','psutil') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=KIT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_recycled_pid_is_not_taken_for_the_old_process() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    try:
        found = Identity.of(process.pid)
        assert found is not None
        assert found.alive()
        assert not Identity(process.pid, "another birth").alive()
    finally:
        process.kill()
        time.sleep(0.05)
        assert not found.alive()  # a zombie is dead
        process.wait()


def test_a_deleted_home_ends_everything_that_ran_for_it(cloud: Cloud) -> None:
    put(cloud)
    ready(cloud)
    supervisor = client.ensure(cloud.home)
    shutil.rmtree(cloud.home)
    eventually(lambda: Identity.of(supervisor) is None and cloud.processes() == {}, what="the end of all processes")
