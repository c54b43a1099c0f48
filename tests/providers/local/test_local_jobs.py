"""Jobs: real processes, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cloud_support import ended, job, until

from providers.errors import NotFound
from providers.local.jobs import job_log
from providers.local.jobs.job_records import JobSpec, Step
from providers.local.jobs.jobs import Jobs
from providers.local.jobs.reasons import failure_reason, traceback_reason
from providers.local.process import Identity


@pytest.fixture
def jobs(private_places: Path) -> Jobs:
    return Jobs(private_places)


def alive(pid: int) -> bool:
    return Identity.of(pid) is not None


def written_pid(path: Path) -> int:
    return int(until(lambda: path.exists() and path.read_text().strip()))


def test_a_job_runs_with_the_given_environment_and_nothing_else(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    job(jobs, "one", "import os, sys; print(sorted(os.environ)); print(os.getcwd()); print(os.getppid(), os.getsid(0))")
    record = ended(jobs, "one")
    assert (record.status, record.exit_code, record.reason) == ("succeeded", 0, "")
    environment, cwd, _ = jobs.logs("one")
    assert set(eval(environment)) <= {"MOORING_JOB_ID", "MOORING_JOB_FOLDER", "PATH", "LC_CTYPE"}
    assert cwd == str(jobs.folder("one") / "work")
    assert record.usage["wall_seconds"] > 0
    assert record.usage["max_rss_bytes"] > 1e6
    assert record.started <= record.ended


def test_starting_the_same_id_again_changes_nothing(jobs: Jobs) -> None:
    marker = jobs.home / "marker"
    code = f"open({str(marker)!r}, 'a').write('ran\\n')"
    job(jobs, "one", code)
    ended(jobs, "one")
    job(jobs, "one", code)
    assert ended(jobs, "one").status == "succeeded"
    assert marker.read_text() == "ran\n"


def test_the_reason_is_the_exception_and_where_the_script_raised_it(jobs: Jobs) -> None:
    folder = jobs.folder("bad") / "work"
    code = "print('progress'); exec(compile('def f():\\n  raise ValueError(\"no such thing\")\\nf()', 'x.py', 'exec'))"
    job(jobs, "bad", code.replace("x.py", str(folder / "x.py")))
    record = ended(jobs, "bad")
    assert (record.status, record.exit_code) == ("failed", 1)
    assert record.reason == "ValueError: no such thing (x.py, line 2, in f)"


def test_without_a_traceback_the_reason_is_the_last_line(jobs: Jobs) -> None:
    job(jobs, "bad", "import sys; print('training'); sys.exit('training failed: no column label')")
    assert ended(jobs, "bad").reason == "training failed: no column label"


def test_exit_137_is_explained(jobs: Jobs) -> None:
    job(jobs, "oom", "import os; os._exit(137)")
    record = ended(jobs, "oom")
    assert record.exit_code == 137
    assert "out of memory?" in record.reason


def test_a_job_over_its_limit_is_stopped_with_its_grandchildren(jobs: Jobs, tmp_path: Path) -> None:
    code = (
        "import subprocess, signal, time; signal.signal(15, signal.SIG_IGN)\n"
        "p = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))\n"
        "time.sleep(300)"
    )
    job(jobs, "hang", code, limit=1, grace=0.3)
    record = ended(jobs, "hang")
    assert record.status == "failed"
    assert record.reason == "stopped after its time limit of 1 seconds ('timeLimit' sets it)"
    assert not alive(written_pid(tmp_path / "pid"))


def test_daemons_that_a_job_leaves_behind_end_with_it(jobs: Jobs, tmp_path: Path) -> None:
    code = (
        "import subprocess\n"
        "p = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))"
    )
    job(jobs, "daemon", code)
    assert ended(jobs, "daemon").status == "succeeded"
    assert not alive(written_pid(tmp_path / "pid"))


SLEEPER = (
    "import os, subprocess, sys, time\n"
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)\n"
    "open('child', 'w').write(str(p.pid)); open('own', 'w').write(str(os.getpid())); time.sleep(300)"
)


@pytest.mark.parametrize("victims", [("runner",), ("guard",), ("runner", "guard")])
def test_no_process_of_a_job_survives_the_kill_of_its_keepers(jobs: Jobs, victims: tuple[str, ...]) -> None:
    job(jobs, "one", SLEEPER)
    work = jobs.folder("one") / "work"
    own, child = written_pid(work / "own"), written_pid(work / "child")
    status = json.loads((jobs.folder("one") / "status.json").read_text())
    for victim in victims:
        os.kill(status[victim]["pid"], signal.SIGKILL)
    if victims == ("guard",):
        assert jobs.get("one").status == "running"
        jobs.stop("one")
        assert ended(jobs, "one").status == "stopped"
    else:
        record = ended(jobs, "one")
        assert record.status == "failed"
        assert "interrupted" in record.reason
    until(lambda: not alive(own))
    until(lambda: not alive(child))


def test_a_job_outlives_the_command_that_started_it(jobs: Jobs) -> None:
    starter = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from cloud_support import job; from providers.local.jobs.jobs import Jobs\n"
        "job(Jobs(Path(sys.argv[2])), 'one', 'import time; time.sleep(1); print(42)'); print('up', flush=True)\n"
        "import time; time.sleep(60)"
    )
    kit = Path(__file__).resolve().parents[3]
    command = subprocess.Popen(
        [sys.executable, "-c", starter, str(Path(__file__).parent), str(jobs.home)],
        cwd=kit,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == b"up\n"
    os.killpg(command.pid, signal.SIGKILL)
    command.wait()
    command.stdout.close()
    assert ended(jobs, "one").status == "succeeded"
    assert list(jobs.logs("one")) == ["42"]


def test_stop_ends_a_running_job_and_delete_leaves_nothing(jobs: Jobs) -> None:
    job(jobs, "one", SLEEPER)
    work = jobs.folder("one") / "work"
    own = written_pid(work / "own")
    jobs.stop("one")
    assert jobs.get("one").status == "stopped"
    assert not alive(own)
    for _ in range(2):
        jobs.delete("one")
    assert jobs.find("one") is None
    assert not jobs.base.exists()
    with pytest.raises(NotFound, match="no job 'one'"):
        jobs.get("one")


def test_a_created_job_that_nobody_launched_is_pending_and_can_be_stopped(jobs: Jobs) -> None:
    spec = JobSpec("one", "test", (Step(("/bin/true",)),), {}, "/", 5)
    jobs.create(spec)
    assert jobs.get("one").status == "pending"
    jobs.stop("one")
    assert jobs.get("one").reason == "stopped before it began"
    jobs.launch("one")
    assert jobs.get("one").status == "stopped"


def test_a_command_that_does_not_exist_is_told(jobs: Jobs) -> None:
    jobs.start(JobSpec("one", "test", (Step(("/no/such/python",)),), {}, "/", 5))
    record = ended(jobs, "one")
    assert record.status == "failed"
    assert "/no/such/python" in record.reason


def test_steps_run_in_order_until_one_fails(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    say = (sys.executable, "-c")
    steps = (
        Step((*say, "print(1)")),
        Step((*say, "print(2)"), unless="/"),
        Step((*say, "import os; print(os.environ['X'])"), environment={"X": "3"}),
        Step((*say, "print(4)"), needs=str(tmp_path / "empty"), needs_reason="it wrote no model"),
        Step((*say, "print(5)")),
    )
    jobs.start(JobSpec("one", "test", steps, {}, "/", 20))
    assert ended(jobs, "one").reason == "it wrote no model"
    assert list(jobs.logs("one")) == ["1", "3"]


def test_logs_follow_to_the_end_and_tail_from_it(jobs: Jobs) -> None:
    job(jobs, "one", "import time\nfor i in range(5): print('line', i); time.sleep(0.1)\nprint('no end', end='')")
    assert list(jobs.logs("one", follow=True)) == [*(f"line {i}" for i in range(5)), "no end"]
    assert list(jobs.logs("one", tail=2)) == ["line 4", "no end"]
    assert list(jobs.logs("one", tail=0)) == []
    assert len(list(jobs.logs("one", tail=99))) == 6


def test_a_log_without_end_is_cut_and_says_so(jobs: Jobs) -> None:
    code = f"line = 'x' * 1023\nfor _ in range({job_log.LIMIT >> 10} + 2000): print(line)\nraise ValueError('the end')"
    job(jobs, "loud", code)
    record = ended(jobs, "loud")
    assert record.reason.startswith("ValueError: the end")
    log = jobs.folder("loud") / "log.txt"
    assert job_log.KEPT // 2 < log.stat().st_size <= job_log.KEPT + 1000
    first, second, *_, last = jobs.logs("loud")
    assert first == f"[mooring] the log had {(job_log.LIMIT >> 20) + 1} MiB and was cut here; what follows is its end"
    assert second == "x" * 1023
    assert last == "ValueError: the end"


def test_a_follower_goes_on_in_a_log_that_was_cut(tmp_path: Path) -> None:
    log = tmp_path / "log"
    over: list[bool] = []
    log.write_text("".join(f"line {n}\n" for n in range(1000)))
    with log.open("a") as writer:
        following = job_log.lines(log, lambda: bool(over), follow=True)
        assert [next(following) for _ in range(1000)][-1] == "line 999"
        job_log.bound(log, limit=1000, kept=20)
        writer.write("line 1000\n")
        writer.flush()
        assert next(following).startswith("[mooring] the log had 0 MiB and was cut here")
        assert [next(following) for _ in range(3)] == ["line 998", "line 999", "line 1000"]
        over.append(True)
        assert list(following) == []


def test_a_job_that_nothing_runs_yet_can_be_changed_and_no_other(jobs: Jobs, tmp_path: Path) -> None:
    def spec(word: str) -> JobSpec:
        step = Step((sys.executable, "-c", f"print({word!r})"))
        folder = jobs.folder("one")
        return JobSpec("one", "test", (step,), {"PATH": "/usr/bin:/bin"}, str(folder), 60.0)

    jobs.create(spec("old"))
    jobs.change_pending(spec("new"))
    jobs.launch("one")
    ended(jobs, "one")
    assert list(jobs.logs("one")) == ["new"]
    jobs.change_pending(spec("late"))
    assert jobs.get("one").spec == spec("new")


def test_a_recycled_pid_is_never_signalled() -> None:
    own = Identity.of(os.getpid())
    assert own is not None
    assert own.alive()
    other = Identity(os.getpid(), "another boot:1")
    assert not other.alive()
    assert other.signal(signal.SIGKILL) is False


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Traceback (most recent call last):", '  File "/a/t.py", line 3, in go', "    x()", "KeyError: 'y'"],
         "KeyError: 'y' (t.py, line 3, in go)"),
        (["Traceback (most recent call last):", '  File "/a/t.py", line 3, in go', '  File "/z.py", line 9', "E: 1"],
         "E: 1 (t.py, line 3, in go)"),
        (["read", '  File "/a/t.py", line 7', "    def x(:", "          ^", "SyntaxError: invalid syntax"],
         "SyntaxError: invalid syntax (t.py, line 7)"),
        (["SyntaxError: Non-UTF-8 code"], "SyntaxError: Non-UTF-8 code"),
        (["nothing to see"], ""),
    ],
)  # fmt: skip
def test_the_place_named_is_the_innermost_one_of_the_users_code(lines: list[str], reason: str) -> None:
    assert traceback_reason(lines, "/a") == reason


def test_the_last_word_of_a_script_comes_with_an_unusual_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("50 %\n")
    assert failure_reason(log, 3, "") == "50 % (exit code 3)"
    assert failure_reason(log, 1, "") == "50 %"


def test_a_silent_failure_tells_the_exit_code(tmp_path: Path) -> None:
    assert failure_reason(tmp_path / "none", 3, "") == "the process ended with exit code 3 and wrote nothing"
