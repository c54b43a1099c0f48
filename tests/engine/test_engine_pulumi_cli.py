"""Both engines on one stack: what one deployed, the other finds in order, changes, and destroys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from engine_kit import PASSPHRASE, Stack

pytestmark = pytest.mark.pulumi_cli
SUPPORT = Path(__file__).parent / "support"

PROGRAM = """
g = Group("g")
a = Thing("a", {"x": VALUE, "secret": pulumi.Output.secret("s3cret"), "list": [1, 2.5, None, {"k": True}]})
b = Thing("b", {"from": a.handle}, Opts(parent=g, protect=False, custom_timeouts=pulumi.CustomTimeouts(create="5m")))
c = Thing("c", {"fixed": VALUE}, Opts(depends_on=[b], ignore_changes=["other"], additional_secret_outputs=["token"]))
p = Provider("mine", {"prefix": "p-"})
Thing("d", {"from": c.token}, Opts(provider=p, aliases=[pulumi.Alias(name="older")]))
pulumi.export("handle", b.handle)
pulumi.export("secret", a.secret if hasattr(a, "secret") else pulumi.Output.secret("s3cret"))
"""


@pytest.fixture
def both(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that `pulumi` can drive as well, with the provider run from source."""
    plugin = stack.root / "plugin"
    plugin.mkdir()
    virtualenv = os.path.relpath(Path(sys.prefix), plugin)
    (plugin / "PulumiPlugin.yaml").write_text(f"runtime:\n  name: python\n  options:\n    virtualenv: {virtualenv}\n")
    (plugin / "__main__.py").write_text((SUPPORT / "demo_provider.py").read_text())
    (stack.root / "Pulumi.yaml").write_text(
        "name: proj\nruntime:\n  name: python\n  options:\n"
        f"    virtualenv: {os.path.relpath(Path(sys.prefix), stack.root)}\n"
        "main: infra/\nstackConfigDir: stacks\nplugins:\n  providers:\n    - name: demo\n      path: plugin\n"
    )
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{stack.root / 'backend'}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("PULUMI_HOME", str(stack.root / "pulumi-home"))
    return stack


def pulumi(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        ["pulumi", *arguments, "--stack", stack.name, "--non-interactive", "--color", "never"],
        cwd=stack.root, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_embedded_engine_deployed_the_cli_finds_in_order_and_destroys(both: Stack) -> None:
    both.up(PROGRAM.replace("VALUE", "1"))
    pulumi(both, "preview", "--expect-no-changes", "--diff")
    both.up(PROGRAM.replace("VALUE", "2"))
    pulumi(both, "preview", "--expect-no-changes", "--diff")
    assert json.loads(pulumi(both, "stack", "output", "--json", "--show-secrets"))["secret"] == "s3cret"
    assert '"kind": "update"' in pulumi(both, "stack", "history", "--json")
    pulumi(both, "destroy", "--yes", "--skip-preview")
    assert both.things() == {}
    assert both.up().changes["create"] == 7


def test_what_the_cli_deployed_the_embedded_engine_finds_in_order_and_destroys(both: Stack) -> None:
    both.program(PROGRAM.replace("VALUE", "1"))
    pulumi(both, "stack", "init")
    pulumi(both, "up", "--yes", "--skip-preview")
    result = both.preview()
    assert result.ok, result.errors
    assert not result.has_changes, both.steps
    both.up(PROGRAM.replace("VALUE", "2"))
    pulumi(both, "preview", "--expect-no-changes", "--diff")
    assert both.engine.history(both.ref)[-1]["kind"] == "update"
    assert both.destroy().ok
    assert both.things() == {}


def test_a_preview_document_has_the_form_of_the_cli(both: Stack) -> None:
    both.up(PROGRAM.replace("VALUE", "1"))
    both.program(PROGRAM.replace("VALUE", "2"))
    theirs = json.loads(pulumi(both, "preview", "--json"))
    ours = both.preview().document
    assert ours["changeSummary"] == theirs["changeSummary"]
    for mine, other in zip(by_urn(ours), by_urn(theirs), strict=True):
        assert comparable(mine) == comparable(other), mine["urn"]
    assert set(ours) <= set(theirs) | {"diagnostics"}


def by_urn(document: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(document["steps"], key=lambda s: str(s["urn"]))


def comparable(step: dict[str, Any]) -> dict[str, Any]:
    """A step without what is only about where the program's lines are."""
    shown = dict(step)
    for side in ("oldState", "newState"):
        if side in shown:
            hidden = ("sourcePosition", "stackTrace", "created", "modified")
            shown[side] = {k: v for k, v in shown[side].items() if k not in hidden}
    return shown
