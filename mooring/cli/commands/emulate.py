"""`mooring emulate`."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.cli.run import UsageProblem
from mooring.emulators import Emulator, emulator, inside
from mooring.project import Project

app = typer.Typer(add_completion=False)


@app.command()
def emulate(
    cloud: Annotated[str, typer.Argument(metavar="CLOUD", help="aws.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD …]", help="A program to run inside, after `--`.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End it; what it holds stays.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all that it holds, first.")] = False,
    region: Annotated[str, typer.Option("--region", help="The region of AWS's SDKs; us-east-1 by default.")] = "",
    as_json: options.Json = False,
) -> int:
    """Run an emulated cloud, for scripts and tests of your own.

    `eval "$(mooring emulate aws)"` leads a shell there, and to no real account. `mooring emulate aws -- CMD` runs one
    program inside; the emulator ends with it, unless it ran before. What is in it stays until --reset.
    """
    if stop and words:
        raise UsageProblem("--stop and a program: one at a time")
    found = emulator(cloud, Project.find().root)
    if reset:
        found.reset()
    if stop:
        was_there = found.stop()
        print_json({"cloud": cloud, "stopped": was_there}) if as_json else print(
            "stopped" if was_there else "it did not run", file=sys.stderr
        )
        return exits.OK
    ran = bool(found.url)
    url = found.start()
    variables = found.variables(url, region)
    if words:
        return run_inside(found, words, inside(variables, os.environ), keep=ran)
    if as_json:
        print_json({"cloud": cloud, "url": url, "variables": {k: v for k, v in variables.items() if v}})
        return exits.OK
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")
    return exits.OK


def run_inside(found: Emulator, words: list[str], environment: dict[str, str], *, keep: bool) -> int:
    """Run a program to its end; its exit code. The emulator ends with it, unless it ran before."""
    try:
        process = subprocess.Popen(words, env=environment)
    except OSError as error:
        if not keep:
            found.stop()
        raise UsageProblem(f"{words[0]} cannot be run: {error.strerror or error}") from error
    try:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:  # the program got it as well, and says how it ends
                process.send_signal(signal.SIGINT)
    finally:
        if not keep:
            found.stop()
    return 128 - code if code < 0 else code
