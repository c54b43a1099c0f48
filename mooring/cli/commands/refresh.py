"""`mooring refresh`."""

from __future__ import annotations

import typer

from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.choices import engine_options
from mooring.cli.operate import conclude, operate
from mooring.session import open_session

app = typer.Typer(add_completion=False)


@app.command()
def refresh(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    expect_no_changes: options.ExpectNoChanges = False,
    target: options.Target = None,
    parallel: options.Parallel = 16,
    message: options.Message = "",
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Bring the state up to date with what really exists."""
    require_somebody(yes=yes, verb="refresh")
    session = open_session(stack, emulate=emulate, engine=engine.value)
    chosen = engine_options(session, target=target, parallel=parallel, message=message)
    if not confirm(f"Read everything in {session.ref.stack} anew and write what is found to its state?", yes=yes):
        return exits.FAILED
    outcome = operate(
        lambda on_event, cancel: session.engine.refresh(session.ref, chosen, on_event, cancel), as_json=as_json
    )
    code = conclude("refresh", session.ref.stack, outcome, as_json=as_json, outputs=False)
    return exits.CHANGES if code == exits.OK and expect_no_changes and changed(outcome.result.changes) else code


def changed(changes: dict[str, int]) -> bool:
    """Whether a refresh found something different: its reads alone are no change."""
    return any(count for op, count in changes.items() if op not in ("same", "read", "refresh"))
