"""`mooring preview`."""

from __future__ import annotations

import sys

import typer

from infra.engine.api import Options
from mooring.cli import exits, options
from mooring.cli.choices import engine_options, pin_lines
from mooring.cli.operate import Outcome, errors, operate, print_json
from mooring.display.style import style_of
from mooring.display.summary import difference_lines, summary_lines
from mooring.pins import pins_of
from mooring.session import Session, open_session

app = typer.Typer(add_completion=False)


@app.command()
def preview(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
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
    """Show what `up` would do, and do nothing.

    With --json the document has the form of `pulumi preview --json`.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value, create=True)
    chosen = engine_options(
        session, target=target, target_dependents=target_dependents, replace=replace, refresh=refresh,
        policy_pack=policy_pack, parallel=parallel, message=message,
    )  # fmt: skip
    outcome = run_preview(session, chosen, as_json=as_json)
    if as_json:
        print_json(outcome.result.document)
    if outcome.code == exits.OK and expect_no_changes and outcome.result.has_changes:
        print(f"stack {session.ref.stack} has changes, and none were expected", file=sys.stderr)
        return exits.CHANGES
    return outcome.code


def run_preview(session: Session, chosen: Options, *, as_json: bool) -> Outcome:
    """Preview, and show what was found unless it is for JSON; errors go to stderr either way."""
    pins = pins_of(session.ref.config_file)
    outcome = operate(
        lambda on_event, cancel: session.engine.preview(session.ref, chosen, on_event, cancel),
        as_json=as_json, passing=True,
    )  # fmt: skip
    outcome.pins = [str(pin) for pin in pins]
    if as_json:
        errors(outcome)
        return outcome
    style = style_of(sys.stdout)
    for line in difference_lines(outcome.result.steps, style):
        print(line)
    for line in pin_lines(pins, session.ref.stack, emulate=session.ref.emulate):
        print(style(line, "yellow"))
    for line in summary_lines(outcome.result, style, planned=True):
        print(line)
    errors(outcome)
    return outcome
