"""The embedded engine against `pulumi`: the same programs, step by step, the same calls, state, and previews.

What `pulumi` came to is written down in `recorded/` (`record.py`), so that the comparison needs no CLI.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from collection import RECORDED, SCENARIOS  # noqa: E402
from scenario import Step  # noqa: E402
from twins import Cli, Embedded, names_before  # noqa: E402

NAMES = sorted(file.stem for file in RECORDED.glob("*.json"))
CROSSED = (
    "parents",
    "aliases",
    "secret-inputs-understood",
    "providers-map",
    "component-outputs",
    "replace-delete-first",
)


def recorded(name: str) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = json.loads((RECORDED / f"{name}.json").read_text())
    return steps


@pytest.fixture(autouse=True)
def twin_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


@pytest.mark.parametrize("name", NAMES)
def test_the_embedded_engine_does_what_pulumi_does(name: str, tmp_path: Path) -> None:
    project = Embedded(tmp_path / "p", SCENARIOS[name])
    for number, (step, expected) in enumerate(zip(SCENARIOS[name].steps, recorded(name), strict=True)):
        told = json.loads(json.dumps(project.run(step)))
        assert told == expected, f"step {number}, {step.verb}: {project.errors}"
        assert names_before(project.deployment()) == []


@pytest.mark.pulumi_cli
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_pulumi_does_what_is_recorded_of_it(name: str, tmp_path: Path) -> None:
    project = Cli(tmp_path / "p", SCENARIOS[name])
    project.init()
    for number, (step, expected) in enumerate(zip(SCENARIOS[name].steps, recorded(name), strict=True)):
        assert json.loads(json.dumps(project.run(step))) == expected, f"step {number}: {project.output}"


@pytest.mark.pulumi_cli
@pytest.mark.slow
@pytest.mark.parametrize("name", CROSSED)
def test_the_engines_take_turns_on_one_stack(name: str, tmp_path: Path) -> None:
    steps = [s for s in SCENARIOS[name].steps if s.verb == "up"]
    pulumi = Cli(tmp_path / "p", SCENARIOS[name])
    embedded = Embedded(tmp_path / "p", SCENARIOS[name], pulumi.provider)
    pulumi.init()
    for number, step in enumerate(steps):
        ours, theirs = (embedded, pulumi) if number % 2 else (pulumi, embedded)
        assert ours.run(step)["ok"], (ours.__class__, number)
        if "import pulumi" in step.source:
            told = theirs.run(Step("preview", step.program))
            changes = told["preview"]["changeSummary"]
            assert set(changes) == {"same"}, f"{theirs.__class__.__name__} after step {number}: {told['preview']}"
    assert embedded.run(Step("destroy"))["ok"]
    assert pulumi.provider.world == {}
    assert os.listdir(tmp_path) == ["p"]
