"""The pytest plugin: stacks for tests, deployed for real and taken down whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from mooring.testing import StackFactory, StackFailed, TestStack, absolute, settings_in
from providers.errors import NotFound

ONNX = {
    "cloud": "local",
    "models": {"iris": {"file": "examples/onnx-file/iris.onnx"}},
    "endpoints": {"iris": {"model": "iris"}},
}
ROW = {"sepal_length": 5.1, "sepal_width": 3.4, "petal_length": 1.5, "petal_width": 0.2}


def processes_of(home: Path) -> list[psutil.Process]:
    """Processes whose command line names a file below `home`."""
    return [p for p in psutil.process_iter(["cmdline"]) if any(str(home) in part for part in p.info["cmdline"] or [])]


def test_paths_of_settings_are_made_absolute_and_the_rest_is_left(tmp_path: Path) -> None:
    settings = {
        "cloud": "local",
        "datasets": {"a": "a.csv", "b": {"path": "b.csv", "format": "csv"}, "c": 3},
        "models": {
            "m": {"file": "m.onnx"},
            "n": {"file": {"path": "n.pkl", "trust": True}},
            "o": {"training": {"dataset": "a", "source": "src"}},
        },
    }
    made = absolute(settings, tmp_path)
    assert made["datasets"] == {
        "a": f"{tmp_path}/a.csv", "b": {"path": f"{tmp_path}/b.csv", "format": "csv"}, "c": 3
    }  # fmt: skip
    assert made["models"]["m"]["file"] == f"{tmp_path}/m.onnx"
    assert made["models"]["n"]["file"] == {"path": f"{tmp_path}/n.pkl", "trust": True}
    assert made["models"]["o"]["training"] == {"dataset": "a", "source": f"{tmp_path}/src"}
    assert settings["models"]["m"] == {"file": "m.onnx"}


def test_a_stack_file_is_taken_by_path_or_by_name(kit: Path) -> None:
    assert settings_in(kit / "stacks" / "templates" / "local.yaml")["cloud"] == "local"
    with pytest.raises(NotFound, match="there is no stack file"):
        StackFactory(kit)("nothing")


def test_pytest_starts_without_loading_the_kit() -> None:
    heavy = ("pulumi", "pydantic", "yaml", "mooring.testing", "mooring.client")
    code = f"import sys, mooring.pytest_plugin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_stack_answers_while_the_test_runs_and_is_gone_after_it(kit: Path, tmp_path: Path) -> None:
    test = f"""
from pathlib import Path
def test_it(mooring_stack):
    stack = mooring_stack({ONNX!r})
    Path({str(tmp_path / "home")!r}).write_text(str(stack.home))
    assert stack.outputs["models"]["iris"]["version"] == 1
    reply = stack.endpoint("iris").predict([{ROW!r}])
    assert (reply.predictions, reply.model_version) == (["setosa"], "1")
    raise RuntimeError("the test itself fails")
"""
    (tmp_path / "test_one.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(kit)]
    done = subprocess.run(
        [*command, str(tmp_path / "test_one.py")],
        capture_output=True, text=True, check=False, cwd=kit, env={**os.environ, "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    assert "the test itself fails" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    home = Path((tmp_path / "home").read_text())
    assert not home.exists()
    assert processes_of(home) == []


@pytest.mark.slow
def test_a_stack_can_be_updated_and_a_second_up_changes_nothing(kit: Path) -> None:
    stack = TestStack("again", kit)
    stack.create(ONNX)
    try:
        first = stack.up()
        stack.run("preview", "--stack", "again", "--expect-no-changes")
        two = {**ONNX, "endpoints": {**ONNX["endpoints"], "second": {"model": "iris"}}}  # type: ignore[dict-item]
        second = stack.up(two)
        assert second["endpoints"]["iris"] == first["endpoints"]["iris"]
        assert stack.endpoint("second").predict([ROW]).predictions == ["setosa"]
        with pytest.raises(NotFound, match="several endpoints"):
            stack.endpoint()
    finally:
        stack.destroy()
    assert not stack.root.exists()


@pytest.mark.slow
def test_wrong_settings_fail_with_what_the_command_said(kit: Path) -> None:
    factory = StackFactory(kit)
    try:
        with pytest.raises(
            StackFailed, match=r"endpoints.iris.model: there is no model 'irs' \(did you mean 'iris'\?\)"
        ):
            factory({**ONNX, "endpoints": {"iris": {"model": "irs"}}})
    finally:
        factory.close()


@pytest.mark.slow
def test_a_secret_of_the_stack_file_reaches_the_server_and_not_the_state(kit: Path) -> None:
    stack = TestStack("secret", kit)
    stack.create(ONNX)
    try:
        stack.run("config", "set", "--stack", "secret", "--secret", "endpoints.iris.environment.KEY", "hunter2-plain")
        assert "hunter2-plain" not in stack.file.read_text()
        assert set(yaml.safe_load(stack.file.read_text())) == {"config", "encryptionsalt"}
        stack.up()
        state = stack.root / ".mooring"
        assert not [f for f in state.rglob("*") if f.is_file() and b"hunter2-plain" in f.read_bytes()]
        servers = [process for process in processes_of(stack.home) if "serving" in process.info["cmdline"]]
        assert [server.environ().get("KEY") for server in servers] == ["hunter2-plain"]
    finally:
        stack.destroy()
