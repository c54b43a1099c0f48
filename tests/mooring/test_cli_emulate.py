"""`mooring emulate`: the emulator of a project, started and ended, and programs inside of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="the emulator of AWS needs moto (install mooring[aws])")

INSIDE = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"


class Shell:
    """`mooring` in a project of its own, in an environment that holds somebody's real credentials."""

    def __init__(self, root: Path, kit: Path) -> None:
        self.root = root
        (root / "stacks").mkdir()
        (root / "Pulumi.yaml").write_text(
            f"name: mooring\nruntime: python\nmain: {kit}/infra\nstackConfigDir: stacks\n"
        )
        (root / "credentials").write_text("[default]\naws_access_key_id = real\naws_secret_access_key = real\n")
        self.environment = os.environ | {
            "MOORING_PROJECT": str(root), "AWS_PROFILE": "default", "AWS_SESSION_TOKEN": "real",
            "AWS_SHARED_CREDENTIALS_FILE": str(root / "credentials"),
        }  # fmt: skip

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`mooring` with `words`."""
        command = [sys.executable, "-m", "mooring", *words]
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def shell(tmp_path: Path, kit: Path) -> Iterator[Shell]:
    made = Shell(tmp_path, kit)
    yield made
    made.run("emulate", "aws", "--reset", "--stop")


def test_a_program_runs_inside_and_the_emulator_ends_with_it(shell: Shell) -> None:
    ran = shell.run("emulate", "aws", "--", sys.executable, "-c", INSIDE)
    assert (ran.returncode, ran.stdout.strip()) == (0, "123456789012"), ran.stderr
    assert json.loads(shell.run("emulate", "aws", "--stop", "--json").stdout) == {"cloud": "aws", "stopped": False}
    failed = shell.run("emulate", "aws", "--", sys.executable, "-c", "raise SystemExit(3)")
    assert failed.returncode == 3


def test_a_shell_is_led_inside_and_away_from_ambient_credentials(shell: Shell) -> None:
    printed = shell.run("emulate", "aws", "--region", "eu-west-1")
    assert printed.returncode == 0, printed.stderr
    program = (
        "import boto3, os; s = boto3.Session(); "
        "print(s.get_credentials().access_key, s.region_name, 'AWS_PROFILE' in os.environ)"
    )
    script = f'eval "$1" && exec {sys.executable} -c "$2"'
    led = subprocess.run(
        ["/bin/sh", "-c", script, "sh", printed.stdout, program],
        env=shell.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert led.stdout.split() == ["mooring", "eu-west-1", "False"], led.stderr
    document = json.loads(shell.run("emulate", "aws", "--json").stdout)
    assert f"export AWS_ENDPOINT_URL={document['url']}\n" in printed.stdout  # the same one: it went on running
    assert json.loads(shell.run("emulate", "aws", "--stop", "--json").stdout)["stopped"] is True


def test_an_unknown_cloud_and_a_program_that_is_not_there_are_clear_errors(shell: Shell) -> None:
    wrong = shell.run("emulate", "asw")
    assert wrong.returncode == 1
    assert "there is no emulator of 'asw' (did you mean 'aws'?)" in wrong.stderr
    absent = shell.run("emulate", "aws", "--", "no-such-program")
    assert absent.returncode == 2
    assert "no-such-program cannot be run: No such file" in absent.stderr
    assert json.loads(shell.run("emulate", "aws", "--stop", "--json").stdout)["stopped"] is False


INSIDE_TESTS = """
import os
import boto3

boto3.setup_default_session(aws_access_key_id="real", aws_secret_access_key="real", region_name="eu-west-3")

def my_own_code():
    client = boto3.client("s3")
    client.create_bucket(Bucket="made-by-my-own-code")
    return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]

def test_inside(mooring_aws):
    assert my_own_code() == ["made-by-my-own-code"]
    assert mooring_aws.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
    assert "AWS_SESSION_TOKEN" not in os.environ
    with open("url.txt", "w") as stream:
        stream.write(mooring_aws.url)

def test_another_is_empty_again(mooring_aws):
    assert mooring_aws.client("s3").list_buckets()["Buckets"] == []
"""


def test_the_fixture_leads_a_test_and_its_code_inside_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_inside.py").write_text(INSIDE_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"--rootdir={tmp_path}", "test_inside.py"]
    environment = os.environ | {"AWS_SESSION_TOKEN": "real"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "2 passed" in ran.stdout, ran.stdout
    port = int((tmp_path / "url.txt").read_text().rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
