"""Every command that the documents show is run, in the order shown, in a project of its own.

A fence ```` ```console ```` holds commands after `$ ` (a trailing backslash continues one) and some of their
output; `console pulumi` needs the Pulumi CLI; `console fails` holds commands that must fail; what needs a cloud
account is fenced `console account`, and there only its verb and options are checked.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.support import forks
from tests.e2e.support.project import KIT, Project

FENCE = re.compile(r"^```console([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = [KIT / "README.md", *sorted((KIT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Command:
    """One command of one document, with what its fence says."""

    text: str
    flags: frozenset[str]
    line: int


def commands_of(document: Path) -> list[Command]:
    text = document.read_text()
    found = []
    for fence in FENCE.finditer(text):
        flags = frozenset(fence[1].split())
        line = text[: fence.start()].count("\n") + 2
        for match in re.finditer(r"^\$ ((?:.*\\\n)*.*)", fence[2], re.MULTILINE):
            found.append(Command(match[1], flags, line + fence[2][: match.start()].count("\n")))
    return found


def with_commands() -> list[Path]:
    return [document for document in DOCUMENTS if commands_of(document)]


def test_documents_have_commands_to_run() -> None:
    assert KIT / "README.md" in with_commands()


@pytest.fixture
def place(tmp_path: Path, private_places: Path) -> Project:
    """A project like a fresh clone: Makefile, examples and stacks as well."""
    project = Project(tmp_path / "mooring", private_places)
    for shared in ("Makefile", "scripts", "examples"):
        if (KIT / shared).exists():
            (project.root / shared).symlink_to(KIT / shared)
    for stack in (KIT / "stacks").glob("Pulumi.*.yaml"):
        if stack.name != "Pulumi.local.yaml":
            shutil.copy(stack, project.root / "stacks")
    return project


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize("document", with_commands(), ids=lambda path: path.name)
def test_commands_of_a_document_run_as_shown(document: Path, place: Project) -> None:
    environment = place.environment(PATH=f"{KIT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    environment.pop("VIRTUAL_ENV", None)
    exports = ""
    try:
        for command in commands_of(document):
            if "pulumi" in command.flags and not shutil.which("pulumi"):
                continue
            text = with_help(command.text) if "account" in command.flags else command.text
            if text.startswith(("git clone", "cd ")):
                continue  # the project is there already
            if not exports and (words := plain_words(text)):
                done = forks.run(words, place.root, place.environment(), 240)
            else:
                done = subprocess.run(
                    ["bash", "-c", f"set -o pipefail\n{exports}{text}"],
                    cwd=place.root, env=environment, stdin=subprocess.DEVNULL,
                    capture_output=True, text=True, timeout=240, check=False,
                )  # fmt: skip
            if text.startswith(("eval ", "export ")):
                exports += text + "\n"
            wrong = (done.returncode == 0) if "fails" in command.flags else (done.returncode != 0)
            assert not wrong, f"{document.name}:{command.line}: {text}\n{done.stdout}\n{done.stderr}"
    finally:
        for stack in sorted(place.root.glob("stacks/Pulumi.*.yaml")):
            name = stack.name.removeprefix("Pulumi.").removesuffix(".yaml")
            if (place.root / ".mooring").exists():
                place.run("destroy", "--stack", name, "--yes", expect=None)


def plain_words(text: str) -> list[str]:
    """The arguments of a command that is `mooring` and needs no shell; [] for any other."""
    first, *words = shlex.split(text.replace("\\\n", " "))
    return words if first == "mooring" and not re.search(r"[|&;<>$`(*?]", text) else []


def with_help(text: str) -> str:
    """The same verb with `--help`, after checking that each option shown exists."""
    words = shlex.split(text.replace("\\\n", " "))
    verbs = [word for word in words[:3] if not word.startswith("-")]
    options = [word for word in words if word.startswith("--")]
    checks = " && ".join(f'grep -q -e {shlex.quote(option)} <<<"$help"' for option in options)
    return f"help=$({shlex.join(verbs[:2])} --help) && {checks or 'true'}"
