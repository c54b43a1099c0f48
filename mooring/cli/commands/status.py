"""`mooring status`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import typer

from mooring.cli import exits, options
from mooring.cli.choices import pin_lines
from mooring.cli.operate import print_json
from mooring.display.style import Style, style_of
from mooring.display.table import table
from mooring.inventory import Item, items, of_kind
from mooring.pins import Pin, pins_of, short_digest
from mooring.session import Session, open_session
from providers.errors import MooringError

app = typer.Typer(add_completion=False)
COLOURS = {"healthy": "green", "degraded": "yellow", "failed": "red", "missing": "red", "unknown": "red"}


@app.command()
def status(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Show endpoints, versions, traffic, pins and jobs; asks the cloud itself, not the state.

    The exit status is 1 when an endpoint is not healthy.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value)
    document = collect(session)
    if as_json:
        print_json(document)
    else:
        show(document, pins_of(session.ref.config_file))
    return exits.OK if all(end["status"] in ("healthy", "updating") for end in document["endpoints"]) else exits.FAILED


def collect(session: Session) -> dict[str, Any]:
    """The JSON document."""
    ref = session.ref
    found = items(session.export())
    pins = pins_of(ref.config_file)
    return {
        "stack": ref.stack,
        "cloud": ref.cloud,
        "emulate": ref.emulate,
        "deployed": bool(found),
        "endpoints": [_endpoint(item, pins) for item in of_kind(found, "Endpoint")],
        "models": [_model(item) for item in of_kind(found, "ModelVersion")],
        "jobs": _jobs(session) if found else [],
        "pins": [pin.as_json() for pin in pins],
    }


def _endpoint(item: Item, pins: list[Pin]) -> dict[str, Any]:
    from mooring.live import endpoint_state, problem_of
    from providers.errors import NotFound

    try:
        told = endpoint_state(item).to_wire()
    except NotFound as error:
        told = {"status": "missing", "reason": problem_of(error), "deployments": []}
    except MooringError as error:
        told = {"status": "unknown", "reason": problem_of(error), "deployments": []}
    pinned = {pin.model for pin in pins if pin.endpoint == item.name}
    for deployment in told["deployments"]:
        deployment["pinned"] = deployment["model"] in pinned
    return {"name": item.name, **told}


def _model(item: Item) -> dict[str, Any]:
    version = item.get("version")
    return {
        "name": item.get("model", item.name),
        "version": int(version) if isinstance(version, float) else version,
        "digest": item.get("digest"),
        "metrics": item.get("metrics") or {},
    }


def _jobs(session: Session) -> list[dict[str, Any]]:
    """Jobs that are not over; the finished ones are in `mooring logs` and `history`."""
    from mooring.live import jobs

    try:
        found = list(jobs(session.ref, session.ref.cloud))
    except MooringError:
        return []
    return [asdict(job) for job in found if job.status in ("pending", "running", "stopping")]


def show(document: dict[str, Any], pins: list[Pin]) -> None:
    """The document for a person."""
    style = style_of(sys.stdout)
    emulated = ", emulated" if document["emulate"] else ""
    print(f"stack {style(document['stack'], 'bold')} ({document['cloud']}{emulated})")
    if not document["deployed"]:
        print(f"nothing is deployed; `mooring up --stack {document['stack']}` deploys it")
    for endpoint in document["endpoints"]:
        _show_endpoint(endpoint, style)
    if document["models"]:
        print()
        rows = [_model_row(model) for model in document["models"]]
        for line in table(["model", "version", "digest", "metrics"], rows, style):
            print(line)
    if document["jobs"]:
        print()
        rows = [[job["kind"], job["name"], job["status"], job["started"], job["id"]] for job in document["jobs"]]
        for line in table(["job", "name", "status", "since", "id"], rows, style):
            print(line)
    for line in pin_lines(pins, document["stack"], emulate=document["emulate"]):
        print(style(line, "yellow"))


def _show_endpoint(endpoint: dict[str, Any], style: Style) -> None:
    told = endpoint["status"]
    print()
    shown = style(told, COLOURS.get(told, "yellow"))
    print(f"endpoint {style(endpoint['name'], 'bold')}: {shown}  {endpoint.get('url', '')}".rstrip())
    if endpoint.get("reason"):
        print(f"  {endpoint['reason']}")
    rows = [
        [
            f"  {deployment['name']}",
            f"{deployment['model']} v{deployment['version']}" + (" (pinned)" if deployment["pinned"] else ""),
            short_digest(deployment["digest"]),
            f"{deployment['weight']} %",
            str(deployment.get("replicas", 1)),
        ]
        for deployment in endpoint["deployments"]
    ]
    if rows:
        for line in table(["  deployment", "model", "digest", "traffic", "replicas"], rows, style):
            print(line)


def _model_row(model: dict[str, Any]) -> list[str]:
    metrics = ", ".join(f"{name} {value:.3f}" for name, value in sorted(model["metrics"].items())[:4])
    return [str(model["name"]), f"v{model['version']}", short_digest(str(model["digest"] or "")), metrics]
