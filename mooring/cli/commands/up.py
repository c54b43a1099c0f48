"""`mooring up`."""

from __future__ import annotations

import sys

import typer

from infra.engine.api import StepEvent
from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.choices import engine_options, pin_lines
from mooring.cli.commands.preview import run_preview
from mooring.cli.operate import conclude, operate
from mooring.pins import pins_of
from mooring.session import open_session

app = typer.Typer(add_completion=False)


@app.command()
def up(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    expect_no_changes: options.ExpectNoChanges = False,
    target: options.Target = None,
    target_dependents: options.TargetDependents = False,
    replace: options.Replace = None,
    refresh: options.Refresh = False,
    policy_pack: options.PolicyPack = None,
    parallel: options.Parallel = 16,
    message: options.Message = "",
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Deploy a stack: create, update or replace what its file asks for.

    Shows a preview and asks, unless --yes. A stack file that is missing is made from its template.
    With --expect-no-changes nothing is done when the preview finds changes, and the exit status is 7.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value, create=True)
    chosen = engine_options(
        session, target=target, target_dependents=target_dependents, replace=replace, refresh=refresh,
        policy_pack=policy_pack, parallel=parallel, message=message,
    )  # fmt: skip
    if not expect_no_changes:
        require_somebody(yes=yes, verb="up")
    if not yes or expect_no_changes:
        outcome = run_preview(session, chosen, as_json=as_json)
        if outcome.code != exits.OK:
            return outcome.code
        if expect_no_changes and outcome.result.has_changes:
            print(f"stack {session.ref.stack} has changes, and none were expected; nothing was done", file=sys.stderr)
            return exits.CHANGES
        if outcome.result.has_changes and not confirm(f"Deploy to {session.ref.stack}?", yes=yes):
            print("nothing was done", file=sys.stderr)
            return exits.FAILED
    pins = pins_of(session.ref.config_file)
    for line in pin_lines(pins, session.ref.stack, emulate=session.ref.emulate):
        print(line, file=sys.stderr)
    outcome = operate(
        lambda on_event, cancel: session.engine.up(session.ref, chosen, on_event, cancel), as_json=as_json
    )
    outcome.pins = [str(pin) for pin in pins]
    code = conclude("up", session.ref.stack, outcome, as_json=as_json)
    if code == exits.OK and not as_json and any(made_endpoint(step) for step in outcome.result.steps):
        print(f"Ask it:    mooring predict --stack {session.ref.stack} --input FILE")
    return code


def made_endpoint(step: StepEvent) -> bool:
    """Whether this step gave the stack a new endpoint."""
    return step.op == "create" and step.phase == "done" and step.type == "moor:index:Endpoint"
