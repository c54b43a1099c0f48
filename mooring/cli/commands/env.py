"""`mooring env`."""

from __future__ import annotations

import shlex

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.session import open_session

app = typer.Typer(add_completion=False)


@app.command()
def env(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
) -> int:
    """Print what a plain `pulumi` needs, for eval.

    `eval "$(mooring env --stack local)" && pulumi up --stack local`. The stack is made in its backend, so that
    `pulumi` neither asks nor needs a login. With --emulate the shell goes to a project of the emulated stack's own.
    """
    from mooring.backends import create_stack
    from mooring.pulumi_cli.environment import environment
    from mooring.pulumi_cli.shadow import work_dir

    session = open_session(stack, emulate=emulate, create=True)
    create_stack(session)
    variables = environment(session.ref)
    if as_json:
        print_json(variables)
    else:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")
        if session.ref.emulate:
            print(f"cd {shlex.quote(str(work_dir(session.ref)))}  # the project with the emulated configuration")
    return exits.OK
