"""`mooring rollback`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from infra.engine.api import Options
from mooring.cli import exits, options
from mooring.cli.ask import confirm_at_a_terminal
from mooring.cli.operate import Outcome, conclude, operate, print_json
from mooring.inventory import Item, items, of_kind, pick
from mooring.pins import pins_of, short_digest
from mooring.session import Session, open_session, require_deployed
from mooring.stack_file import StackFile
from mooring.versions import named, previous, served_digest, served_model

app = typer.Typer(add_completion=False)


@app.command()
def rollback(
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="A version (3) or digest; the one before by default.")
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Release the pin: the endpoint serves the current version.")
    ] = False,
    endpoint: Annotated[str | None, typer.Option("--endpoint", "-e", help="Which, when there are several.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Which, when the endpoint serves several.")] = None,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Put an earlier model version back on its endpoint, in seconds.

    Pins the version in the stack's file and updates the endpoint alone, so the next `up` does not undo it;
    --clear releases the pin. When the update fails, the file is put back as it was. With --emulate the pin is in the
    emulated stack's copy of the file.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value)
    path = session.ref.config_file
    file = StackFile(path, str(path.relative_to(session.ref.root)))
    if clear and (released := release_undeployed(session, file, endpoint, model)):
        return unchanged(session, released, as_json)
    found = items(require_deployed(session))
    item = pick(of_kind(found, "Endpoint"), endpoint, "endpoint", "--endpoint")
    if clear:
        return release(session, file, item, model, yes=yes, as_json=as_json)
    name = served_model(item, model)
    from mooring.live import versions

    kept = versions(found, name)
    serving = served_digest(item, name)
    chosen = named(kept, to, name) if to else previous(kept, serving, name)
    if chosen.digest == serving and pinned(session, item.name).get(name) == serving:
        return unchanged(session, f"endpoint {item.name} is pinned to {name} v{chosen.version} already", as_json)
    words = f"{name} v{chosen.version} ({short_digest(chosen.digest)}) on endpoint {item.name}"
    if not confirm_at_a_terminal(f"Put {words} of {session.ref.stack}?", yes=yes):
        return exits.FAILED
    file.pin(item.name, name, chosen.digest)
    print(f"rolling back to {words}", file=sys.stderr)
    return apply(session, file, item, f"rollback: {words}", as_json=as_json)


def release_undeployed(session: Session, file: StackFile, endpoint: str | None, model: str | None) -> str:
    """`--clear` of a pin whose endpoint is not deployed: only the file has it. What was done, empty for nothing."""
    deployed = {item.name for item in of_kind(items(session.export()), "Endpoint")}
    pinned_there = {pin.endpoint for pin in pins_of(session.ref.config_file)} - deployed
    chosen = {endpoint} if endpoint else pinned_there
    if len(chosen) != 1 or not chosen <= pinned_there:
        return ""
    (name,) = chosen
    if not file.unpin(name, model):
        return ""
    file.save()
    return f"{file.label}: the pin of endpoint {name} is released; the endpoint is not deployed"


def release(session: Session, file: StackFile, item: Item, model: str | None, *, yes: bool, as_json: bool) -> int:
    """`--clear`."""
    if not file.unpin(item.name, model):
        return unchanged(session, f"endpoint {item.name} has no pin{f' of {model}' if model else ''}", as_json)
    question = f"Let endpoint {item.name} of {session.ref.stack} serve the current version again?"
    if not confirm_at_a_terminal(question, yes=yes):
        return exits.FAILED
    return apply(session, file, item, f"rollback --clear: endpoint {item.name}", as_json=as_json)


def apply(session: Session, file: StackFile, item: Item, message: str, *, as_json: bool) -> int:
    """Write the stack's file and update this endpoint only; the file is put back when that fails."""
    file.save()
    chosen = Options(targets=(item.urn,), message=message)
    try:
        outcome = operate(
            lambda on_event, cancel: session.engine.up(session.ref, chosen, on_event, cancel), as_json=as_json
        )
    except BaseException:
        file.restore()
        raise
    if outcome.code != exits.OK:
        file.restore()
        print(f"{file.label} is as before", file=sys.stderr)
    outcome.pins = [str(pin) for pin in pins_of(session.ref.config_file)]
    return conclude("rollback", session.ref.stack, outcome, as_json=as_json, outputs=False)


def pinned(session: Session, endpoint: str) -> dict[str, str]:
    """Pinned digests of an endpoint by model."""
    return {pin.model: pin.digest for pin in pins_of(session.ref.config_file) if pin.endpoint == endpoint}


def unchanged(session: Session, message: str, as_json: bool) -> int:
    """Nothing to do is no failure."""
    print(message, file=sys.stderr)
    if as_json:
        from infra.engine.api import Result
        from mooring.display.document import operation_document

        pins = [str(pin) for pin in pins_of(session.ref.config_file)]
        print_json(operation_document("rollback", session.ref.stack, Outcome(Result()).result, pins=pins))
    return exits.OK
