"""Environments: built once, whole or absent, and clear about what cannot be built."""

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
from cloud_support import until

from providers.errors import Cancelled, InvalidInput, Unavailable
from providers.local.environments import image_lists, uv
from providers.local.environments.environments import STAMP, Environments
from providers.local.process import with_variable

KIT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    """Environments of images without packages, so that nothing is fetched."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "bare.txt").write_text("# nothing\n")
    (folder / "other.txt").write_text("# nothing at all\n")
    monkeypatch.setattr(image_lists, "FOLDER", folder)
    return Environments(tmp_path / "cache")


def test_an_environment_is_built_once_and_is_not_the_projects(bare: Environments) -> None:
    said: list[str] = []
    python = bare.ensure("bare", (), said.append)
    assert said == ["preparing the environment of image 'bare' (once)"]
    assert bare.ensure("bare", (), said.append) == python
    assert len(said) == 1
    assert bare.python("bare") == python
    shown = subprocess.run(
        [python, "-c", "import sys; print(sys.prefix); print(sys.path)"], capture_output=True, text=True
    )
    prefix, path = shown.stdout.splitlines()
    assert prefix == str(python.parents[1])
    assert str(KIT) not in path
    assert [left.name for left in bare.base.glob(".building*")] == []


def test_image_and_requirements_and_their_order_decide_which_environment(bare: Environments) -> None:
    keys = {
        image_lists.environment_key("bare", ()),
        image_lists.environment_key("other", ()),
        image_lists.environment_key("bare", ("a==1",)),
    }
    assert len(keys) == 3
    assert image_lists.environment_key("bare", ("a==1", "b==2")) == image_lists.environment_key(
        "bare", ("b==2", "a==1")
    )


def test_an_unknown_image_is_told_with_the_nearest_name(bare: Environments) -> None:
    with pytest.raises(InvalidInput, match=r"no image 'othr' on local \(did you mean 'other'\?\)"):
        bare.ensure("othr")
    with pytest.raises(InvalidInput, match="no image"):
        bare.ensure("../bare")


@pytest.mark.parametrize("requirement", ["numpy", "numpy>=1", "numpy==", "--index-url=x", "-r x.txt"])
def test_an_unpinned_requirement_is_a_problem(requirement: str) -> None:
    (problem,) = image_lists.problems(None, [requirement])
    assert problem.property == "code.requirements[0]"
    assert "name==version" in problem.reason


@pytest.mark.parametrize("requirement", ["numpy==2.1.0", "a[b,c] == 1.0 ; python_version > '3'", "x @ file:///x.whl"])
def test_a_pinned_requirement_is_none(requirement: str) -> None:
    assert image_lists.problems(None, [requirement]) == []


def test_two_processes_build_one_environment_once(bare: Environments) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=bare.ensure, args=("bare", (), said.append)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum("preparing" in line for line in said) == 1
    assert len(bare.list()) == 1


@pytest.mark.slow
def test_a_build_killed_in_the_middle_is_made_anew(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from providers.local.environments.environments import Environments\n"
    code += "Environments(Path(sys.argv[1])).ensure('sklearn', (), lambda m: print(m, flush=True))"
    builder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=KIT, start_new_session=True)
    base = tmp_path / "envs"
    until(lambda: list(base.glob(".building-*/lib/*/site-packages/*")), 60)
    (left,) = base.glob(".building-*")
    os.killpg(builder.pid, signal.SIGKILL)
    builder.wait()
    assert [path for path in base.glob("*/" + STAMP) if not path.parent.name.startswith(".")] == []
    python = Environments(tmp_path).ensure("sklearn")
    assert with_variable(uv.TARGET, str(left)) == []
    assert (
        subprocess.run([python, "-c", "import sklearn, onnxruntime, skops.io, httptools"], check=False).returncode == 0
    )
    assert list(base.glob(".building-*")) == []


def test_offline_is_one_error_that_names_the_package_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(Unavailable, match=r"the package '[a-z]+' of image 'sklearn' could not be fetched.*connection"):
        Environments(tmp_path).ensure("sklearn")
    assert list((tmp_path / "envs").glob(".building-*")) == []
    assert Environments(tmp_path).list() == []


def test_a_build_ends_when_it_is_cancelled(bare: Environments) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        bare.ensure("bare", (), cancel=cancel)
    assert bare.list() == []


def test_prune_removes_what_is_long_unused_and_interrupted_builds(bare: Environments) -> None:
    old, new = bare.ensure("bare").parents[1], bare.ensure("other").parents[1]
    os.utime(old / STAMP, (0, 0))
    left = bare.base / ".building-bare-0-4194399"
    left.mkdir()
    assert set(bare.prune([], 30)) == {old.name, left.name}
    assert [environment.path for environment in bare.list()] == [new]


def test_prune_spares_an_environment_that_an_endpoint_is_served_from(bare: Environments, tmp_path: Path) -> None:
    python = bare.ensure("bare")
    os.utime(python.parents[1] / STAMP, (0, 0))
    record = tmp_path / "home" / "services" / "iris.main.0" / "service.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"argv": [str(python), "-m", "serving"]}))
    assert bare.prune([tmp_path / "home"]) == []
    assert bare.prune([tmp_path / "another"]) == [python.parents[1].name]
    assert list(bare.base.glob(".building-*")) == []


def test_prune_spares_an_environment_that_a_process_runs_from(bare: Environments) -> None:
    python = bare.ensure("bare")
    os.utime(python.parents[1] / STAMP, (0, 0))
    user = subprocess.Popen([python, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.1)
        assert bare.prune([], 30) == []
    finally:
        user.kill()
        user.wait()


def test_uv_is_told_of_pips_settings_where_it_has_none_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = one\nextra-index-url =\n  two\n  three\n[install]\nno-index = yes\n"
    )
    given = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_CERT": "c", "PYTHONPATH": "x"}
    result = uv.environment(given)
    assert (result["UV_DEFAULT_INDEX"], result["UV_INDEX"], result["UV_NO_INDEX"]) == ("one", "two three", "1")
    assert result["SSL_CERT_FILE"] == "c"
    assert "PYTHONPATH" not in result
    assert uv.environment({**given, "UV_DEFAULT_INDEX": "mine"})["UV_DEFAULT_INDEX"] == "mine"


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (
            "error: Failed to fetch: `file://x/simple/skops/`\n  cause: dns error",
            Unavailable,
            "the package 'skops' of it",
        ),
        ("× No solution found\n╰─▶ Because there is no version of a==9", InvalidInput, "there is no version of a==9"),
        ("Because b was not found in the package registry and", InvalidInput, "b was not found"),
        ("Because b was not found in the cache and", Unavailable, "the package 'b' of it"),
    ],
)
def test_uvs_errors_are_told_apart(said: str, error: type[Exception], words: str) -> None:
    explained = uv.explain(said, "it")
    assert type(explained) is error
    assert words in str(explained)
